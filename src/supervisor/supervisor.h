/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `run`: one container from its start to its end, as the main process of a unit. */

#include "base/clock.h"
#include "cli/options.h"
#include "cli/run_request.h"

/* The exit codes of our own (the rest are the container's). */
enum {
    EXIT_USAGE = 64,       /* EX_USAGE of sysexits.h: the command line is wrong */
    EXIT_UNAVAILABLE = 69, /* EX_UNAVAILABLE: no engine */
    EXIT_ENGINE = 125,     /* the engine or systemd-ctr failed, as docker run has it */
    EXIT_CANNOT_INVOKE = 126,
    EXIT_NOT_FOUND = 127,
};

/* How long an answer to a ping is waited for, and when an engine that is away is asked again. */
#define PING_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define PING_AGAIN_USEC (250 * USEC_PER_MSEC)

/* Returns when all is over, with the exit code. `request` is changed: labels and the like. */
int supervisor_run(const Options *options, RunRequest *request);
