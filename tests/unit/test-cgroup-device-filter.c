/* SPDX-License-Identifier: Apache-2.0 */

/* A container's devices are as restricted after the move as before. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>

#include "cgroup_place.h"

static int set_up(void **state)
{
    (void)state;
    if (geteuid() == 0 && scratch_mount())
        scratch_open(&scratch, true);
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

/* What a process of the container that opens a device again and again was told last. */
typedef struct Opener {
    volatile int rounds, error;
} Opener;

static void open_again_and_again(void *userdata)
{
    Opener *opener = userdata;

    for (;;) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        opener->error = fd < 0 ? errno : 0;
        close_p(&fd);
        opener->rounds++;
        scratch_nap(1);
    }
}

/* Its answer to an attempt that begins after this call. */
static int ask(Opener *opener)
{
    int seen = opener->rounds;

    while (opener->rounds < seen + 2)
        scratch_nap(1);
    return opener->error;
}

static void test_device_filter_holds(void **state)
{
    Opener *opener;
    Outcome outcome;
    pid_t first;

    (void)state;
    SCRATCH_NEEDED();
    opener = mmap(NULL, sizeof(*opener), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(MAP_FAILED, opener);
    first = scratch_spawn(&scratch, scratch.source, open_again_and_again, opener);
    assert_int_equal(0, ask(opener));
    scratch_attach_filter(&scratch, scratch.source, true);
    scratch_attach_filter(&scratch, scratch.source, false);
    assert_int_equal(EPERM, ask(opener));

    outcome = place(first, false);
    assert_int_equal(0, outcome.r);
    assert_int_equal(1, outcome.moved);
    assert_int_equal(EPERM, ask(opener));
    assert_int_equal(2, scratch_count_filters(&scratch, scratch.layout.payload));
    (void)munmap(opener, sizeof(*opener));
}

/* That it holds is the filter's doing, not the move's: by a bare move it is lost. */
static void test_bare_move_loses_the_filter(void **state)
{
    _cleanup_close_ int payload = -1;
    Opener *opener;
    char pid[16];
    pid_t first;

    (void)state;
    SCRATCH_NEEDED();
    opener = mmap(NULL, sizeof(*opener), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(MAP_FAILED, opener);
    first = scratch_spawn(&scratch, scratch.source, open_again_and_again, opener);
    scratch_attach_filter(&scratch, scratch.source, false);
    assert_int_equal(EPERM, ask(opener));
    scratch_make(&scratch, scratch.layout.payload);
    payload = scratch_open_cgroup(&scratch, scratch.layout.payload);
    (void)snprintf(pid, sizeof(pid), "%d", first);
    assert_int_equal(0, cgroup_write(payload, "cgroup.procs", pid));
    assert_int_equal(0, ask(opener));
    (void)munmap(opener, sizeof(*opener));
}

static void test_no_filter(void **state)
{
    pid_t first;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    outcome = place(first, false);
    assert_int_equal(-ENOKEY, outcome.r);
    assert_non_null(strstr(outcome.message, "device filter"));
    assert_int_equal(0, outcome.moved);
    assert_true(scratch_holds(scratch.source, first));
    assert_int_equal(0, scratch_event(&scratch, scratch.source, "frozen"));

    outcome = place(first, true);
    assert_int_equal(0, outcome.r);
    assert_int_equal(1, outcome.moved);
    assert_true(scratch_holds(scratch.layout.payload, first));
}

/* A rootless engine's: its user could not have attached one. */
static void test_no_filter_without_privileges(void **state)
{
    _cleanup_free_ char *directory = NULL;
    Outcome outcome;
    pid_t first;

    (void)state;
    SCRATCH_NEEDED();
    directory = text_format("%s%s", scratch.layout.mount, scratch.source);
    assert_int_equal(0, chown(directory, 65534, 65534));
    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    outcome = place(first, false);
    assert_int_equal(0, outcome.r);
    assert_int_equal(1, outcome.moved);
    assert_true(scratch_holds(scratch.layout.payload, first));
}

/* ... but one that is there is carried, whoever owns the cgroup (userns-remap). */
static void test_filter_of_a_remapped_user(void **state)
{
    _cleanup_free_ char *directory = NULL;
    Outcome outcome;
    pid_t first;

    (void)state;
    SCRATCH_NEEDED();
    directory = text_format("%s%s", scratch.layout.mount, scratch.source);
    assert_int_equal(0, chown(directory, 65534, 65534));
    scratch_attach_filter(&scratch, scratch.source, false);
    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    outcome = place(first, false);
    assert_int_equal(0, outcome.r);
    assert_int_equal(1, scratch_count_filters(&scratch, scratch.layout.payload));
}

/* A slice with a filter above the container's cgroup, and one above both. */
static void test_filters_of_ancestors(void **state)
{
    _cleanup_free_ char *slice = NULL;
    pid_t first;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    slice = text_format("%s/locked.slice", scratch.base);
    scratch_make(&scratch, slice);
    free(scratch.source);
    scratch.source = text_format("%s/docker-%s.scope", slice, scratch.id);
    scratch_make(&scratch, scratch.source);
    scratch_attach_filter(&scratch, scratch.base, true);
    scratch_attach_filter(&scratch, slice, true);
    scratch_attach_filter(&scratch, scratch.source, true);
    first = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    outcome = place(first, false);
    assert_int_equal(0, outcome.r);
    assert_int_equal(2, scratch_count_filters(&scratch, scratch.layout.payload));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_device_filter_holds),
        TEST(test_bare_move_loses_the_filter),
        TEST(test_no_filter),
        TEST(test_no_filter_without_privileges),
        TEST(test_filter_of_a_remapped_user),
        TEST(test_filters_of_ancestors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
