#include "wasmfaas.h"

/* {"name": "you"} -> {"greeting": "Hello, you!"} */
static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    char name[64];
    if (wasmfaas_member_string(request->event, "name", name, sizeof name) < 0) {
        wasmfaas_fail(response, "BadEvent", "the event needs a string \"name\" of less than 64 bytes");
        return;
    }
    wasmfaas_print(response, "{\"greeting\": ");
    wasmfaas_quote(response, "Hello, %s!", name);
    wasmfaas_print(response, "}");
}

WASMFAAS_HANDLER(handle)
