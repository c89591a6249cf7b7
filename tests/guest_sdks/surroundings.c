/* Tells what a guest finds around it; section 7 of the ABI text. */
#define _DEFAULT_SOURCE
#include "wasmfaas.h"

#include <errno.h>
#include <unistd.h>

extern char **environ;

/* errno of opening a file, 0 if that works. */
static int opening(const char *path, const char *mode) {
    FILE *file = fopen(path, mode);
    if (file == NULL) return errno;
    fclose(file);
    return 0;
}

static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    char line[256] = "", random[8], path[64];
    wasmfaas_print(response, "{\"environment\": [");
    for (char **variable = environ; *variable; variable++) {
        wasmfaas_print(response, variable == environ ? "" : ", ");
        wasmfaas_quote(response, "%s", *variable);
    }
    FILE *file = fopen("/var/task/note.txt", "r");
    if (file == NULL || fgets(line, sizeof line, file) == NULL) strcpy(line, "cannot read it");
    if (file) fclose(file);
    wasmfaas_print(response, "], \"note\": ");
    wasmfaas_quote(response, "%s", line);
    if (getentropy(random, sizeof random) != 0) abort();
    uint64_t number;
    memcpy(&number, random, sizeof number);
    wasmfaas_print(response, ", \"random\": \"%016llx\"", (unsigned long long)number);
    wasmfaas_print(response, ", \"writing_package\": %d", opening("/var/task/new", "w"));
    wasmfaas_print(response, ", \"before_in_tmp\": %d", opening("/tmp/new", "r"));
    wasmfaas_print(response, ", \"writing_tmp\": %d", opening("/tmp/new", "w"));
    wasmfaas_print(response, ", \"after_in_tmp\": %d", opening("/tmp/new", "r"));
    wasmfaas_print(response, ", \"stdin\": %zu", fread(line, 1, sizeof line, stdin));
    if (wasmfaas_member_string(request->event, "path", path, sizeof path) > 0) {
        wasmfaas_print(response, ", \"reading\": %d", opening(path, "r"));
    }
    wasmfaas_print(response, "}");
}

WASMFAAS_HANDLER(handle)
