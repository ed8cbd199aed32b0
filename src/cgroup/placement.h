/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Brings a running container into the unit's cgroup, with all its walls: mode
 * `move` of the specification.
 *
 *   1. UNIT/payload is there, anew                                    core_files.c
 *   2. Docker's device filter is attached to it                       device_filter.c
 *   3. the limits of Docker's cgroup are in force in it               limits.c
 *   4. the source is frozen, moved, again until it is empty, thawed   migration.c
 *
 * How what lives in the payload is ended and cleared away is in payload.c.
 *
 * Runs from the event loop in small steps; nothing waits.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "cgroup/layout.h"

typedef struct Placement Placement;

/* `r` 0: the container's first process is in UNIT/payload and so is all else of the container, or
 * `message` (NULL otherwise) says what stays outside. Negative errno: `message` says in one
 * sentence which wall could not be carried or what else failed; before the walls stand nothing is
 * moved. -ESRCH: the container ended before it was there; its exit status tells the rest, so this
 * is no failure of its own. `moved`: processes that were moved (0: all were there already). Runs
 * once, from the loop, never after placement_free(); the placement may be freed in it. */
typedef void (*PlacementHandler)(int r, const char *message, unsigned moved, void *userdata);

typedef struct PlacementRequest {
    const CgroupLayout *layout; /* borrowed until the handler ran or placement_free() */
    const char *container_id;   /* full, 64 hexadecimal digits */
    pid_t first;                /* the container's first process, in our PID namespace */
    bool privileged;            /* has no device filter, so needs none */
} PlacementRequest;

/* -EINVAL: the layout has no unit, or the ID is none. A container that is frozen (paused, or left
 * so by an interrupted move) runs on afterwards. */
int placement_start(sd_event *event, const PlacementRequest *request, PlacementHandler handler,
        void *userdata, Placement **ret);
/* Thaws if need be. NULL is fine. Returns NULL. */
Placement *placement_free(Placement *placement);
DEFINE_CLEANUP(Placement *, placement_free);

/* Signals what is left in UNIT/payload. Nothing without delegation: there the container lives in
 * the unit's own cgroup, beside us and whoever else the unit has, and it is systemd (KillMode=)
 * that ends what outlives the container's first process (--pid=host). 0 also when nothing was
 * there. */
int payload_kill(const CgroupLayout *layout, int signal_number);
/* SIGKILL to all in the cgroup that Docker made for this container, if there is one: for a
 * container that was never placed. */
int container_kill(const CgroupLayout *layout, const char *container_id);
/* Lets that cgroup run on: a move that was interrupted has left it frozen. */
int container_thaw(const CgroupLayout *layout, const char *container_id);
/* 1: something lives in UNIT/supervisor, so somebody watches over the container; 0: nothing, or
 * there is no such cgroup. */
int supervisor_is_populated(const CgroupLayout *layout);
/* Thaws what is frozen in UNIT/payload and removes it with all empty cgroups below; what is
 * populated stays; else the unit has no controllers for cgroups below it any more. Nothing to do
 * without delegation. Idempotent. */
int payload_clean(const CgroupLayout *layout);
