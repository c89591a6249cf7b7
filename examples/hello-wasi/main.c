#include <stdio.h>
#include <stdlib.h>

/* Answers in plain text how long the event is. Nothing here knows of wasmfaas. */
int main(void) {
    static char chunk[65536];
    size_t read, total = 0;
    while ((read = fread(chunk, 1, sizeof chunk, stdin)) > 0) total += read;
    const char *name = getenv("AWS_LAMBDA_FUNCTION_NAME");
    fprintf(stderr, "read %zu bytes\n", total);
    printf("Hello from %s: the event has %zu bytes\n", name ? name : "a plain program", total);
    return 0;
}
