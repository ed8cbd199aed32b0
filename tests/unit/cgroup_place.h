/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A placement from its start to its handler, in a scratch hierarchy. */

#include "cgroup_scratch.h"

#include "cgroup/placement.h"

static Scratch scratch;

typedef struct Outcome {
    bool ran;
    int r;
    char message[512];
    unsigned moved;
    sd_event *event;
} Outcome;

static inline void on_placed(int r, const char *message, unsigned moved, void *userdata)
{
    Outcome *outcome = userdata;

    assert_false(outcome->ran);
    outcome->ran = true;
    outcome->r = r;
    outcome->moved = moved;
    (void)snprintf(outcome->message, sizeof(outcome->message), "%s", message ? message : "");
    (void)sd_event_exit(outcome->event, 0);
}

static inline Outcome place(pid_t first, bool privileged)
{
    const PlacementRequest request = {
        .layout = &scratch.layout,
        .container_id = scratch.id,
        .first = first,
        .privileged = privileged,
    };
    Placement *placement;
    Outcome outcome = {};

    assert_int_equal(0, sd_event_new(&outcome.event));
    assert_int_equal(0, placement_start(outcome.event, &request, on_placed, &outcome, &placement));
    assert_false(outcome.ran);
    assert_int_equal(0, sd_event_loop(outcome.event));
    assert_true(outcome.ran);
    assert_null(placement_free(placement));
    outcome.event = sd_event_unref(outcome.event);
    return outcome;
}
