/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What libcgroup is for: which controllers the kernel has and where they are
 * mounted, and groups made with settings. Its errors end here.
 */

#include <stddef.h>

#include "cgroup/limits.h"

/* Calls `visit` for each controller that is mounted, until it returns a negative errno; returns
 * that. `hierarchy`: those of the same number are mounted together; 0: on cgroup v2. */
typedef int (*ControllerVisitor)(
        const char *name, int hierarchy, const char *mount, void *userdata);
int controllers_each(ControllerVisitor visit, void *userdata);

/* Makes the group at `path`, if need be, in the hierarchies of the limits' controllers, which it
 * enables all the way down, and sets the limits. What it says may be wrong: read back. */
int controllers_create_group(const char *path, const Limits *limits);
