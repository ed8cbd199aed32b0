/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whose a container is: the unit's that its label names, which is who made it.
 * With --rm=false a unit also starts what others made (docker create, the unit
 * under a former name); labels cannot be changed, so a file says so instead, for
 * as long as it runs. It lies beside the runtime directory, which goes where the
 * engine does not answer, and in the detached form before `cleanup` comes; the
 * container may live on then, and stays the unit's.
 */

#include "base/json.h"

/* The unit ("web.service", or "": made outside of one) of the container that the inspect reply is
 * of, and which has this name. The caller's; NULL: systemd-ctr neither made nor started it. */
char *owner_of(JsonValue *inspect, const char *name);

/* Notes that the container of this name, with this ID, is the unit's from now on. */
int owner_write(const char *name, const char *id, const char *unit);
/* Takes that back: the container has ended. */
void owner_remove(const char *name);
