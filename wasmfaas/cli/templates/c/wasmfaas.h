/* wasmfaas.h: write a wasmfaas function in C99 or C++. ABI version 1, see guest-sdks/README.md.
 *
 *     #include "wasmfaas.h"
 *
 *     static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
 *         char name[64];
 *         if (wasmfaas_member_string(request->event, "name", name, sizeof name) < 0) {
 *             wasmfaas_fail(response, "BadEvent", "the event needs a string \"name\"");
 *             return;
 *         }
 *         wasmfaas_print(response, "{\"greeting\": ");
 *         wasmfaas_quote(response, "Hello, %s!", name);
 *         wasmfaas_print(response, "}");
 *     }
 *     WASMFAAS_HANDLER(handle)
 *
 * Built for wasm32-wasi with -mexec-model=reactor that is a function to deploy. Built for anything
 * else it is a program that reads an event from stdin and writes the answer to stdout, for use
 * under a debugger.
 *
 * No function here reads or writes outside of what it is given. Memory that runs out ends in
 * abort(), which the caller of the function sees as Runtime.OutOfMemory.
 */
#ifndef WASMFAAS_H
#define WASMFAAS_H

/* -std=c99 hides clock_gettime otherwise. */
#if defined(__STRICT_ANSI__) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WASMFAAS_ABI_VERSION 1

#if defined(__GNUC__)
#define WASMFAAS_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define WASMFAAS_PRINTF(at, first)
#endif

/* Bytes that belong to somebody else; not terminated by NUL. `data` is NULL for "there is none". */
typedef struct {
    const char *data;
    size_t size;
} wasmfaas_text;

/* One invocation: both members are JSON texts, valid until the handler returns. */
typedef struct {
    wasmfaas_text event;
    wasmfaas_text context;
} wasmfaas_request;

typedef struct {
    char *data;
    size_t size;
    size_t capacity;
} wasmfaas_buffer;

/* What the handler says. Use the functions below. */
typedef struct {
    wasmfaas_buffer buffer;
    bool failed;
} wasmfaas_response;

typedef void (*wasmfaas_handler)(const wasmfaas_request *request, wasmfaas_response *response);

/* ---- buffers ---------------------------------------------------------------------------------- */

/* Space for `more` bytes after the ones in use. */
static inline char *wasmfaas_impl_reserve(wasmfaas_buffer *buffer, size_t more) {
    if (more > SIZE_MAX / 2 - buffer->size) abort();
    size_t least = buffer->size + more;
    if (least > buffer->capacity) {
        size_t capacity = least < 256 ? 256 : least + least / 2;
        char *data = (char *)realloc(buffer->data, capacity);
        if (data == NULL) abort();
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

static inline void wasmfaas_impl_append(wasmfaas_buffer *buffer, const void *data, size_t size) {
    if (size == 0) return;
    memcpy(wasmfaas_impl_reserve(buffer, size), data, size);
    buffer->size += size;
}

WASMFAAS_PRINTF(2, 0)
static inline void wasmfaas_impl_format(wasmfaas_buffer *buffer, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    if (size < 0) abort();
    vsnprintf(wasmfaas_impl_reserve(buffer, (size_t)size + 1), (size_t)size + 1, format, again);
    va_end(again);
    buffer->size += (size_t)size;
}

/* Length of the UTF-8 sequence at the start of `text`; 0 where there is no valid one. */
static inline size_t wasmfaas_impl_utf8(const char *text, size_t size) {
    const unsigned char *byte = (const unsigned char *)text;
    size_t length = byte[0] < 0x80 ? 1 : byte[0] >= 0xF0 ? 4 : byte[0] >= 0xE0 ? 3 : 2;
    if (length == 1) return 1;
    if (byte[0] < 0xC2 || byte[0] > 0xF4 || length > size) return 0;
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xC0) != 0x80) return 0;
    }
    bool overlong = (byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xF0 && byte[1] < 0x90);
    bool surrogate = byte[0] == 0xED && byte[1] > 0x9F;
    bool beyond = byte[0] == 0xF4 && byte[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : length;
}

/* `text` as UTF-8, U+FFFD for every byte that is not; with `escaped`, as JSON string contents. */
static inline void wasmfaas_impl_clean(wasmfaas_buffer *buffer, const char *text, size_t size, bool escaped) {
    for (size_t i = 0; i < size;) {
        size_t length = wasmfaas_impl_utf8(text + i, size - i);
        unsigned char byte = (unsigned char)text[i];
        if (length == 0) {
            wasmfaas_impl_append(buffer, "\xEF\xBF\xBD", 3);
        } else if (escaped && (byte < 0x20 || byte == '"' || byte == '\\')) {
            char escape[8];
            int written = byte < 0x20 ? snprintf(escape, sizeof escape, "\\u%04x", byte)
                                      : snprintf(escape, sizeof escape, "\\%c", byte);
            wasmfaas_impl_append(buffer, escape, (size_t)written);
        } else {
            wasmfaas_impl_append(buffer, text + i, length);
        }
        i += length == 0 ? 1 : length;
    }
}

/* ---- the answer ------------------------------------------------------------------------------- */

/* Appends to the answer, which in the end must be one JSON text; nothing at all is `null`. */
static inline void wasmfaas_write(wasmfaas_response *response, const void *data, size_t size) {
    if (!response->failed) wasmfaas_impl_append(&response->buffer, data, size);
}

/* The same, like printf. Strings from outside belong into wasmfaas_quote. */
WASMFAAS_PRINTF(2, 3)
static inline void wasmfaas_print(wasmfaas_response *response, const char *format, ...) {
    if (response->failed) return;
    va_list arguments;
    va_start(arguments, format);
    wasmfaas_impl_format(&response->buffer, format, arguments);
    va_end(arguments);
}

/* Appends a JSON string: formats like printf, then adds quotes and escapes. */
WASMFAAS_PRINTF(2, 3)
static inline void wasmfaas_quote(wasmfaas_response *response, const char *format, ...) {
    if (response->failed) return;
    wasmfaas_buffer plain = {NULL, 0, 0};
    va_list arguments;
    va_start(arguments, format);
    wasmfaas_impl_format(&plain, format, arguments);
    va_end(arguments);
    wasmfaas_write(response, "\"", 1);
    wasmfaas_impl_clean(&response->buffer, plain.data, plain.size, true);
    wasmfaas_write(response, "\"", 1);
    free(plain.data);
}

/* Fills in the four bytes of length that end at `start`, for all that follows. */
static inline void wasmfaas_impl_measure(wasmfaas_buffer *buffer, size_t start) {
    size_t length = buffer->size - start;
    for (size_t i = 1; i <= 4; i++, length >>= 8) buffer->data[start - i] = (char)(length & 0xFF);
}

static inline void wasmfaas_impl_str32(wasmfaas_buffer *buffer, const char *text, size_t size) {
    wasmfaas_impl_append(buffer, "\xDB....", 5);
    size_t start = buffer->size;
    wasmfaas_impl_clean(buffer, text, size, false);
    wasmfaas_impl_measure(buffer, start);
}

/* Answers with an error instead: drops what was printed, and ignores whatever follows. */
WASMFAAS_PRINTF(3, 4)
static inline void wasmfaas_fail(wasmfaas_response *response, const char *type, const char *format, ...) {
    if (response->failed) return;
    wasmfaas_buffer message = {NULL, 0, 0};
    va_list arguments;
    va_start(arguments, format);
    wasmfaas_impl_format(&message, format, arguments);
    va_end(arguments);
    response->failed = true;
    response->buffer.size = 0;
    wasmfaas_impl_append(&response->buffer, "\x81\xA5" "error\x82\xA9" "errorType", 18);
    wasmfaas_impl_str32(&response->buffer, type, strlen(type));
    wasmfaas_impl_append(&response->buffer, "\xAC" "errorMessage", 13);
    wasmfaas_impl_str32(&response->buffer, message.data, message.size);
    free(message.data);
}

/* ---- the log ---------------------------------------------------------------------------------- */

typedef enum {
    WASMFAAS_TRACE,
    WASMFAAS_DEBUG,
    WASMFAAS_INFO,
    WASMFAAS_WARN,
    WASMFAAS_ERROR,
    WASMFAAS_FATAL
} wasmfaas_level;

/* The name of a level, up to FATAL; NULL past it. */
static inline const char *wasmfaas_impl_level(int level) {
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    return level >= WASMFAAS_TRACE && level <= WASMFAAS_FATAL ? names[level] : NULL;
}

/* Whether lines of `level` are wanted: those from the variable AWS_LAMBDA_LOG_LEVEL on, else from
 * INFO. */
static inline bool wasmfaas_logs(wasmfaas_level level) {
    const char *least = getenv("AWS_LAMBDA_LOG_LEVEL");
    int from = WASMFAAS_TRACE;
    while (least != NULL && wasmfaas_impl_level(from) && strcmp(least, wasmfaas_impl_level(from)) != 0) from++;
    return (int)level >= (least != NULL && wasmfaas_impl_level(from) ? from : WASMFAAS_INFO);
}

WASMFAAS_PRINTF(2, 0)
static inline void wasmfaas_impl_log(wasmfaas_level level, const char *format, va_list arguments) {
    const char *name = wasmfaas_impl_level((int)level);
    if (name == NULL || !wasmfaas_logs(level)) return;
    fflush(stdout);
    fprintf(stderr, "[%s] ", name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

/* Writes one line to the function's log, at the level INFO. */
WASMFAAS_PRINTF(1, 2)
static inline void wasmfaas_log(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    wasmfaas_impl_log(WASMFAAS_INFO, format, arguments);
    va_end(arguments);
}

/* The same at another level. */
WASMFAAS_PRINTF(2, 3)
static inline void wasmfaas_log_at(wasmfaas_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    wasmfaas_impl_log(level, format, arguments);
    va_end(arguments);
}

/* ---- reading JSON ----------------------------------------------------------------------------- */

static inline size_t wasmfaas_impl_space(wasmfaas_text json, size_t at) {
    while (at < json.size && json.data[at] != '\0' && strchr(" \t\r\n", json.data[at])) at++;
    return at;
}

/* Where the value that begins at `at` ends; json.size for one that does not. */
static inline size_t wasmfaas_impl_skip(wasmfaas_text json, size_t at) {
    size_t depth = 0;
    bool quoted = false;
    for (; at < json.size; at++) {
        unsigned char c = (unsigned char)json.data[at];
        if (quoted) {
            if (c == '\\') at++;
            if (c != '"') continue;
            quoted = false;
        } else if (c == '"') {
            quoted = true;
            continue;
        } else if (c == '{' || c == '[') {
            depth++;
            continue;
        } else if (depth > 0 && (c == '}' || c == ']')) {
            depth--;
        } else if (depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']' || c <= ' ')) {
            return at;
        } else {
            continue;
        }
        if (depth == 0) return at + 1;
    }
    return json.size;
}

static inline wasmfaas_text wasmfaas_impl_value(wasmfaas_text json, size_t at) {
    wasmfaas_text value = {json.data + at, wasmfaas_impl_skip(json, at) - at};
    return value;
}

static inline int wasmfaas_impl_hex(const char *digits) {
    int number = 0;
    for (int i = 0; i < 4; i++) {
        const char *all = "0123456789abcdef0123456789ABCDEF";
        const char *found = digits[i] == '\0' ? NULL : strchr(all, digits[i]);
        if (found == NULL) return -1;
        number = number * 16 + (int)(found - all) % 16;
    }
    return number;
}

static inline void wasmfaas_impl_encode(wasmfaas_buffer *buffer, uint32_t code) {
    unsigned char bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code >>= 6) bytes[i] = (unsigned char)(0x80 | (code & 0x3F));
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    bytes[0] = (unsigned char)(lead[size] | code);
    wasmfaas_impl_append(buffer, bytes, size);
}

/* Decodes the \u escapes at `at` (after the backslash): the number of bytes read, 0 if broken. */
static inline size_t wasmfaas_impl_unicode(wasmfaas_text json, size_t at, wasmfaas_buffer *out) {
    int high = json.size - at < 5 ? -1 : wasmfaas_impl_hex(json.data + at + 1);
    if (high < 0) return 0;
    if (high >= 0xD800 && high < 0xDC00 && json.size - at >= 11 && json.data[at + 5] == '\\' &&
        json.data[at + 6] == 'u') {
        int low = wasmfaas_impl_hex(json.data + at + 7);
        if (low >= 0xDC00 && low < 0xE000) {
            wasmfaas_impl_encode(out, 0x10000u + (((uint32_t)high - 0xD800u) << 10) + ((uint32_t)low - 0xDC00u));
            return 11;
        }
    }
    bool lone = high >= 0xD800 && high < 0xE000;
    wasmfaas_impl_encode(out, lone ? 0xFFFDu : (uint32_t)high);
    return 5;
}

/* Decodes the JSON string `json` and appends it to `out`; false where it is not a JSON string. */
static inline bool wasmfaas_impl_unquote(wasmfaas_text json, wasmfaas_buffer *out) {
    if (json.size < 2 || json.data[0] != '"' || json.data[json.size - 1] != '"') return false;
    json.size--;
    for (size_t at = 1; at < json.size;) {
        if (json.data[at] == '"') return false;
        if (json.data[at] != '\\') {
            wasmfaas_impl_append(out, json.data + at++, 1);
            continue;
        }
        if (++at == json.size) return false;
        if (json.data[at] == 'u') {
            size_t read = wasmfaas_impl_unicode(json, at, out);
            if (read == 0) return false;
            at += read;
            continue;
        }
        static const char escapes[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
        const char *found = json.data[at] == '\0' ? NULL : strchr(escapes, json.data[at]);
        if (found == NULL) return false;
        wasmfaas_impl_append(out, plain + (found - escapes), 1);
        at++;
    }
    return true;
}

/* The JSON text of the member `name` of the JSON object `object`; none where there is none, so
 * that look-ups can be nested. Of members with one name the last counts. */
static inline wasmfaas_text wasmfaas_member(wasmfaas_text object, const char *name) {
    wasmfaas_text found = {NULL, 0};
    size_t at = wasmfaas_impl_space(object, 0);
    if (at == object.size || object.data[at] != '{') return found;
    wasmfaas_buffer key = {NULL, 0, 0};
    size_t size = strlen(name);
    for (at++; at < object.size; at++) {
        wasmfaas_text quoted = wasmfaas_impl_value(object, at = wasmfaas_impl_space(object, at));
        key.size = 0;
        if (!wasmfaas_impl_unquote(quoted, &key)) break;
        at = wasmfaas_impl_space(object, at + quoted.size);
        if (at == object.size || object.data[at] != ':') break;
        wasmfaas_text value = wasmfaas_impl_value(object, at = wasmfaas_impl_space(object, at + 1));
        if (value.size > 0 && key.size == size && memcmp(key.data ? key.data : "", name, size) == 0) {
            found = value;
        }
        at = wasmfaas_impl_space(object, at + value.size);
        if (at == object.size || object.data[at] != ',') break;
    }
    free(key.data);
    return found;
}

/* Decodes a JSON string into `out`, NUL-terminated. Returns its length in bytes, or -1 with an
 * empty `out` if it is not a string, does not fit, or holds U+0000, which C strings cannot. */
static inline int wasmfaas_string(wasmfaas_text value, char *out, size_t size) {
    wasmfaas_buffer plain = {NULL, 0, 0};
    bool fits = wasmfaas_impl_unquote(value, &plain) && plain.size < size && plain.size < INT32_MAX &&
                (plain.size == 0 || memchr(plain.data, 0, plain.size) == NULL);
    if (fits && plain.size > 0) memcpy(out, plain.data, plain.size);
    if (size > 0) out[fits ? plain.size : 0] = '\0';
    int length = fits ? (int)plain.size : -1;
    free(plain.data);
    return length;
}

/* wasmfaas_string of wasmfaas_member. */
static inline int wasmfaas_member_string(wasmfaas_text object, const char *name, char *out, size_t size) {
    return wasmfaas_string(wasmfaas_member(object, name), out, size);
}

/* A JSON number, or `otherwise` where `value` is none. */
static inline double wasmfaas_number(wasmfaas_text value, double otherwise) {
    char digits[64], *end;
    if (value.size == 0 || value.size >= sizeof digits) return otherwise;
    if (value.data[0] != '-' && (value.data[0] < '0' || value.data[0] > '9')) return otherwise;
    memcpy(digits, value.data, value.size);
    digits[value.size] = '\0';
    double number = strtod(digits, &end);
    return *end == '\0' ? number : otherwise;
}

/* ---- the context ------------------------------------------------------------------------------ */

/* What Lambda's context objects have; strings that there are none of are empty. */
typedef struct {
    char request_id[64];
    char function_name[256];
    char function_version[64];
    char invoked_function_arn[512];
    char log_group_name[640];
    char log_stream_name[640];
    char trace_id[256];
    int memory_limit_mb;
    int64_t deadline_ms; /* since 1970 */
} wasmfaas_context;

/* A number that the context has as a string of digits; 0 where there is none. */
static inline int64_t wasmfaas_impl_digits(wasmfaas_text context, const char *name) {
    char digits[24];
    return wasmfaas_member_string(context, name, digits, sizeof digits) < 1 ? 0 : strtoll(digits, NULL, 10);
}

/* The invocation's context. clientContext and other JSON are read from request->context itself. */
static inline wasmfaas_context wasmfaas_context_of(const wasmfaas_request *request) {
    wasmfaas_text json = request->context;
    wasmfaas_context context;
    wasmfaas_member_string(json, "requestId", context.request_id, sizeof context.request_id);
    wasmfaas_member_string(json, "functionName", context.function_name, sizeof context.function_name);
    wasmfaas_member_string(json, "functionVersion", context.function_version, sizeof context.function_version);
    wasmfaas_member_string(
        json, "invokedFunctionArn", context.invoked_function_arn, sizeof context.invoked_function_arn);
    wasmfaas_member_string(json, "logGroupName", context.log_group_name, sizeof context.log_group_name);
    wasmfaas_member_string(json, "logStreamName", context.log_stream_name, sizeof context.log_stream_name);
    wasmfaas_member_string(json, "traceId", context.trace_id, sizeof context.trace_id);
    context.memory_limit_mb = (int)wasmfaas_impl_digits(json, "memoryLimitInMB");
    context.deadline_ms = wasmfaas_impl_digits(json, "deadlineMs");
    return context;
}

/* Milliseconds until the invocation is ended; 0 if that is past or not known. */
static inline int64_t wasmfaas_remaining_ms(const wasmfaas_request *request) {
    struct timespec now;
    int64_t deadline_ms = wasmfaas_impl_digits(request->context, "deadlineMs");
    if (deadline_ms == 0 || clock_gettime(CLOCK_REALTIME, &now) != 0) return 0;
    int64_t remaining = deadline_ms - (int64_t)now.tv_sec * 1000 - now.tv_nsec / 1000000;
    return remaining > 0 ? remaining : 0;
}

/* ---- envelopes -------------------------------------------------------------------------------- */

/* One msgpack value without what is nested in it: `inside` counts the values that follow for that,
 * `payload` is the bytes of a str, bin, number or extension. */
typedef struct {
    unsigned char tag;
    wasmfaas_text payload;
    uint64_t inside;
} wasmfaas_impl_token;

/* Takes one token off the front of `in`; false where there is no whole one. */
static inline bool wasmfaas_impl_next(wasmfaas_text *in, wasmfaas_impl_token *token) {
    /* From tag 0xC4 on: bytes of the length that follows the tag, then bytes beside that length. */
    static const unsigned char widths[] = {1, 2, 4, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0,
                                           0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    static const unsigned char fixed[] = {0, 0, 0, 1, 1, 1, 4, 8, 1, 2, 4, 8, 1, 2,
                                          4, 8, 2, 3, 5, 9, 17, 0, 0, 0, 0, 0, 0, 0};
    if (in->size == 0) return false;
    unsigned char tag = token->tag = (unsigned char)in->data[0];
    bool sized = tag >= 0xC4 && tag < 0xE0;
    size_t width = sized ? widths[tag - 0xC4] : 0;
    if (in->size < 1 + width) return false;
    uint64_t length = tag >= 0xA0 && tag < 0xC0 ? tag & 0x1F : tag >= 0x80 && tag < 0xA0 ? tag & 0x0F : 0;
    for (size_t i = 1; i <= width; i++) length = length << 8 | (unsigned char)in->data[i];
    bool map = (tag & 0xF0) == 0x80 || tag >= 0xDE, array = (tag & 0xF0) == 0x90 || (tag | 1) == 0xDD;
    bool nests = tag < 0xE0 && (map || array);
    token->inside = !nests ? 0 : map ? 2 * length : length;
    uint64_t size = (nests ? 0 : length) + (sized ? fixed[tag - 0xC4] : 0);
    if (size > in->size - 1 - width) return false;
    token->payload.data = in->data + 1 + width;
    token->payload.size = (size_t)size;
    in->data += 1 + width + (size_t)size;
    in->size -= 1 + width + (size_t)size;
    return true;
}

static inline bool wasmfaas_impl_is(const wasmfaas_impl_token *token, const char *name) {
    return token->payload.size == strlen(name) && memcmp(token->payload.data, name, token->payload.size) == 0;
}

/* Reads a request envelope; false if it is none. Keys that we do not know are skipped. */
static inline bool wasmfaas_impl_request(wasmfaas_text in, wasmfaas_request *request) {
    wasmfaas_impl_token map, key, value, inner;
    memset(request, 0, sizeof *request);
    if (!wasmfaas_impl_next(&in, &map) || ((map.tag & 0xF0) != 0x80 && map.tag != 0xDE && map.tag != 0xDF)) {
        return false;
    }
    for (uint64_t members = map.inside / 2; members > 0; members--) {
        if (!wasmfaas_impl_next(&in, &key) || key.inside > 0 || !wasmfaas_impl_next(&in, &value)) return false;
        if (wasmfaas_impl_is(&key, "event")) request->event = value.payload;
        if (wasmfaas_impl_is(&key, "context")) request->context = value.payload;
        for (uint64_t left = value.inside; left > 0; left += inner.inside, left--) {
            if (!wasmfaas_impl_next(&in, &inner)) return false;
        }
    }
    return in.size == 0 && request->event.data != NULL && request->context.data != NULL;
}

/* ---- calls to the host ------------------------------------------------------------------------ */

/* Section 12 of the ABI. A request is a msgpack map: say how many members it has, then each name
 * and its value. An answer is one, too; so is an error, with `errorType` and `errorMessage`.
 *
 *     wasmfaas_buffer request = {NULL, 0, 0}, answer = {NULL, 0, 0};
 *     wasmfaas_pack_map(&request, 1);
 *     wasmfaas_pack_string(&request, "key");
 *     wasmfaas_pack_string(&request, "visits");
 *     if (wasmfaas_call("kv.get", &request, &answer)) {
 *         wasmfaas_text value = wasmfaas_unpack(wasmfaas_unpack_member(&answer, "value"));
 *         ...
 *     }
 *     wasmfaas_free(&request);
 *     wasmfaas_free(&answer);
 */

/* The head of a msgpack value: `tag`, then `number` in four bytes. */
static inline void wasmfaas_impl_pack(wasmfaas_buffer *buffer, unsigned char tag, size_t number) {
    unsigned char head[5] = {tag, 0, 0, 0, 0};
    for (size_t i = 4; i >= 1; i--, number >>= 8) head[i] = (unsigned char)(number & 0xFF);
    wasmfaas_impl_append(buffer, head, sizeof head);
}

/* A map of `members` names and values, which follow. */
static inline void wasmfaas_pack_map(wasmfaas_buffer *buffer, size_t members) {
    wasmfaas_impl_pack(buffer, 0xDF, members);
}

/* An array of `items` values, which follow. */
static inline void wasmfaas_pack_array(wasmfaas_buffer *buffer, size_t items) {
    wasmfaas_impl_pack(buffer, 0xDD, items);
}

/* A string, which has to be UTF-8. */
static inline void wasmfaas_pack_text(wasmfaas_buffer *buffer, const char *text, size_t size) {
    wasmfaas_impl_pack(buffer, 0xDB, size);
    wasmfaas_impl_append(buffer, text, size);
}

static inline void wasmfaas_pack_string(wasmfaas_buffer *buffer, const char *text) {
    wasmfaas_pack_text(buffer, text, strlen(text));
}

static inline void wasmfaas_pack_bytes(wasmfaas_buffer *buffer, const void *data, size_t size) {
    wasmfaas_impl_pack(buffer, 0xC6, size);
    wasmfaas_impl_append(buffer, data, size);
}

static inline void wasmfaas_pack_integer(wasmfaas_buffer *buffer, int64_t number) {
    unsigned char packed[9] = {0xD3, 0, 0, 0, 0, 0, 0, 0, 0};
    uint64_t bits = (uint64_t)number;
    for (size_t i = 8; i >= 1; i--, bits >>= 8) packed[i] = (unsigned char)(bits & 0xFF);
    wasmfaas_impl_append(buffer, packed, sizeof packed);
}

/* The msgpack value of the member `name` of the map in `map`; none where there is none. */
static inline wasmfaas_text wasmfaas_unpack_member(const wasmfaas_buffer *map, const char *name) {
    wasmfaas_text found = {NULL, 0}, in = {map->data, map->size};
    wasmfaas_impl_token head, key, value;
    if (!wasmfaas_impl_next(&in, &head) || ((head.tag & 0xF0) != 0x80 && (head.tag | 1) != 0xDF)) return found;
    for (uint64_t members = head.inside / 2; members > 0; members--) {
        if (!wasmfaas_impl_next(&in, &key) || key.inside > 0) return found;
        wasmfaas_text start = in;
        if (!wasmfaas_impl_next(&in, &value)) return found;
        for (uint64_t left = value.inside; left > 0; left += value.inside, left--) {
            if (!wasmfaas_impl_next(&in, &value)) return found;
        }
        if (wasmfaas_impl_is(&key, name)) {
            found.data = start.data;
            found.size = start.size - in.size;
            return found;
        }
    }
    return found;
}

/* The bytes of a msgpack str or bin; none for anything else, null among it. */
static inline wasmfaas_text wasmfaas_unpack(wasmfaas_text value) {
    wasmfaas_text none = {NULL, 0};
    wasmfaas_impl_token token;
    if (value.data == NULL || !wasmfaas_impl_next(&value, &token)) return none;
    bool text = (token.tag & 0xE0) == 0xA0 || (token.tag >= 0xD9 && token.tag <= 0xDB);
    return text || (token.tag >= 0xC4 && token.tag <= 0xC6) ? token.payload : none;
}

/* A msgpack integer or boolean; `otherwise` for anything else. */
static inline int64_t wasmfaas_unpack_integer(wasmfaas_text value, int64_t otherwise) {
    wasmfaas_impl_token token;
    if (value.data == NULL || !wasmfaas_impl_next(&value, &token)) return otherwise;
    if (token.tag < 0x80 || token.tag >= 0xE0) return token.tag < 0x80 ? token.tag : (int64_t)token.tag - 256;
    if (token.tag == 0xC2 || token.tag == 0xC3) return token.tag - 0xC2;
    if (token.tag < 0xCC || token.tag > 0xD3) return otherwise;
    bool negative = token.tag >= 0xD0 && ((unsigned char)token.payload.data[0] & 0x80) != 0;
    uint64_t bits = negative ? UINT64_MAX : 0;
    for (size_t i = 0; i < token.payload.size; i++) bits = bits << 8 | (unsigned char)token.payload.data[i];
    return (int64_t)bits;
}

static inline void wasmfaas_free(wasmfaas_buffer *buffer) {
    free(buffer->data);
    buffer->data = NULL;
    buffer->size = buffer->capacity = 0;
}

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __wasm__
__attribute__((import_module("wasmfaas"), import_name("call"))) uint64_t wasmfaas_impl_host_call(
    const char *op, size_t op_size, const char *request, size_t request_size);
__attribute__((import_module("wasmfaas"), import_name("take"))) size_t wasmfaas_impl_host_take(
    char *data, size_t size);
#else
static inline uint64_t wasmfaas_impl_host_call(
    const char *op, size_t op_size, const char *request, size_t request_size) {
    (void)op, (void)op_size, (void)request, (void)request_size;
    return (uint64_t)1 << 32;
}

static inline size_t wasmfaas_impl_host_take(char *data, size_t size) {
    (void)data, (void)size;
    return 0;
}
#endif
#ifdef __cplusplus
}
#endif

/* Asks the host for `op`. What it says replaces what is in `answer`: the answer, and true; or the
 * error, and false. Outside of a sandbox, the error is `Unavailable`. */
static inline bool wasmfaas_call(const char *op, const wasmfaas_buffer *request, wasmfaas_buffer *answer) {
    uint64_t called = wasmfaas_impl_host_call(op, strlen(op), request->data, request->size);
    size_t size = (size_t)(called & 0xFFFFFFFF);
    answer->size = 0;
    wasmfaas_impl_reserve(answer, size);
    if (size > 0 && wasmfaas_impl_host_take(answer->data, size) == size) {
        answer->size = size;
        return called >> 32 == 0;
    }
    wasmfaas_pack_map(answer, 2);
    wasmfaas_pack_string(answer, "errorType");
    wasmfaas_pack_string(answer, "Unavailable");
    wasmfaas_pack_string(answer, "errorMessage");
    wasmfaas_pack_string(answer, "there is no host to answer this");
    return false;
}

#define WASMFAAS_IMPL_HEAD 9

/* Runs the handler; the answer envelope is then in response->buffer. */
static inline void wasmfaas_impl_answer(
    wasmfaas_handler handler, const wasmfaas_request *request, wasmfaas_response *response) {
    response->failed = false;
    response->buffer.size = 0;
    wasmfaas_impl_append(&response->buffer, "\x81\xA2ok\xC6....", WASMFAAS_IMPL_HEAD);
    handler(request, response);
    if (response->failed) return;
    if (response->buffer.size == WASMFAAS_IMPL_HEAD) wasmfaas_write(response, "null", 4);
    wasmfaas_impl_measure(&response->buffer, WASMFAAS_IMPL_HEAD);
}

#ifdef __cplusplus
#define WASMFAAS_IMPL_C extern "C"
#else
#define WASMFAAS_IMPL_C
#endif

#ifdef __wasm__

__attribute__((import_module("wasi_snapshot_preview1"), import_name("random_get")))
WASMFAAS_IMPL_C int32_t wasmfaas_impl_random_get(void *data, size_t size);
WASMFAAS_IMPL_C void srandom(unsigned seed); /* -std=c99 hides it */

/* Every invocation begins from one image, in which rand() and random() are where they always are. */
static inline void wasmfaas_impl_seed(void) {
    unsigned seeds[2];
    if (wasmfaas_impl_random_get(seeds, sizeof seeds) != 0) abort();
    srand(seeds[0]);
    srandom(seeds[1]);
}

/* Bytes of events and of answers for which there is room from the start. */
#define WASMFAAS_IMPL_WARM 4096

#define WASMFAAS_HANDLER(handler)                                                                  \
    static wasmfaas_buffer wasmfaas_impl_incoming;                                                 \
    static wasmfaas_response wasmfaas_impl_outgoing;                                               \
    /* Before the image is taken, so that ordinary calls neither allocate nor grow the memory. */  \
    __attribute__((constructor)) static void wasmfaas_impl_warm(void) {                            \
        wasmfaas_impl_reserve(&wasmfaas_impl_incoming, WASMFAAS_IMPL_WARM);                        \
        wasmfaas_impl_reserve(&wasmfaas_impl_outgoing.buffer, WASMFAAS_IMPL_WARM);                 \
        /* Or stdout would come after stderr, which is not buffered. */                            \
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);                                                     \
    }                                                                                              \
    WASMFAAS_IMPL_C __attribute__((export_name("wasmfaas_alloc"))) char *wasmfaas_alloc(size_t size) { \
        return wasmfaas_impl_reserve(&wasmfaas_impl_incoming, size);                               \
    }                                                                                              \
    WASMFAAS_IMPL_C __attribute__((export_name("wasmfaas_handle"))) uint64_t wasmfaas_handle(      \
        const char *data, size_t size) {                                                           \
        wasmfaas_text envelope = {data, size};                                                     \
        wasmfaas_request request;                                                                  \
        if (!wasmfaas_impl_request(envelope, &request)) abort();                                   \
        wasmfaas_impl_seed();                                                                      \
        wasmfaas_impl_answer(handler, &request, &wasmfaas_impl_outgoing);                          \
        fflush(NULL);                                                                              \
        return (uint64_t)(uintptr_t)wasmfaas_impl_outgoing.buffer.data << 32 |                     \
               wasmfaas_impl_outgoing.buffer.size;                                                 \
    }

#else

/* Event on stdin, context in WASMFAAS_CONTEXT, answer on stdout; an error on stderr, and code 1. */
static inline int wasmfaas_impl_main(wasmfaas_handler handler) {
    wasmfaas_buffer event = {NULL, 0, 0};
    wasmfaas_response response = {{NULL, 0, 0}, false};
    size_t size;
    while ((size = fread(wasmfaas_impl_reserve(&event, 4096), 1, 4096, stdin)) > 0) event.size += size;
    const char *context = getenv("WASMFAAS_CONTEXT");
    context = context ? context : "{}";
    wasmfaas_request request = {{event.data, event.size}, {context, strlen(context)}};
    wasmfaas_impl_answer(handler, &request, &response);
    if (response.failed) {
        wasmfaas_impl_token token[7];
        wasmfaas_text envelope = {response.buffer.data, response.buffer.size};
        for (int i = 0; i < 7; i++) wasmfaas_impl_next(&envelope, &token[i]);
        fprintf(stderr, "%.*s: %.*s\n", (int)token[4].payload.size, token[4].payload.data,
                (int)token[6].payload.size, token[6].payload.data);
    } else {
        fwrite(response.buffer.data + WASMFAAS_IMPL_HEAD, 1, response.buffer.size - WASMFAAS_IMPL_HEAD, stdout);
    }
    free(event.data);
    free(response.buffer.data);
    return response.failed ? 1 : 0;
}

#define WASMFAAS_HANDLER(handler) \
    int main(void) { return wasmfaas_impl_main(handler); }

#endif

#endif
