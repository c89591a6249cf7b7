/* Leaves a canary wherever it can ("plant"), or looks for one in all of its memory ("hunt").
 *
 * The canary comes in two halves, each XORed with a mask; who looks for it never unmasks it. With
 * FILES it also uses files, which costs a module its image. With COMMAND it is a command. */
#include "wasmfaas.h"

#include <unistd.h>
#ifdef FILES
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#endif

enum { HALF = 24, CANARY = 2 * HALF, PAGE = 65536, DEPTH = 24, DESCRIPTORS = 64 };

static unsigned char mask[HALF], masked[CANARY];
static unsigned char in_data[CANARY + 1] = {1};
static unsigned char in_bss[8 * CANARY];
static char stream_buffer[1024];
/* A global of WebAssembly, outside of memory. */
static volatile long long __attribute__((address_space(1))) in_global;

static void unhex(wasmfaas_text event, const char *name, unsigned char *out) {
    char digits[2 * HALF + 1], pair[3] = {0};
    if (wasmfaas_member_string(event, name, digits, sizeof digits) != 2 * HALF) __builtin_trap();
    for (size_t i = 0; i < HALF; i++) {
        memcpy(pair, digits + 2 * i, 2);
        out[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
}

/* ---- hunt ------------------------------------------------------------------------------------- */

static size_t hits(void) {
    size_t found = 0, end = __builtin_wasm_memory_size(0) * PAGE - CANARY;
    for (size_t at = 0; at <= end; at++) {
        const volatile unsigned char *memory = (const volatile unsigned char *)(uintptr_t)at;
        size_t same = 0;
        while (same < CANARY && (memory[same] ^ mask[same % HALF]) == masked[same]) same++;
        if (same == CANARY) found++;
    }
    return found;
}

/* Bytes that are not zero in memory that did not belong to anybody before. */
static size_t dirty(void) {
    size_t found = 0, start = __builtin_wasm_memory_size(0) * PAGE;
    if (__builtin_wasm_memory_grow(0, 4) == (size_t)-1) return 0;
    for (size_t at = start; at < start + 4 * PAGE; at++) {
        if (*(const volatile unsigned char *)(uintptr_t)at) found++;
    }
    return found;
}

#ifdef FILES
static bool was_open[DESCRIPTORS];

static bool is_open(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0;
}

__attribute__((constructor)) static void look_at_descriptors(void) {
    for (int descriptor = 0; descriptor < DESCRIPTORS; descriptor++) {
        was_open[descriptor] = is_open(descriptor);
    }
}
#endif

static size_t files(void) {
    size_t found = 0;
#ifdef FILES
    DIR *folder = opendir("/tmp");
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') found++;
    }
    if (folder != NULL) closedir(folder);
    for (int descriptor = 0; descriptor < DESCRIPTORS; descriptor++) {
        if (is_open(descriptor) && !was_open[descriptor]) found++;
    }
#endif
    return found;
}

/* ---- plant ------------------------------------------------------------------------------------ */

static size_t on_stack(const unsigned char *canary, size_t depth) {
    volatile unsigned char frame[40 * CANARY];
    for (size_t i = 0; i < sizeof frame; i++) frame[i] = canary[i % CANARY];
    return depth == 0 ? frame[0] : on_stack(canary, depth - 1) + frame[CANARY];
}

static void fill(unsigned char *start, size_t size, const unsigned char *canary) {
    for (size_t i = 0; i < size; i++) start[i] = canary[i % CANARY];
}

static void on_heap(const unsigned char *canary, size_t size) {
    unsigned char *freed[4];
    for (size_t i = 0; i < 4; i++) {
        if ((freed[i] = malloc(size)) == NULL) __builtin_trap();
        fill(freed[i], size, canary);
    }
    for (size_t i = 0; i < 3; i++) free(freed[i]); /* and keep one */
}

static void to_files(const char *text) {
#ifdef FILES
    static char path[80] = "/tmp/";
    memcpy(path + 5, text, CANARY);
    FILE *left_open = fopen(path, "w");
    if (left_open != NULL) fputs(text, left_open);
    mkdir("/tmp/folder", 0700);
    open("/tmp/folder/descriptor", O_CREAT | O_RDWR, 0600);
#else
    (void)text;
#endif
}

static void plant(void) {
    unsigned char canary[CANARY + 1] = {0};
    for (size_t i = 0; i < CANARY; i++) canary[i] = masked[i] ^ mask[i % HALF];
    long long part;
    memcpy(&part, canary, sizeof part);
    in_global = part;
    fill(in_data, CANARY, canary);
    fill(in_bss, sizeof in_bss, canary);
    on_stack(canary, DEPTH);
    for (size_t size = CANARY; size < 100000; size *= 3) on_heap(canary, size);
    setenv("CANARY", (const char *)canary, 1);
    setvbuf(stdout, stream_buffer, _IOFBF, sizeof stream_buffer);
    fputs((const char *)canary, stderr);
    printf("%s", (const char *)canary); /* and do not flush */
    to_files((const char *)canary);
    size_t pages = __builtin_wasm_memory_grow(0, 3);
    if (pages != (size_t)-1) fill((unsigned char *)(uintptr_t)(pages * PAGE), 3 * PAGE, canary);
}

static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
    char what[16];
    wasmfaas_text event = request->event;
    unhex(event, "mask", mask);
    unhex(event, "head", masked);
    unhex(event, "tail", masked + HALF);
    long long held = in_global;
    if (wasmfaas_member_string(event, "do", what, sizeof what) < 0) __builtin_trap();
    if (strcmp(what, "hunt") == 0) {
        wasmfaas_print(response, "{\"memory\":%zu,\"global\":%d,\"files\":%zu,\"dirty\":%zu}",
                       hits(), held != 0, files(), dirty());
        return;
    }
    plant();
    if (wasmfaas_member_string(event, "end", what, sizeof what) < 0) __builtin_trap();
    if (strcmp(what, "trap") == 0) __builtin_trap();
    if (strcmp(what, "exit") == 0) _Exit(3);
    for (volatile size_t turns = 0; strcmp(what, "spin") == 0;) turns++;
    if (strcmp(what, "raise") == 0) {
        wasmfaas_fail(response, "Planted", "%s", (const char *)in_data);
    } else {
        wasmfaas_quote(response, "%s", (const char *)in_data);
    }
}

#ifdef COMMAND
int main(void) {
    static char event[4096];
    wasmfaas_response response = {0};
    wasmfaas_request request = {{event, fread(event, 1, sizeof event, stdin)}, {"", 0}};
    handle(&request, &response);
    fwrite(response.buffer.data, 1, response.buffer.size, stdout);
}
#else
WASMFAAS_HANDLER(handle)
#endif
