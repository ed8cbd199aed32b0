/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Strings: made, compared, split. What a function returns as `char *` is the caller's. */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* As asprintf(3), but returns the string; NULL without memory. */
char *text_format(const char *format, ...) _printf_(1, 2);

bool text_equal(const char *a, const char *b);
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
/* What follows `prefix`, or NULL. Borrowed. */
const char *text_after(const char *text, const char *prefix);

/* Replaces *to by a copy of `from` (NULL: by NULL). 0 or -ENOMEM; *to is untouched then. */
int text_replace(char **to, const char *from);

bool text_is_utf8(const char *text);

/* Turns control characters (new lines too) and broken UTF-8 into '?', in place. */
void text_make_printable(char *text);
/* The same for text of several lines: tabs, returns and new lines stay. */
void text_make_printable_lines(char *text);

/* Cuts it to at most `size` bytes, never within a UTF-8 sequence. In place. */
void text_cut(char *text, size_t size);

/* A NULL-terminated vector of strings. */
void text_vector_free(char **vector);
DEFINE_CLEANUP(char **, text_vector_free);
#define _cleanup_vector_ _cleanup_(text_vector_free_p)
size_t text_vector_length(char *const *vector);
/* Appends a copy. 0 or -ENOMEM; *vector may be NULL before. */
int text_vector_append(char ***vector, const char *text);
