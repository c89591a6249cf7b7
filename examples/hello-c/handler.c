#include "wasmfaas.h"

/* Says hello: to the "name" of the event or, over HTTP, of the query string. */
static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    char name[256];
    wasmfaas_text query = wasmfaas_member(request->event, "queryStringParameters");
    if (wasmfaas_member_string(request->event, "name", name, sizeof name) < 0 &&
        wasmfaas_member_string(query, "name", name, sizeof name) < 0) {
        wasmfaas_fail(response, "NameMissing", "send a \"name\" of less than %zu bytes", sizeof name);
        return;
    }
    wasmfaas_log("greeting %s", name);
    wasmfaas_print(response, "{\"greeting\": ");
    wasmfaas_quote(response, "Hello, %s!", name);
    wasmfaas_print(response, "}");
}

WASMFAAS_HANDLER(handle)
