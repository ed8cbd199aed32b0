/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit_name.h"

#include <string.h>

#include "base/cleanup.h"

bool unit_name_has_processes(const char *name, size_t size)
{
    static const char *const suffixes[] = { ".service", ".scope" };

    for (size_t i = 0; i < ELEMENTS(suffixes); i++) {
        size_t n = strlen(suffixes[i]);

        if (size > n && memcmp(name + size - n, suffixes[i], n) == 0)
            return true;
    }
    return false;
}
