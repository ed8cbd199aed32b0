/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which exit status the end of a container gives us. Pure. */

#include <stdbool.h>

/* What is known at the end. */
typedef struct End {
    bool handed_over; /* it runs on without us */
    int failure;      /* an exit code of ours: why it could not go on; 0: it could */
    bool started;     /* a container of ours has run */
    bool known;       /* its exit status is known */
    int status;       /* that one, 0 ... 255 */
    bool stop_asked;  /* by systemd, or by whoever used docker stop */
    bool killed;      /* by us: it did not heed the stop signal */
    int stop_signal;
} End;

int exit_status_of(const End *end);

/* The exit code of docker run for a start that the engine refused with these words. */
int exit_status_of_start_error(const char *engine_message);
