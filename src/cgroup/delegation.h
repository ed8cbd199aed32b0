/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether a unit has Delegate=yes, so that the cgroups below its own are ours
 * to arrange.
 *
 * The system's manager says so by an xattr of the directory (trusted.delegate;
 * since systemd 251 user.delegate). A user's manager sets none (measured with
 * systemd 252 and 257) and has to be asked, over the socket that `systemctl
 * --user` takes as well: it needs no bus.
 */

#include <stdbool.h>

/* `cgroup`: a descriptor of the unit's; `unit_path`: its path below the mount point. False also
 * when nobody tells. Asking a user's manager blocks: for a millisecond, or as long as that hangs.
 */
bool cgroup_is_delegated(int cgroup, const char *unit_path);

/* The user whose manager the unit at this path belongs to: -ENXIO, the system's own. */
int cgroup_path_user(const char *unit_path, unsigned *ret_uid);
