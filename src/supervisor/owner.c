/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "supervisor/create_request.h"
#include "unit/runtime_directory.h"

/* An ID, a space and the longest unit name that systemd takes (256). */
#define OWNER_MAX 512

/* "ID UNIT". NULL: there is none of this ID. */
static char *read_owner(const char *name, const char *id)
{
    _cleanup_free_ char *path = NULL, *text = NULL;
    const char *unit;

    if (!*id || runtime_owner_path(name, &path) < 0 || file_read(path, OWNER_MAX, &text, NULL) < 0)
        return NULL;
    unit = text_after(text, id);
    return unit && *unit == ' ' ? strdup(unit + 1) : NULL;
}

char *owner_of(JsonValue *inspect, const char *name)
{
    JsonValue *labels = json_value_get(json_value_get(inspect, "Config"), "Labels");
    char *unit = read_owner(name, json_member_string(inspect, "Id", ""));

    if (unit || !json_value_get(labels, LABEL_UNIT))
        return unit;
    return strdup(container_label(inspect, LABEL_UNIT));
}

int owner_write(const char *name, const char *id, const char *unit)
{
    _cleanup_free_ char *text = text_format("%s %s", id, unit), *path = NULL;
    int r;

    r = runtime_owner_path(name, &path);
    if (r >= 0)
        r = runtime_owners_make();
    if (r < 0)
        return r;
    return text ? file_replace(path, text, 0600) : -ENOMEM;
}

void owner_remove(const char *name)
{
    _cleanup_free_ char *path = NULL;

    if (runtime_owner_path(name, &path) >= 0)
        (void)unlink(path);
}
