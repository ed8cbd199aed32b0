/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One run of a container's health check, whatever that is: an http or tcp probe
 * of ours, or a command that the engine executes in the container.
 */

#include <systemd/sd-event.h>

#include "engine/engine.h"
#include "health/health.h"
#include "health/probe_spec.h"

typedef struct CheckRun CheckRun;

/* The command of `probe` (exec:), if `probe` is given, else `command`. All but the engine is
 * borrowed until the end of the run. */
typedef struct CheckRunRequest {
    const ProbeSpec *probe;
    char *const *command;
    const char *container; /* its ID */
    pid_t pid;             /* of its first process; 0: not to be seen from here */
    int pidfd;
    uint64_t timeout_usec;
} CheckRunRequest;

typedef enum CheckRunEnd {
    CHECK_RUN_TOLD,      /* `end` is a result */
    CHECK_RUN_TIMED_OUT, /* so is this; what ran is killed */
    CHECK_RUN_SILENT,    /* nothing is known of the service: the engine was away, the container has
                            ended or is paused; `end->output` says why */
} CheckRunEnd;

/* `began` and `ended`: CLOCK_MONOTONIC. `end` is borrowed while the handler runs. */
typedef void (*CheckRunHandler)(
        CheckRunEnd how, uint64_t began, uint64_t ended, const ProbeEnd *end, void *userdata);

/* The handler runs once, from the loop, never from here, not after check_run_cancel(); the run is
 * released with it. 0 or a negative errno, and then no handler will run. */
int check_run_start(sd_event *event, Engine *engine, const CheckRunRequest *request,
        CheckRunHandler handler, void *userdata, CheckRun **ret);
/* What runs is killed. NULL is fine. Returns NULL. */
CheckRun *check_run_cancel(CheckRun *run);
