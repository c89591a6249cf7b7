#include "wasmfaas.h"

/* Any event -> how much time was left; says so in the log, too. */
static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    char id[64];
    wasmfaas_member_string(request->context, "requestId", id, sizeof id);
    long long remaining = (long long)wasmfaas_remaining_ms(request);
    wasmfaas_log("invocation %s has %lld ms left", id, remaining);
    printf("stdout is the log, too\n");
    wasmfaas_print(response, "{\"remainingMs\": %lld}", remaining);
}

WASMFAAS_HANDLER(handle)
