#include "wasmfaas.h"

#include <math.h>

/* {"value": 9} -> 3, but {"value": -4} -> an error of type Negative. */
static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    double value = wasmfaas_number(wasmfaas_member(request->event, "value"), NAN);
    if (isnan(value)) {
        wasmfaas_fail(response, "BadEvent", "the event needs a number \"value\"");
    } else if (value < 0) {
        wasmfaas_fail(response, "Negative", "%g has no square root here", value);
    } else {
        wasmfaas_print(response, "%.17g", sqrt(value));
    }
}

WASMFAAS_HANDLER(handle)
