/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * --startup-probe=: READY=1 waits for its first success. Run at once, and again a
 * start interval (--health-start-interval=, 5 s) after each failure.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "health/probe_spec.h"
#include "supervisor/check_run.h"

typedef struct Startup {
    ProbeSpec *probe; /* NULL: none */
    bool passed;
    char output[256]; /* why not, in one printable line */
    CheckRun *run;
    sd_event_source *timer;
} Startup;
