#include "wasmfaas.hpp"
using namespace wasmfaas;

// {"name": "you"} -> {"greeting": "Hello, you!"}
static Answer handle(const Json &event, const Context &) {
    if (!event["name"].is_string()) return Error{"BadEvent", "the event needs a string \"name\""};
    return Json::object({{"greeting", "Hello, " + event["name"].string() + "!"}});
}

WASMFAAS_FUNCTION(handle)
