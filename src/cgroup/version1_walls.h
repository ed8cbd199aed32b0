/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The walls that a container has in a hierarchy of cgroup v1, and how they come
 * into force in the payload's cgroup there before the container does. kernel:
 * admin-guide/cgroup-v1/.
 */

#include "cgroup/layout.h"

/* Settings of `source` that `destination`, the payload's cgroup, does not have: limits.h. One that
 * cannot be carried is a failure that *ret_message names. */
int version1_limits_carry(int source, int destination, const CgroupLayout *layout,
        const char *mount, char **ret_message);

/* devices.list of `source`: afterwards `destination` allows no more than that. Less, where the unit
 * itself does. For a hierarchy without devices there is nothing to do. Unless `required`, what
 * fails is no failure: a privileged container may do all anyway. */
int version1_devices_carry(
        int source, int destination, const CgroupLayout *layout, bool required, char **ret_message);
