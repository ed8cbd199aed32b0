/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The unit's watchdog (WatchdogSec=): our own timer at half of WATCHDOG_USEC,
 * tied to nothing else. Before each ping `is_alive` is asked for evidence; as
 * long as it says no, nothing is sent, and asking goes on.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

typedef struct Watchdog Watchdog;

/* 1 and *ret if the unit has a watchdog that is ours (WATCHDOG_USEC, WATCHDOG_PID), 0 and NULL if
 * not; or a negative errno. The first ping goes out at once. */
int watchdog_start(
        sd_event *event, bool (*is_alive)(void *userdata), void *userdata, Watchdog **ret);
/* Asks and pings now, if it may: when the evidence has just changed. NULL is fine. */
void watchdog_ping(Watchdog *watchdog);
/* NULL is fine. Returns NULL. */
Watchdog *watchdog_free(Watchdog *watchdog);
DEFINE_CLEANUP(Watchdog *, watchdog_free);
