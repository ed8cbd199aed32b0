/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

int request_add_volumes(RunLine *line)
{
    const char *volume;
    int r = 0;

    for (size_t i = 0; r >= 0 && (volume = run_line_each(line, "volume", i)); i++)
        if (strchr(volume, ':'))
            r = json_append_string(json_need_array(line->host, "Binds"), volume);
        else
            r = json_set(json_need_object(line->body, "Volumes"), volume, json_new_object());
    return r;
}
