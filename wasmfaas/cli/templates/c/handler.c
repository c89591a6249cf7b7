#include "wasmfaas.h"

/* {"name": "Ada"} -> {"greeting": "Hello, Ada!"} */
static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    char name[64];
    if (wasmfaas_member_string(request->event, "name", name, sizeof name) < 0) {
        wasmfaas_fail(response, "NameMissing", "the event needs a string \"name\" of less than 64 bytes");
        return;
    }
    wasmfaas_log("greeting %s, %lld ms left", name, (long long)wasmfaas_remaining_ms(request));
    wasmfaas_print(response, "{\"greeting\": ");
    wasmfaas_quote(response, "Hello, %s!", name);
    wasmfaas_print(response, "}");
}

WASMFAAS_HANDLER(handle)
