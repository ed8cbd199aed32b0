/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Request targets, "/containers/web/stop?t=5". Pure. */

#include <stdbool.h>

/* `before` + `part`, percent-encoded, + `after`. A '/' in `part` is encoded unless `part_is_path`.
 * NULL without memory. */
char *target_new(const char *before, const char *part, bool part_is_path, const char *after);

/* "/containers/NAME" + `after`. -EINVAL: that is the name or ID of no container; -ENOMEM. */
int target_new_of_container(const char *name, const char *after, char **ret);

/* Appends "?name=value" or "&name=value", the value encoded. NULL `value`: does nothing. 0 or
 * -ENOMEM (a NULL *target is one: so these chain). */
int target_add(char **target, const char *name, const char *value);
