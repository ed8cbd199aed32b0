/* SPDX-License-Identifier: Apache-2.0 */

/* A container comes into the unit's cgroup with its walls, in the real hierarchy. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cgroup_place.h"

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

    /* Once more, as after an adoption: nothing to do, and the filters do not pile up. */
    outcome = place(first, false);
    assert_int_equal(0, outcome.r);
    assert_int_equal(0, outcome.moved);
    assert_int_equal(1, scratch_count_filters(&scratch, scratch.layout.payload));
}

static void test_payload_is_made_anew(void **state)
{
    _cleanup_free_ char *below = NULL;
    pid_t first;

    (void)state;
    SCRATCH_NEEDED();
    scratch_make(&scratch, scratch.layout.payload);
    below = text_format("%s/of-old", scratch.layout.payload);
    scratch_make(&scratch, below);
    scratch_attach_filter(&scratch, scratch.layout.payload, false);
    scratch_attach_filter(&scratch, scratch.source, true);
    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    assert_int_equal(0, place(first, false).r);
    assert_int_equal(1, scratch_count_filters(&scratch, scratch.layout.payload));
    assert_int_equal(-1, scratch_event(&scratch, below, "populated"));
}

static void test_first_in_a_cgroup_of_its_own(void **state)
{
    _cleanup_free_ char *scope = NULL;
    pid_t first;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    scope = text_format("%s/init.scope", scratch.source);
    scratch_make(&scratch, scope);
    scratch_attach_filter(&scratch, scratch.source, true);
    first = scratch_spawn(&scratch, scope, scratch_sleep, NULL);
    (void)scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    outcome = place(first, false);
    assert_int_equal(0, outcome.r);
    assert_int_equal(2, outcome.moved);
    assert_int_equal(0, scratch_count(&scratch, scratch.source));
}

/* Adopted, and something is where the container came from: put there since (cgroupfs driver), or
 * left frozen by a supervisor that was killed half-way. */
static void test_left_behind(void **state)
{
    _cleanup_close_ int source = -1;
    pid_t first, late;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    scratch_attach_filter(&scratch, scratch.source, true);
    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    assert_int_equal(0, place(first, false).r);
    late = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    source = scratch_open_cgroup(&scratch, scratch.source);
    assert_int_equal(0, cgroup_write(source, "cgroup.freeze", "1"));
    outcome = place(first, false);
    assert_int_equal(0, outcome.r);
    assert_int_equal(1, outcome.moved);
    assert_true(scratch_holds(scratch.layout.payload, late));
    assert_int_equal(0, scratch_event(&scratch, scratch.source, "frozen"));
}

/* With the cgroupfs driver nobody else removes it, and the engine would go on using it. */
static void test_emptied_source_is_removed(void **state)
{
    _cleanup_free_ char *below = NULL;
    pid_t first;

    (void)state;
    SCRATCH_NEEDED();
    free(scratch.source);
    scratch.source = text_format("%s/%s", scratch.base, scratch.id);
    below = text_format("%s/below", scratch.source);
    scratch_make(&scratch, scratch.source);
    scratch_make(&scratch, below);
    scratch_attach_filter(&scratch, scratch.source, true);
    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    assert_int_equal(0, place(first, false).r);
    assert_int_equal(-1, scratch_event(&scratch, scratch.source, "populated"));
}

static void test_container_is_gone(void **state)
{
    pid_t first;

    (void)state;
    SCRATCH_NEEDED();
    scratch_attach_filter(&scratch, scratch.source, true);
    assert_int_equal(-ESRCH, place(5000000, false).r);

    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    (void)kill(first, SIGKILL);
    scratch_wait_event(&scratch, scratch.source, "populated", 0);
    /* A zombie: nobody has waited for it. */
    assert_int_equal(-ESRCH, place(first, false).r);
}

static void sleep_by_twos(void *userdata)
{
    if (fork() >= 0)
        scratch_sleep(userdata);
}

static const char *begin_container(void *userdata)
{
    _cleanup_close_ int daemons = cgroup_open(scratch.mount, userdata);

    CHECK_APART(cgroup_write(daemons, "cgroup.procs", "0") == 0);
    sleep_by_twos(NULL);
    return NULL;
}

/* ibuildthecloud/systemd-docker#27: the container lives in the engine's own cgroup. */
static void test_cgroup_of_the_engine(void **state)
{
    _cleanup_free_ char *engine_path = NULL;
    pid_t engine, first;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    engine_path = text_format("%s/docker.service", scratch.base);
    scratch_make(&scratch, engine_path);
    engine = scratch_spawn(&scratch, engine_path, scratch_sleep, NULL);
    first = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
    if (first == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)begin_container(engine_path);
        _exit(0);
    }
    assert_true(first > 0);
    while (scratch_count(&scratch, engine_path) < 3)
        scratch_nap(1);

    /* Nothing restricts its devices there. */
    assert_int_equal(-ENOKEY, place(first, false).r);
    outcome = place(first, true);
    assert_int_equal(0, outcome.r);
    assert_int_equal(2, outcome.moved);
    assert_true(scratch_holds(engine_path, engine));
    assert_true(scratch_holds(scratch.layout.payload, first));
    assert_int_equal(1, scratch_count(&scratch, engine_path));
    assert_int_equal(2, scratch_count(&scratch, scratch.layout.payload));
}

static void test_not_ours(void **state)
{
    PlacementRequest request = { .layout = &scratch.layout, .first = 1 };
    CgroupLayout none = { .mount = (char *)"/sys/fs/cgroup" };
    Placement *placement = NULL;
    sd_event *event;

    (void)state;
    SCRATCH_NEEDED();
    assert_int_equal(0, sd_event_new(&event));
    request.container_id = "0123456789ab";
    assert_int_equal(-EINVAL, placement_start(event, &request, on_placed, NULL, &placement));
    request.container_id = scratch.id;
    request.layout = &none;
    assert_int_equal(-EINVAL, placement_start(event, &request, on_placed, NULL, &placement));
    assert_null(placement);
    (void)sd_event_unref(event);
}

/* Stopped in the middle: at each turn of the loop. */
static void test_freed_at_any_time(void **state)
{
    pid_t first;

    (void)state;
    SCRATCH_NEEDED();
    scratch_attach_filter(&scratch, scratch.source, true);
    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    for (int turns = 0; turns < 4; turns++) {
        const PlacementRequest request = {
            .layout = &scratch.layout,
            .container_id = scratch.id,
            .first = first,
        };
        Placement *placement;
        Outcome outcome = {};

        assert_int_equal(0, sd_event_new(&outcome.event));
        assert_int_equal(
                0, placement_start(outcome.event, &request, on_placed, &outcome, &placement));
        for (int i = 0; i < turns; i++)
            assert_true(sd_event_run(outcome.event, 0) >= 0);
        assert_null(placement_free(placement));
        outcome.event = sd_event_unref(outcome.event);
        scratch_wait_event(&scratch, scratch.source, "frozen", 0);
    }
}

static void on_placed_free(int r, const char *message, unsigned moved, void *userdata)
{
    Placement **placement = userdata;

    (void)moved;
    assert_int_equal(-ENOKEY, r);
    *placement = placement_free(*placement);
    /* Borrowed while the handler runs, whatever it frees. */
    assert_non_null(strstr(message, "device filter"));
}

static void test_freed_in_its_handler(void **state)
{
    PlacementRequest request = { .layout = &scratch.layout, .container_id = scratch.id };
    Placement *placement;
    sd_event *event;

    (void)state;
    SCRATCH_NEEDED();
    request.first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    assert_int_equal(0, sd_event_new(&event));
    assert_int_equal(0, placement_start(event, &request, on_placed_free, &placement, &placement));
    assert_true(sd_event_run(event, 0) > 0);
    assert_null(placement);
    (void)sd_event_unref(event);
}

/* Of which nothing can be told but that something is there: processes of another PID namespace. */
static const char *place_what_cannot_be_seen(void *userdata)
{
    _cleanup_close_ int source = cgroup_open(scratch.mount, scratch.source);
    PlacementRequest request = { .layout = &scratch.layout, .container_id = scratch.id };
    Outcome outcome = {};
    Placement *placement;

    (void)userdata;
    CHECK_APART(mount("proc", "/proc", "proc", 0, NULL) == 0);
    request.first = fork();
    if (request.first == 0) {
        (void)cgroup_write(source, "cgroup.procs", "0");
        scratch_sleep(NULL);
    }
    while (!scratch_holds(scratch.source, request.first))
        scratch_nap(1);
    CHECK_APART(sd_event_new(&outcome.event) == 0);
    CHECK_APART(placement_start(outcome.event, &request, on_placed, &outcome, &placement) == 0);
    CHECK_APART(sd_event_loop(outcome.event) == 0);
    CHECK_APART(outcome.r == 0);
    CHECK_APART(outcome.moved == 1);
    CHECK_APART(strstr(outcome.message, scratch.source));
    return NULL;
}

static void test_what_cannot_be_seen(void **state)
{
    (void)state;
    SCRATCH_NEEDED();
    scratch_attach_filter(&scratch, scratch.source, true);
    (void)scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    free(scratch.layout.mount);
    scratch.layout.mount = strdup("/sys/fs/cgroup");
    (void)snprintf(scratch.mount, sizeof(scratch.mount), "/sys/fs/cgroup");
    scratch_check_apart(CLONE_NEWNS | CLONE_NEWPID, place_what_cannot_be_seen, NULL);
    (void)snprintf(scratch.mount, sizeof(scratch.mount), "%s", scratch_mount());
    assert_int_equal(0, scratch_event(&scratch, scratch.source, "frozen"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_process),
        cmocka_unit_test_setup_teardown(test_one_process, set_up_undelegated, tear_down),
        TEST(test_payload_is_made_anew),
        TEST(test_first_in_a_cgroup_of_its_own),
        TEST(test_left_behind),
        TEST(test_emptied_source_is_removed),
        TEST(test_container_is_gone),
        TEST(test_cgroup_of_the_engine),
        TEST(test_not_ours),
        TEST(test_freed_at_any_time),
        TEST(test_freed_in_its_handler),
        TEST(test_what_cannot_be_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
