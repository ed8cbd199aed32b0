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

#define OWNER_FILE "owner"
/* An ID, a space and the longest unit name that systemd takes (256). */
#define OWNER_MAX 512

/* "ID UNIT". NULL: there is none of this ID. */
static char *read_owner(const char *name, const char *id)
{
    _cleanup_free_ char *directory = NULL, *path = NULL, *text = NULL;
    const char *unit;

    if (!*id || runtime_directory_path(name, &directory) < 0)
        return NULL;
    path = text_format("%s/" OWNER_FILE, directory);
    if (!path || file_read(path, OWNER_MAX, &text, NULL) < 0)
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
    _cleanup_free_ char *directory = NULL, *path = NULL;
    _cleanup_free_ char *text = text_format("%s %s", id, unit);
    int r;

    r = runtime_directory_make(name, &directory);
    if (r < 0)
        return r;
    path = text_format("%s/" OWNER_FILE, directory);
    return path && text ? file_replace(path, text, 0600) : -ENOMEM;
}

void owner_remove(const char *name)
{
    _cleanup_free_ char *directory = NULL, *path = NULL;

    if (runtime_directory_path(name, &directory) < 0)
        return;
    path = text_format("%s/" OWNER_FILE, directory);
    if (path)
        (void)unlink(path);
    (void)rmdir(directory);
}
