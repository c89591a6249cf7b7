/* wasmfaas_http.h: requests and responses of function URLs, for functions that use wasmfaas.h.
 *
 *     static void handle(const wasmfaas_request *request, wasmfaas_response *response) {
 *         const char *text = "<h1>Hello</h1>";
 *         wasmfaas_respond(response, 200, text, strlen(text), "content-type", "text/html", NULL);
 *     }
 *
 * The rest of a request is in its event: wasmfaas_member(request->event, "rawPath") and so on.
 */
#ifndef WASMFAAS_HTTP_H
#define WASMFAAS_HTTP_H

#include "wasmfaas.h"

static const char wasmfaas_impl_base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Appends `size` bytes as base64. */
static inline void wasmfaas_base64_encode(wasmfaas_buffer *out, const void *data, size_t size) {
    const unsigned char *byte = (const unsigned char *)data;
    for (size_t at = 0; at < size; at += 3) {
        size_t left = size - at;
        uint32_t bits = (uint32_t)byte[at] << 16;
        if (left > 1) bits |= (uint32_t)byte[at + 1] << 8;
        if (left > 2) bits |= byte[at + 2];
        char four[4];
        for (int i = 0; i < 4; i++) four[i] = wasmfaas_impl_base64[bits >> (18 - 6 * i) & 63];
        if (left < 3) four[3] = '=';
        if (left < 2) four[2] = '=';
        wasmfaas_impl_append(out, four, 4);
    }
}

/* Appends what the base64 text says; false where it is none. */
static inline bool wasmfaas_base64_decode(wasmfaas_buffer *out, const char *text, size_t size) {
    if (size % 4 != 0) return false;
    while (size > 0 && text[size - 1] == '=' && size % 4 != 2) size--;
    uint32_t bits = 0;
    for (size_t at = 0; at < size; at++) {
        const char *found = text[at] == '\0' ? NULL : strchr(wasmfaas_impl_base64, text[at]);
        if (found == NULL) return false;
        bits = bits << 6 | (uint32_t)(found - wasmfaas_impl_base64);
        if (at % 4 == 0) continue;
        char byte = (char)(bits >> (6 - 2 * (at % 4)) & 0xFF);
        wasmfaas_impl_append(out, &byte, 1);
    }
    return true;
}

/* Appends the request's body, decoded where it is base64, to `body`, which begins as {NULL, 0, 0}
 * and is freed with free(body.data). False where there is no body. */
static inline bool wasmfaas_http_body(const wasmfaas_request *request, wasmfaas_buffer *body) {
    wasmfaas_text quoted = wasmfaas_member(request->event, "body");
    wasmfaas_text encoded = wasmfaas_member(request->event, "isBase64Encoded");
    if (encoded.size != 4 || memcmp(encoded.data, "true", 4) != 0) return wasmfaas_impl_unquote(quoted, body);
    wasmfaas_buffer text = {NULL, 0, 0};
    bool read = wasmfaas_impl_unquote(quoted, &text) && wasmfaas_base64_decode(body, text.data, text.size);
    free(text.data);
    return read;
}

/* The request's method, path or the like: a string of requestContext.http; length or -1. */
static inline int wasmfaas_http(const wasmfaas_request *request, const char *name, char *out, size_t size) {
    wasmfaas_text context = wasmfaas_member(request->event, "requestContext");
    return wasmfaas_member_string(wasmfaas_member(context, "http"), name, out, size);
}

/* A header of the request, its name in small letters; length or -1. */
static inline int wasmfaas_http_header(const wasmfaas_request *request, const char *name, char *out, size_t size) {
    return wasmfaas_member_string(wasmfaas_member(request->event, "headers"), name, out, size);
}

/* Answers with a body of `size` bytes and headers: names and values in turn, and NULL. */
static inline void wasmfaas_respond(
    wasmfaas_response *response, int status, const void *body, size_t size, ...) {
    if (response->failed) return;
    wasmfaas_print(response, "{\"statusCode\":%d,\"headers\":{", status);
    va_list headers;
    va_start(headers, size);
    const char *name, *separator = "";
    while ((name = va_arg(headers, const char *)) != NULL) {
        const char *value = va_arg(headers, const char *);
        wasmfaas_print(response, "%s", separator);
        wasmfaas_quote(response, "%s", name);
        wasmfaas_print(response, ":");
        wasmfaas_quote(response, "%s", value);
        separator = ",";
    }
    va_end(headers);
    wasmfaas_print(response, "},\"isBase64Encoded\":true,\"body\":\"");
    wasmfaas_base64_encode(&response->buffer, body, size);
    wasmfaas_print(response, "\"}");
}

#endif
