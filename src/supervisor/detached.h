/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A container that runs on without us (--logs=none --rm=false): its check, and the pings of the
 * unit's watchdog, are left to a timer that lives as long as the unit; with a check or without,
 * something has to make systemd notice the container's end (main_process.h). */

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "supervisor/check_record.h"

struct Supervisor;
typedef struct DetachedChecks DetachedChecks;

/* 1: a timer is being set up, and the loop ends when that is done or has failed (which is a
 * warning: the container runs); 0: there is no unit to do it for, or it failed already. */
int detached_checks_start(struct Supervisor *supervisor);
/* The timer stays. Returns NULL. */
DetachedChecks *detached_checks_free(DetachedChecks *checks);

/* What the unit hears after a run of the check, or between two: WATCHDOG=1 where that is true,
 * STATUS= where the status `changed` or there is a failure to tell, and WATCHDOG=trigger where it
 * `changed`. Waits until systemd has taken it. 0 or a negative errno. */
int detached_tell(JsonValue *record, bool changed, uint64_t now);
