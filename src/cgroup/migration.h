/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Moves processes from one cgroup into another while they go on forking.
 *
 * The whole of a cgroup, with all below it: it is frozen, some are moved each
 * turn of the loop, and again until it is empty. A process that leaves the
 * frozen cgroup runs at once, in its new place. Freezing is given two seconds;
 * what is not frozen by then (an uninterruptible wait) is moved as it runs, the
 * rest stays frozen, and sweeps repeat until nothing is left. The source is
 * thawed on every path.
 *
 * Single processes out of a cgroup that is not the container's own (see
 * process.h for whose a process is): nothing is frozen then, for others live
 * there; sweeps repeat until one finds none.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

typedef struct Migration Migration;

typedef struct MigrationRequest {
    int source; /* descriptors of the two cgroups, borrowed while migration_start() runs */
    int destination;
    bool whole;
    pid_t first; /* the container's first process */
} MigrationRequest;

typedef struct MigrationResult {
    int r;          /* 0, or why it stopped; what `left` counts is no reason to */
    unsigned moved; /* moves that succeeded */
    unsigned left;  /* processes that the last sweep could not move */
    int left_error; /* why not, for one of them */
    bool populated; /* at the end something lived in the source still, perhaps out of our sight */
} MigrationResult;

/* Runs once, from the loop, never after migration_free(); the migration may be freed in it. */
typedef void (*MigrationHandler)(const MigrationResult *result, void *userdata);

/* On failure (negative errno) nothing was moved and nothing is frozen. */
int migration_start(sd_event *event, const MigrationRequest *request, MigrationHandler handler,
        void *userdata, Migration **ret);
/* Thaws. NULL is fine. Returns NULL. */
Migration *migration_free(Migration *migration);
DEFINE_CLEANUP(Migration *, migration_free);
