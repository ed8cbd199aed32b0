/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whose a container is: the unit's that its label names, which is who made it.
 * With --rm=false a unit also starts what others made (docker create, the unit
 * under a former name); labels cannot be changed, so a file in the container's
 * runtime directory says so instead, for as long as it runs.
 */

#include "base/json.h"

/* The unit ("web.service", or "": made outside of one) of the container that the inspect reply is
 * of, and which has this name. The caller's; NULL: systemd-ctr neither made nor started it. */
char *owner_of(JsonValue *inspect, const char *name);

/* Notes that the container of this name, with this ID, is the unit's from now on. */
int owner_write(const char *name, const char *id, const char *unit);
/* Takes that back, and the directory if nothing else is in it. */
void owner_remove(const char *name);
