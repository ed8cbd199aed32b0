/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image_reference.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

/* Of the path, without the host. */
#define PATH_MAX_LENGTH 255
/* What a name of one word stands for. */
#define DEFAULT_PREFIX "library/"
#define TAG_MAX_LENGTH 128
#define ID_LENGTH 64

static const char lower_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char hex_digits[] = "0123456789abcdef";

/* Small letters and digits, with one of ". _ __", or any number of hyphens, between two of them. */
static bool is_path_component(const char *text, size_t size)
{
    const char *end = text + size;

    for (;;) {
        size_t letters = strspn(text, lower_digits), separators;

        if (letters == 0 || letters > (size_t)(end - text))
            return false;
        text += letters;
        if (text == end)
            return true;

        separators = *text == '-' ? strspn(text, "-") : *text == '.' ? 1 : strspn(text, "_");
        if (separators == 0 || (*text == '_' && separators > 2))
            return false;
        text += separators;
        if (text >= end)
            return false;
    }
}

static bool is_path(const char *text, size_t size)
{
    for (;;) {
        size_t length = strcspn(text, "/");

        if (length >= size)
            return is_path_component(text, size);
        if (!is_path_component(text, length))
            return false;
        text += length + 1;
        size -= length + 1;
    }
}

/* A DNS name, an IPv4 address, or an IPv6 address in brackets. */
static bool is_host(const char *text, size_t size)
{
    if (size > 2 && text[0] == '[' && text[size - 1] == ']')
        return strspn(text + 1, "0123456789abcdefABCDEF:") == size - 2;
    if (size == 0)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool at_edge = i == 0 || i == size - 1 || text[i - 1] == '.' || text[i + 1] == '.';

        if (!isalnum((unsigned char)text[i]) && (at_edge || !strchr("-.", text[i])))
            return false;
    }
    return true;
}

static bool is_host_and_port(const char *text, size_t size)
{
    const char *colon = memrchr(text, ':', size);

    /* A colon inside of brackets is the address's own. */
    if (!colon || memchr(colon, ']', (size_t)(text + size - colon)))
        return is_host(text, size);
    return is_host(text, (size_t)(colon - text)) && size > (size_t)(colon - text) + 1 &&
            strspn(colon + 1, "0123456789") == (size_t)(text + size - colon) - 1;
}

/* What stands before the first slash is a host if it looks like one; it may be a name as well. */
static bool is_name(const char *text, size_t size)
{
    size_t first = strcspn(text, "/"), length;
    bool is_hosted = false;

    if (size == 0)
        return false;
    if (first < size) {
        is_hosted = memchr(text, '.', first) || memchr(text, ':', first) ||
                (first == strlen("localhost") && memcmp(text, "localhost", first) == 0);
        for (size_t i = 0; i < first; i++)
            is_hosted = is_hosted || isupper((unsigned char)text[i]);
    }
    if (is_hosted && is_host_and_port(text, first) && is_path(text + first + 1, size - first - 1))
        return size - first - 1 <= PATH_MAX_LENGTH;
    length = first < size ? size : size + strlen(DEFAULT_PREFIX);
    return is_path(text, size) && length <= PATH_MAX_LENGTH;
}

static bool is_tag(const char *text, size_t size)
{
    if (size == 0 || size > TAG_MAX_LENGTH || strchr(".-", text[0]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("_.-", text[i]))
            return false;
    return true;
}

/* ALGORITHM:HEX, of those that Docker knows. */
static bool is_digest(const char *text)
{
    static const struct {
        const char *prefix;
        size_t length;
    } algorithms[] = { { "sha256:", ID_LENGTH }, { "sha384:", 96 }, { "sha512:", 128 } };

    for (size_t i = 0; i < ELEMENTS(algorithms); i++) {
        const char *hex = text_after(text, algorithms[i].prefix);

        if (hex)
            return strspn(hex, hex_digits) == algorithms[i].length && !hex[algorithms[i].length];
    }
    return false;
}

bool image_reference_is_valid(const char *text)
{
    const char *at = strchr(text, '@'), *slash, *colon;
    size_t size = at ? (size_t)(at - text) : strlen(text);

    if (is_digest(text) || (!at && size == ID_LENGTH && strspn(text, hex_digits) == ID_LENGTH))
        return true;
    if (at && !is_digest(at + 1))
        return false;

    slash = memrchr(text, '/', size);
    slash = slash ? slash : text;
    colon = memchr(slash, ':', (size_t)(text + size - slash));
    if (colon && !is_tag(colon + 1, (size_t)(text + size - colon) - 1))
        return false;
    return is_name(text, colon ? (size_t)(colon - text) : size);
}
