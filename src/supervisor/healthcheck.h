/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/options.h"

/* `healthcheck NAME`: runs the container's check once, prints what it said, and hands the result to
 * whoever counts: the resident wrapper, or health.json. Returns when it was counted: 0 healthy, 1
 * not, else EXIT_ENGINE or EXIT_UNAVAILABLE. With --if-due, for a timer: only if the check's
 * interval has passed, and the unit's watchdog is pinged in either case.
 * With --await-end nothing is checked: see main_process_await_end(). */
int healthcheck_run(const Options *options);
