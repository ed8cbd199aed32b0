/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Our environment, environ(7), and what of it is the container's business (--env). Pure. */

#include <stdbool.h>
#include <stddef.h>

/* False for what belongs to systemd or to this host ("HOME", "NOTIFY_SOCKET", "SYSTEMD_..."). */
bool environment_is_passed_on(const char *assignment);

/* The assignment ("A=b") to the variable whose name are the first `size` bytes of `name`; NULL:
 * there is none. Borrowed, as what follows; `environment` may be NULL. */
const char *environment_find(char *const *environment, const char *name, size_t size);
/* The value of a variable; NULL: there is none, or "", which docker takes for none. */
const char *environment_value(char *const *environment, const char *name);
