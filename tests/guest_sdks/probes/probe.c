/* The probe of the conformance run, in C; tests/guest_sdks/test_conformance.py says what it does. */
#define _DEFAULT_SOURCE
#include "wasmfaas.h"
#include "wasmfaas_http.h"

#include <unistd.h>

static unsigned long count;

static void environment(const wasmfaas_request *request, wasmfaas_response *response) {
    char name[64];
    wasmfaas_member_string(request->event, "name", name, sizeof name);
    const char *value = getenv(name);
    if (value == NULL) wasmfaas_print(response, "null");
    else wasmfaas_quote(response, "%s", value);
}

static void now(wasmfaas_response *response) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    wasmfaas_print(response, "%lld", (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000);
}

static void draw(wasmfaas_response *response) {
    uint64_t secure;
    if (getentropy(&secure, sizeof secure) != 0) abort();
    wasmfaas_print(response, "{\"secure\": \"%llx\", \"pseudo\": %ld}", (unsigned long long)secure, random());
}

static void context(const wasmfaas_request *request, wasmfaas_response *response) {
    wasmfaas_context context = wasmfaas_context_of(request);
    wasmfaas_print(response, "{\"remainingMs\": %lld", (long long)wasmfaas_remaining_ms(request));
    const char *fields[] = {
        "requestId", context.request_id, "functionName", context.function_name,
        "functionVersion", context.function_version, "invokedFunctionArn", context.invoked_function_arn,
        "logGroupName", context.log_group_name, "logStreamName", context.log_stream_name,
        "traceId", context.trace_id};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i += 2) {
        wasmfaas_print(response, ", \"%s\": ", fields[i]);
        wasmfaas_quote(response, "%s", fields[i + 1]);
    }
    wasmfaas_print(response, ", \"memoryLimitInMB\": %d}", context.memory_limit_mb);
}

static void text(const wasmfaas_request *request, wasmfaas_response *response) {
    wasmfaas_text value = wasmfaas_member(request->event, "text");
    char *plain = malloc(value.size + 1);
    if (wasmfaas_string(value, plain, value.size + 1) < 0) abort();
    wasmfaas_quote(response, "%s", plain);
    free(plain);
}

static void value(const wasmfaas_request *request, wasmfaas_response *response) {
    wasmfaas_text value = wasmfaas_member(request->event, "value");
    wasmfaas_write(response, value.data, value.size);
}

static void fail(const wasmfaas_request *request, wasmfaas_response *response) {
    static char type[64], message[1 << 17];
    wasmfaas_member_string(request->event, "type", type, sizeof type);
    wasmfaas_member_string(request->event, "message", message, sizeof message);
    wasmfaas_fail(response, type, "%s", message);
}

static void panic(const wasmfaas_request *request) {
    char message[64];
    wasmfaas_member_string(request->event, "message", message, sizeof message);
    wasmfaas_log_at(WASMFAAS_FATAL, "%s", message);
    abort();
}

static void logs(wasmfaas_response *response) {
    puts("one");
    fputs("two\n", stderr);
    wasmfaas_log_at(WASMFAAS_DEBUG, "three");
    wasmfaas_log("four");
    wasmfaas_log_at(WASMFAAS_WARN, "five");
    wasmfaas_log_at(WASMFAAS_ERROR, "six");
    wasmfaas_print(response, "null");
}

static void allocate(void) {
    for (;;) {
        char *volatile memory = malloc(1 << 20);
        if (memory == NULL) abort();
        memset(memory, 1, 1 << 20);
    }
}

static void respond(const wasmfaas_request *request, wasmfaas_response *response) {
    wasmfaas_buffer body = {NULL, 0, 0};
    char method[16];
    wasmfaas_http(request, "method", method, sizeof method);
    if (!wasmfaas_http_body(request, &body)) abort();
    for (size_t i = 0; i < body.size / 2; i++) {
        char other = body.data[i];
        body.data[i] = body.data[body.size - 1 - i];
        body.data[body.size - 1 - i] = other;
    }
    wasmfaas_respond(response, 201, body.data, body.size, "content-type", "application/octet-stream",
                     "x-method", method, NULL);
    free(body.data);
}

static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    char what[32] = "";
    count++;
    wasmfaas_member_string(request->event, "do", what, sizeof what);
    if (wasmfaas_member(request->event, "requestContext").data != NULL) respond(request, response);
    else if (strcmp(what, "environment") == 0) environment(request, response);
    else if (strcmp(what, "time") == 0) now(response);
    else if (strcmp(what, "random") == 0) draw(response);
    else if (strcmp(what, "count") == 0) wasmfaas_print(response, "%lu", count);
    else if (strcmp(what, "context") == 0) context(request, response);
    else if (strcmp(what, "text") == 0) text(request, response);
    else if (strcmp(what, "value") == 0) value(request, response);
    else if (strcmp(what, "fail") == 0) fail(request, response);
    else if (strcmp(what, "panic") == 0) panic(request);
    else if (strcmp(what, "exit") == 0) exit(0);
    else if (strcmp(what, "log") == 0) logs(response);
    else if (strcmp(what, "allocate") == 0) allocate();
    else wasmfaas_fail(response, "BadEvent", "nothing to do");
}

WASMFAAS_HANDLER(handle)
