/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * sd_notify(3) for a unit that the sender does not run in: from a timer's
 * service, or from a shell.
 *
 * systemd attributes a message by the PID that the kernel vouches for: of the
 * unit whose main process it is, or in whose cgroup it lives. unix(7) lets who
 * has CAP_SYS_ADMIN name any process, so root speaks as the unit's main
 * process, and NotifyAccess=main (what WatchdogSec= implies) is enough. Others
 * have to live in the unit's cgroup when they speak, and the unit has to say
 * NotifyAccess=all.
 */

#include <sys/types.h>

/* Where the manager listens: the system's, or for other users than root their own. *ret is the
 * caller's. -ENXIO: no XDG_RUNTIME_DIR. */
int manager_notify_socket(char **ret);

/* Sends `message` as `pid`; 0: as ourselves. Returns when the manager has taken it, or after five
 * seconds: what the sender lives in must not be gone before. 0 or a negative errno: -EPERM: only
 * root may speak for others; -ESRCH: there is no such process; -ETIMEDOUT: sent, not taken. */
int manager_notify_as(const char *socket_path, pid_t pid, const char *message);
