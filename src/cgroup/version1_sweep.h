/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Moves a container's processes in several hierarchies of cgroup v1 while they
 * go on forking.
 *
 * Nothing is frozen: the freezer is a hierarchy of its own there, and its state
 * the engine's. What is forked before its parent is moved is met by the next
 * sweep, what is forked after is born in the new place; sweeps repeat until two
 * found nothing. A move takes the whole process (cgroup.procs): written to
 * `tasks` it would take one thread.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

typedef struct Sweep Sweep;

typedef struct SweepPath {
    int source, destination; /* of the two cgroups in one hierarchy */
    bool whole;              /* `source` and all below it is the container's own */
} SweepPath;

typedef struct SweepRequest {
    const SweepPath *paths; /* borrowed, and what is open in it, while sweep_start() runs */
    size_t n;
    pid_t first;  /* the container's first process */
    pid_t keeper; /* stays; 0: none */
} SweepRequest;

typedef struct SweepResult {
    int r;
    unsigned moved; /* processes; each counts once, however many hierarchies it was moved in */
    unsigned left;  /* moves that the last sweep could not make */
    int left_error;
} SweepResult;

/* Runs once, from the loop, never after sweep_free(); the sweep may be freed in it. */
typedef void (*SweepHandler)(const SweepResult *result, void *userdata);

int sweep_start(sd_event *event, const SweepRequest *request, SweepHandler handler, void *userdata,
        Sweep **ret);
/* NULL is fine. Returns NULL. */
Sweep *sweep_free(Sweep *sweep);
DEFINE_CLEANUP(Sweep *, sweep_free);
