#include "wasmfaas.hpp"
using namespace wasmfaas;

// {"value": 9} -> 3, but {"value": -4} -> an error of type Negative.
static Answer handle(const Json &event, const Context &) {
    if (!event["value"].is_number()) return Error{"BadEvent", "the event needs a number \"value\""};
    double value = event["value"].number();
    if (value < 0) return Error{"Negative", Json(value).text() + " has no square root here"};
    return std::sqrt(value);
}

WASMFAAS_FUNCTION(handle)
