/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/paths.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* Takes the last name off `path` of `size` bytes, unless it is "..", which leads further up. */
static size_t drop_last(const char *path, size_t size, size_t root)
{
    size_t begin = size;

    while (begin > root && path[begin - 1] != '/')
        begin--;
    if (size - begin == 2 && memcmp(path + begin, "..", 2) == 0)
        return size;
    return begin > root ? begin - 1 : root;
}

char *path_clean(const char *path)
{
    size_t root = *path == '/', size = root;
    char *clean = malloc(strlen(path) + 2);

    if (!clean)
        return NULL;
    (void)memcpy(clean, path, root);

    for (const char *name = path; *name;) {
        size_t length = strcspn(name, "/");
        bool is_up = length == 2 && memcmp(name, "..", 2) == 0;
        size_t shorter = is_up ? drop_last(clean, size, root) : size;

        if (is_up && (shorter < size || root))
            size = shorter;
        else if (length > 0 && !(length == 1 && *name == '.')) {
            if (size > root)
                clean[size++] = '/';
            (void)memcpy(clean + size, name, length);
            size += length;
        }
        name += length + (name[length] == '/');
    }

    if (size == 0)
        clean[size++] = '.';
    clean[size] = '\0';
    return clean;
}

char *path_absolute(const char *directory, const char *path)
{
    _cleanup_free_ char *joined = NULL;

    if (*path == '/')
        return path_clean(path);
    joined = text_format("%s/%s", directory, path);
    return joined ? path_clean(joined) : NULL;
}
