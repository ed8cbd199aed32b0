/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The service manager, asked by D-Bus (org.freedesktop.systemd1(5)): the system's as root, else the
 * user's own. */

#include <stdbool.h>
#include <stdint.h>

/* Reloads a unit ("docker.service") and waits for the end of the job: not for the loop. 0, or a
 * negative errno beside a sentence in *ret_message, the caller's: -ETIMEDOUT, no end within
 * `timeout_usec`; -EIO, the job failed; others when the manager cannot be asked, or refuses. */
int bus_reload_unit(const char *unit, uint64_t timeout_usec, char **ret_message);

/* Does a manager take the unit for neither down nor failed: the system's, or the user's own where
 * we are not root? False too where none can be asked. */
bool bus_unit_is_up(const char *unit);
