/* Runs parts of wasmfaas.h on input from a pipe. The input ends where an unreadable page begins,
 * so that reading a byte too many ends the program.
 *
 * Frames, both ways: four bytes of length, little-endian, then that many bytes. The first byte of
 * a request says what to do with the others; the first byte of an answer is '+' or '-'. */
#define _DEFAULT_SOURCE
#include "wasmfaas.h"

#include <sys/mman.h>

enum { AREA = 1 << 20, PAGE = 1 << 16 };

static void reply(char sign, const char *data, size_t size) {
    uint32_t length = (uint32_t)size + 1;
    fwrite(&length, 4, 1, stdout);
    fputc(sign, stdout);
    fwrite(data, 1, size, stdout);
    fflush(stdout);
}

static void member(wasmfaas_text json) {
    static char out[1024];
    int length = wasmfaas_member_string(json, "k", out, sizeof out);
    reply(length < 0 ? '-' : '+', out, length < 0 ? 0 : (size_t)length);
}

static void number(wasmfaas_text json) {
    char out[64];
    double value = wasmfaas_number(wasmfaas_member(json, "k"), -1e300);
    int length = snprintf(out, sizeof out, "%.17g", value);
    reply(value > -1e300 ? '+' : '-', out, (size_t)length);
}

static void envelope(wasmfaas_text data) {
    wasmfaas_request request;
    wasmfaas_buffer both = {NULL, 0, 0};
    bool whole = wasmfaas_impl_request(data, &request);
    if (whole) {
        wasmfaas_impl_append(&both, request.event.data, request.event.size);
        wasmfaas_impl_append(&both, "|", 1);
        wasmfaas_impl_append(&both, request.context.data, request.context.size);
    }
    reply(whole ? '+' : '-', both.data ? both.data : "", both.size);
    free(both.data);
}

static void quote(wasmfaas_text text) {
    wasmfaas_response response = {{NULL, 0, 0}, false};
    wasmfaas_quote(&response, "%.*s", (int)text.size, text.data);
    reply('+', response.buffer.data, response.buffer.size);
    free(response.buffer.data);
}

int main(void) {
    char *area = mmap(NULL, AREA + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED || mprotect(area + AREA, PAGE, PROT_NONE) != 0) return 1;
    uint32_t length;
    while (fread(&length, 4, 1, stdin) == 1 && length > 0 && length <= AREA) {
        char *frame = area + AREA - length;
        if (fread(frame, 1, length, stdin) != length) return 1;
        wasmfaas_text text = {frame + 1, length - 1};
        if (*frame == 'm') member(text);
        if (*frame == 'n') number(text);
        if (*frame == 'e') envelope(text);
        if (*frame == 'q') quote(text);
    }
    munmap(area, AREA + PAGE);
    return 0;
}
