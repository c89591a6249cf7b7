#include "wasmfaas.hpp"
using namespace wasmfaas;

// Any event -> how much time was left; says so in the log, too.
static Answer handle(const Json &, const Context &context) {
    int64_t remaining_ms = context.remaining_ms();
    log("invocation " + std::string(context.request_id()) + " has " + std::to_string(remaining_ms) + " ms left");
    std::puts("stdout is the log, too");
    return Json::object({{"remainingMs", remaining_ms}});
}

WASMFAAS_FUNCTION(handle)
