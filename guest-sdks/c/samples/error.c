#include "wasmfaas.h"

/* {"value": 9} -> 3, but {"value": -1} -> an error of type Negative. */
static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    double value = wasmfaas_number(wasmfaas_member(request->event, "value"), -1), root = value;
    if (value < 0) {
        wasmfaas_fail(response, "Negative", "%g has no square root here", value);
        return;
    }
    for (int i = 0; i < 100; i++) root = root > 0 ? (root + value / root) / 2 : 0;
    wasmfaas_print(response, "%g", root);
}

WASMFAAS_HANDLER(handle)
