/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names of systemd's units (systemd.unit(5)). Pure. */

#include <stdbool.h>
#include <stddef.h>

/* Is this, the first `size` bytes of `name`, a unit that has processes of its own, so that its
 * cgroup is nobody else's: a service or a scope? */
bool unit_name_has_processes(const char *name, size_t size);
