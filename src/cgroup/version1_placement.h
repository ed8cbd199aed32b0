/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mode `move` where controllers are on cgroup v1 (also hybrid): the same as
 * placement.h, in each of the layout's chosen hierarchies.
 *
 *   1. UNIT/payload is there, anew                                    core_files.c
 *   2. the limits and device rules of Docker's cgroup are in force    version1_walls.c
 *   3. Docker's scope does not end by being left                      scope_keeper.c
 *   4. all of the container is moved, again until none is left        version1_sweep.c
 *
 * What is executed in the container later (docker exec, HEALTHCHECK) is put by
 * the engine's runtime into the cgroups that it made itself, outside the unit,
 * and there is no event by which we would hear of it. It ends with the container.
 */

#include "cgroup/placement.h"

typedef struct Version1Placement Version1Placement;

/* Calls the handler as placement_start() does, from the loop. On failure nothing was moved, and
 * *ret_message may say more than the negative errno. */
int version1_placement_start(sd_event *event, const PlacementRequest *request,
        PlacementHandler handler, void *userdata, Version1Placement **ret, char **ret_message);
/* NULL is fine. Returns NULL. */
Version1Placement *version1_placement_free(Version1Placement *placement);
DEFINE_CLEANUP(Version1Placement *, version1_placement_free);
