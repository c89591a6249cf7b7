#include <stdio.h>

/* Counts the bytes, words and lines of the event, as wc does. The event comes on stdin, what is on
   stdout is the answer, what is on stderr the log. Nothing here knows of wasmfaas. */
int main(void) {
    size_t bytes = 0, words = 0, lines = 0;
    int byte, in_word = 0;
    while ((byte = getchar()) != EOF) {
        int space = byte == ' ' || (byte >= '\t' && byte <= '\r');
        bytes++;
        lines += byte == '\n';
        words += !space && !in_word;
        in_word = !space;
    }
    fprintf(stderr, "read %zu bytes\n", bytes);
    printf("{\"bytes\": %zu, \"words\": %zu, \"lines\": %zu}\n", bytes, words, lines);
    return 0;
}
