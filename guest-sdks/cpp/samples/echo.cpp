#include "wasmfaas.hpp"
using namespace wasmfaas;

// Any event -> {"event": the event, "context": the context}, both as they came.
static Answer handle(const Json &, const Context &context) {
    return Json::object(
        {{"event", Raw{std::string(context.event())}}, {"context", Raw{std::string(context.json())}}});
}

WASMFAAS_FUNCTION(handle)
