/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/container_name.h"

#include <ctype.h>
#include <string.h>

const char *container_name_of(const char *text)
{
    const char *name = text + (*text == '/');

    for (const char *letter = name; *letter; letter++)
        if (!isalnum((unsigned char)*letter) && (letter == name || !strchr("_.-", *letter)))
            return NULL;
    return *name ? name : NULL;
}
