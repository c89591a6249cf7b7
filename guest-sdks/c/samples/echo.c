#include "wasmfaas.h"

/* Any event -> {"event": the event, "context": the context}, both as they came. */
static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    wasmfaas_print(response, "{\"event\":");
    wasmfaas_write(response, request->event.data, request->event.size);
    wasmfaas_print(response, ",\"context\":");
    wasmfaas_write(response, request->context.data, request->context.size);
    wasmfaas_print(response, "}");
}

WASMFAAS_HANDLER(handle)
