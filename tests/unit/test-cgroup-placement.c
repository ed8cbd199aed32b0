/* SPDX-License-Identifier: Apache-2.0 */

/* A container comes into the unit's cgroup with its walls, in the real hierarchy. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>

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

static void on_placed(int r, const char *message, unsigned moved, void *userdata)
{
    Outcome *outcome = userdata;

    assert_false(outcome->ran);
    outcome->ran = true;
    outcome->r = r;
    outcome->moved = moved;
    (void)snprintf(outcome->message, sizeof(outcome->message), "%s", message ? message : "");
    (void)sd_event_exit(outcome->event, 0);
}

static Outcome place(pid_t first, bool privileged)
{
    const PlacementRequest request = {
        .layout = &scratch.layout,
        .container_id = SCRATCH_ID,
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

static int set_up(void **state)
{
    (void)state;
    if (geteuid() == 0 && scratch_mount())
        scratch_open(&scratch, true);
    (void)alarm(60);
    return 0;
}

static int set_up_undelegated(void **state)
{
    (void)state;
    if (geteuid() == 0 && scratch_mount())
        scratch_open(&scratch, false);
    (void)alarm(60);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (geteuid() == 0 && scratch_mount())
        scratch_close(&scratch);
    return 0;
}

static void test_one_process(void **state)
{
    pid_t first;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    scratch_attach_filter(&scratch, scratch.source, false);
    outcome = place(first, false);
    assert_string_equal("", outcome.message);
    assert_int_equal(0, outcome.r);
    assert_int_equal(1, outcome.moved);
    assert_true(scratch_holds(scratch.layout.payload, first));
    assert_int_equal(0, scratch_event(&scratch, scratch.source, "populated"));
    assert_int_equal(0, scratch_event(&scratch, scratch.source, "frozen"));
    assert_int_equal(1, scratch_count_filters(&scratch, scratch.layout.payload));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_process, set_up_undelegated, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
