/* SPDX-License-Identifier: Apache-2.0 */

/* What the kernel counts of kills for want of memory, and whose limit it was. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"
#include "cgroup/oom.h"

static void test_counts_parse(void **state)
{
    static const struct {
        const char *text;
        int r;
        uint64_t oom, kills;
    } cases[] = {
        { "low 0\nhigh 0\nmax 35\noom 2\noom_kill 1\noom_group_kill 0", 0, 2, 1 },
        /* Before Linux 5.17. */
        { "low 0\nhigh 0\nmax 0\noom 0\noom_kill 7", 0, 0, 7 },
        { "oom_kill 3\noom 18446744073709551615\n", 0, UINT64_MAX, 3 },
        { "oom_group_kill 9\noom_kill 1\noom 4\noomx 5\n", 0, 4, 1 },
        { "", -EBADMSG, 0, 0 },
        { "\n\n", -EBADMSG, 0, 0 },
        { "oom 1\n", -EBADMSG, 0, 0 },
        { "oom_kill 1\n", -EBADMSG, 0, 0 },
        { "oom\noom_kill 1\n", -EBADMSG, 0, 0 },
        { "oom x\noom_kill 1\n", -EBADMSG, 0, 0 },
        { "oom 1 2\noom_kill 1\n", -EBADMSG, 0, 0 },
        { "oom 1\noom_kill -1\n", -EBADMSG, 0, 0 },
        { "oom 1\noom_kill 18446744073709551616\n", -EBADMSG, 0, 0 },
        /* cgroup v1's memory.oom_control. */
        { "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", -EBADMSG, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        OomCounts counts = { 77, 77 };

        assert_int_equal(cases[i].r, oom_counts_parse(cases[i].text, &counts));
        assert_int_equal(cases[i].r < 0 ? 77 : cases[i].oom, counts.oom);
        assert_int_equal(cases[i].r < 0 ? 77 : cases[i].kills, counts.kills);
    }
}

#define ALL(o, k) .all = { (o), (k) }
#define OWN(o) .own = { (o), 0 }
/* From one kill each, long ago. */
static void test_killed_since(void **state)
{
    static const OomLevel before = { .known = true, ALL(1, 1), OWN(1) };
    static const struct {
        OomLevel container, unit;
        uint64_t killed;
        OomCause cause;
    } cases[] = {
        { { true, ALL(2, 2), OWN(2) }, { true, ALL(2, 2), OWN(1) }, 1, OOM_OF_CONTAINER },
        { { true, ALL(1, 2), OWN(1) }, { true, ALL(2, 2), OWN(2) }, 1, OOM_OF_UNIT },
        { { true, ALL(2, 4), OWN(1) }, { true, ALL(2, 4), OWN(1) }, 3, OOM_OF_INSIDE },
        { { true, ALL(1, 2), OWN(1) }, { true, ALL(1, 2), OWN(1) }, 1, OOM_OF_OTHERS },
        /* A hit, and nobody was killed yet; and nothing at all. */
        { { true, ALL(2, 1), OWN(2) }, { true, ALL(2, 1), OWN(1) }, 0, 0 },
        { { true, ALL(1, 1), OWN(1) }, { true, ALL(1, 1), OWN(1) }, 0, 0 },
        /* Both were hit: the nearer one. */
        { { true, ALL(2, 3), OWN(2) }, { true, ALL(3, 3), OWN(2) }, 2, OOM_OF_CONTAINER },
        { { true, ALL(2, 3), OWN(1) }, { true, ALL(3, 3), OWN(2) }, 2, OOM_OF_UNIT },
        /* In the unit, but not in the container's cgroup. */
        { { true, ALL(1, 1), OWN(1) }, { true, ALL(2, 2), OWN(1) }, 1, OOM_OF_INSIDE },
        /* The container's is gone, or has no memory controller. */
        { { false, ALL(1, 1), OWN(1) }, { true, ALL(2, 2), OWN(1) }, 1, OOM_OF_CONTAINER },
        { { false, ALL(1, 1), OWN(1) }, { true, ALL(2, 2), OWN(2) }, 1, OOM_OF_UNIT },
        { { false, ALL(1, 1), OWN(1) }, { true, ALL(1, 2), OWN(1) }, 1, OOM_OF_OTHERS },
        /* It lives outside of the unit. */
        { { true, ALL(2, 2), OWN(2) }, { false, ALL(1, 1), OWN(1) }, 1, OOM_OF_CONTAINER },
        { { true, ALL(1, 2), OWN(1) }, { false, ALL(1, 1), OWN(1) }, 1, OOM_OF_OTHERS },
        { { false, ALL(1, 1), OWN(1) }, { false, ALL(1, 1), OWN(1) }, 0, 0 },
        /* Made anew meanwhile: counts begin again. */
        { { true, ALL(0, 0), OWN(0) }, { true, ALL(1, 1), OWN(1) }, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const OomView then = { before, before }, now = { cases[i].container, cases[i].unit };
        OomCause cause = (OomCause)77;

        assert_int_equal(cases[i].killed, oom_killed_since(&then, &now, &cause));
        assert_int_equal(cases[i].killed ? cases[i].cause : (OomCause)77, cause);
    }
}

/* A payload that is given its controller while limits are carried has counts from 0. */
static void test_killed_since_nothing_was_known(void **state)
{
    const OomView then = { { false, ALL(0, 0), OWN(0) }, { true, ALL(5, 5), OWN(5) } };
    const OomView now = { { true, ALL(1, 1), OWN(1) }, { true, ALL(6, 6), OWN(5) } };
    OomCause cause;

    (void)state;
    assert_int_equal(1, oom_killed_since(&then, &now, &cause));
    assert_int_equal(OOM_OF_CONTAINER, cause);
}

static void read_next(OomView *view, void *userdata)
{
    const OomView **next = userdata;

    *view = *(*next)++;
}

/* The container's limit is hit, and a process killed, when the container's counts have been read
 * and the unit's have not. */
static void test_view_read_while_killed(void **state)
{
    static const OomLevel before = { true, ALL(1, 1), OWN(1) };
    static const OomView then = { before, before };
    const OomView reads[] = {
        { before, { true, ALL(2, 2), OWN(1) } },
        { { true, ALL(2, 2), OWN(2) }, { true, ALL(2, 2), OWN(1) } },
    };
    const OomView *next = reads;
    OomView now = then;
    OomCause cause;

    (void)state;
    oom_view_read(&now, read_next, &next);
    assert_ptr_equal(reads + ELEMENTS(reads), next);
    assert_int_equal(1, oom_killed_since(&then, &now, &cause));
    assert_int_equal(OOM_OF_CONTAINER, cause);
}

static void read_kill(OomView *view, void *userdata)
{
    unsigned *n = userdata;

    view->container.all.kills++;
    (*n)++;
}

static void test_view_read_ends(void **state)
{
    OomView view = { .container.known = true };
    unsigned n = 0;

    (void)state;
    oom_view_read(&view, read_kill, &n);
    assert_in_range(n, 2, 10);
}

static void on_oom(const OomReport *report, void *userdata)
{
    (void)report;
    (void)userdata;
    fail();
}

/* Where nothing counts, there is no watch: no cgroup, one without the controller, no unit. */
static void test_no_controller(void **state)
{
    char mount[] = "/tmp/test-cgroup-oom.XXXXXX";
    _cleanup_free_ char *command = NULL, *unit = NULL;
    CgroupLayout layout = {
        .mount = mount,
        .unit = (char *)"/web.service",
        .payload = (char *)"/web.service/payload",
        .delegated = true,
    };
    const CgroupLayout nowhere = { .mount = mount };
    OomWatch *watch = NULL;
    sd_event *event = NULL;

    (void)state;
    assert_non_null(mkdtemp(mount));
    unit = text_format("%s/web.service", mount);
    assert_true(sd_event_new(&event) >= 0);
    assert_int_equal(-ENOENT, oom_watch_new(event, &layout, NULL, on_oom, NULL, &watch));
    assert_int_equal(0, directory_make(unit, 0755));
    assert_int_equal(-ENOENT, oom_watch_new(event, &layout, NULL, on_oom, NULL, &watch));
    assert_int_equal(-ENOENT, oom_watch_new(event, &nowhere, NULL, on_oom, NULL, &watch));
    assert_null(watch);
    oom_watch_look(NULL);
    assert_null(oom_watch_free(NULL));
    (void)sd_event_unref(event);
    command = text_format("rm -rf %s", mount);
    assert_int_equal(0, system(command));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_parse),
        cmocka_unit_test(test_killed_since),
        cmocka_unit_test(test_killed_since_nothing_was_known),
        cmocka_unit_test(test_view_read_while_killed),
        cmocka_unit_test(test_view_read_ends),
        cmocka_unit_test(test_no_controller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
