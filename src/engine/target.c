/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"

/* Docker sets no limit to names; but one is a host name and part of paths in the end. */
#define CONTAINER_NAME_MAX 255U

/* All but the unreserved characters of RFC 3986 (2.3) and those in `allowed`. */
static char *encode(const char *text, const char *allowed)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = malloc(3 * strlen(text) + 1), *p = encoded;

    if (!encoded)
        return NULL;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x80 && (isalnum(c) || strchr("-._~", c) || strchr(allowed, c))) {
            *p++ = *text;
            continue;
        }
        *p++ = '%';
        *p++ = digits[c >> 4];
        *p++ = digits[c & 0xf];
    }
    *p = '\0';
    return encoded;
}

char *target_new(const char *before, const char *part, bool part_is_path, const char *after)
{
    _cleanup_free_ char *encoded = encode(part, part_is_path ? "/:@" : "");

    return encoded ? text_format("%s%s%s", before, encoded, after) : NULL;
}

int target_new_of_container(const char *name, const char *after, char **ret)
{
    /* "" and ".." would make it another resource's. */
    if (!*name || *name == '.' || strlen(name) > CONTAINER_NAME_MAX)
        return -EINVAL;
    *ret = target_new("/containers/", name, false, after);
    return *ret ? 0 : -ENOMEM;
}

int target_add(char **target, const char *name, const char *value)
{
    _cleanup_free_ char *encoded = NULL;
    char *longer;

    if (!*target)
        return -ENOMEM;
    if (!value)
        return 0;

    encoded = encode(value, "");
    if (!encoded)
        return -ENOMEM;
    longer = text_format("%s%c%s=%s", *target, strchr(*target, '?') ? '&' : '?', name, encoded);
    if (!longer)
        return -ENOMEM;
    free(*target);
    *target = longer;
    return 0;
}
