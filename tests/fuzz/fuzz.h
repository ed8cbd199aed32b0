/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A fuzz target hands any bytes to pure functions and says what must hold of whatever comes out:
 * libFuzzer's entry point (llvm.org/docs/LibFuzzer.html). `make fuzz` looks for inputs that break
 * it; replay.c runs the ones that are kept in corpus/ as tests.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(truth)                                                                          \
    do {                                                                                     \
        if (!(truth)) {                                                                      \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #truth); \
            abort();                                                                         \
        }                                                                                    \
    } while (0)

/* The input as a string, up to its first NUL byte; the caller's. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = size > 0 ? strndup((const char *)data, size) : strdup("");

    must(text);
    return text;
}

/* The input's lines as words; for text_vector_free(). */
static inline char **fuzz_words(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = fuzz_text(data, size);
    char **words = NULL, *rest = text, *word;

    while ((word = strsep(&rest, "\n")))
        must(text_vector_append(&words, word) == 0);
    return words;
}

/* One line that a terminal and the journal take as it is. */
static inline void fuzz_must_be_a_line(const char *text)
{
    must(text && text_is_utf8(text));
    for (; *text != '\0'; text++)
        must((unsigned char)*text >= ' ' && *text != 0x7f);
}
