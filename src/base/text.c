/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

char *text_format(const char *format, ...)
{
    va_list arguments;
    char *text;
    int n;

    va_start(arguments, format);
    n = vasprintf(&text, format, arguments);
    va_end(arguments);
    return n < 0 ? NULL : text;
}

bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

const char *text_after(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);

    return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

bool text_starts_with(const char *text, const char *prefix)
{
    return text_after(text, prefix);
}

bool text_ends_with(const char *text, const char *suffix)
{
    size_t size = strlen(text), end = strlen(suffix);

    return size >= end && strcmp(text + size - end, suffix) == 0;
}

int text_replace(char **to, const char *from)
{
    char *copy = NULL;

    if (from) {
        copy = strdup(from);
        if (!copy)
            return -ENOMEM;
    }
    free(*to);
    *to = copy;
    return 0;
}

/* The length of the well-formed UTF-8 sequence at `text`, 0 if there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *text)
{
    uint32_t code;
    size_t size;

    if (text[0] < 0x80)
        return 1;
    if (text[0] >= 0xc2 && text[0] <= 0xdf)
        size = 2;
    else if ((text[0] & 0xf0) == 0xe0)
        size = 3;
    else if (text[0] >= 0xf0 && text[0] <= 0xf4)
        size = 4;
    else
        return 0;

    code = text[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fU);
    }
    if ((size == 3 && code < 0x800) || (size == 4 && (code < 0x10000 || code > 0x10ffff)))
        return 0;
    if (code >= 0xd800 && code <= 0xdfff)
        return 0;
    return size;
}

bool text_is_utf8(const char *text)
{
    while (*text) {
        size_t size = utf8_length((const unsigned char *)text);

        if (size == 0)
            return false;
        text += size;
    }
    return true;
}

/* C0, DEL and C1: to a terminal U+009B is as good as ESC [ (ECMA-48). */
static bool is_control(const unsigned char *text, size_t size)
{
    if (size == 1)
        return text[0] < ' ' || text[0] == 0x7f;
    return size == 2 && text[0] == 0xc2 && text[1] < 0xa0;
}

/* `kept` are the control characters that may stay. */
static void make_printable(char *text, const char *kept)
{
    while (*text) {
        size_t size = utf8_length((unsigned char *)text);

        if (size == 0) {
            *text = '?';
            size = 1;
        } else if (is_control((unsigned char *)text, size) && !strchr(kept, *text)) {
            memset(text, '?', size);
        }
        text += size;
    }
}

void text_cut(char *text, size_t size)
{
    if (strlen(text) <= size)
        return;
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    text[size] = '\0';
}

void text_make_printable(char *text)
{
    make_printable(text, "");
}

void text_make_printable_lines(char *text)
{
    make_printable(text, "\t\r\n");
}

void text_vector_free(char **vector)
{
    if (!vector)
        return;
    for (char **each = vector; *each; each++)
        free(*each);
    free(vector);
}

size_t text_vector_length(char *const *vector)
{
    size_t n = 0;

    while (vector && vector[n])
        n++;
    return n;
}

int text_vector_append(char ***vector, const char *text)
{
    size_t n = text_vector_length(*vector);
    char *copy = strdup(text);
    char **grown;

    if (!copy)
        return -ENOMEM;
    grown = reallocarray(*vector, n + 2, sizeof(char *));
    if (!grown) {
        free(copy);
        return -ENOMEM;
    }
    grown[n] = copy;
    grown[n + 1] = NULL;
    *vector = grown;
    return 0;
}
