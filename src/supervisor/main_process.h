/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A container's first process that is its unit's main process, and no child of
 * systemd's: as in the detached form.
 *
 * systemd (252) learns of such a one's end from the unit's cgroup alone, when
 * that runs empty, and looks whether the process is gone just once. It may not
 * be: the first process of a PID namespace leaves its cgroup, and then waits
 * until the others are reaped (pid_namespaces(7)), a `docker exec` or a health
 * check by containerd-shim. systemd never looks again: the unit stays active,
 * or a stop lasts until TimeoutStopSec=. So one of us has to be the last in the
 * cgroup, and to leave it when the process is really gone.
 *
 * `record` is what health.json holds: see check_record.h.
 */

#include <stdbool.h>

#include "base/json.h"

/* Does it live, and is it the unit's still, and no other that has its PID by now? */
bool main_process_is_there(JsonValue *record);

/* Moves this process into the unit's cgroup, as it is. -ENOENT: that is gone. */
int main_process_join_unit(JsonValue *record);

/* For a stop: leaves a process in the unit's cgroup, which no SIGTERM ends, and which ends when the
 * main process has. Returns when it is there. If the main process has ended, that is this process,
 * until it ends. 0 or a negative errno; -ENOENT: the unit's cgroup is gone, all is well. */
int main_process_await_end(JsonValue *record);
