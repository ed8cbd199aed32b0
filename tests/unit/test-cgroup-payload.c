/* SPDX-License-Identifier: Apache-2.0 */

/* The unit's own cgroups: found, entered, and what lives in the payload ended and cleared away. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cgroup_scratch.h"

#include "cgroup/placement.h"

static Scratch scratch;

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

static void mark_delegated(const char *xattr, const char *value)
{
    _cleanup_close_ int unit = scratch_open_cgroup(&scratch, scratch.layout.unit);

    assert_int_equal(0, fsetxattr(unit, xattr, value, strlen(value), 0));
}

static const char *find_and_enter(void *userdata)
{
    const bool *delegated = userdata;
    _cleanup_(cgroup_layout_clear) CgroupLayout layout = {}, again = {}, of_unit = {};
    _cleanup_close_ int unit = cgroup_open("/sys/fs/cgroup", scratch.layout.unit);

    CHECK_APART(cgroup_write(unit, "cgroup.procs", "0") == 0);
    CHECK_APART(cgroup_layout_find(&layout) == 0);
    CHECK_APART(text_equal(layout.mount, "/sys/fs/cgroup"));
    CHECK_APART(text_equal(layout.own, scratch.layout.unit));
    CHECK_APART(text_equal(layout.unit, scratch.layout.unit));
    CHECK_APART(text_equal(layout.unit_name, "web.service"));
    CHECK_APART(layout.delegated == *delegated);
    CHECK_APART(text_equal(layout.supervisor, scratch.layout.supervisor));
    CHECK_APART(text_equal(layout.payload, scratch.layout.payload));

    CHECK_APART(cgroup_layout_enter(&layout, 0) == 0);
    CHECK_APART(cgroup_layout_enter(&layout, 0) == 0);
    /* From there the unit is the same: nothing nests. */
    CHECK_APART(cgroup_layout_find(&again) == 0);
    CHECK_APART(text_equal(again.own, layout.supervisor));
    CHECK_APART(text_equal(again.unit, layout.unit));
    CHECK_APART(text_equal(again.payload, layout.payload));
    CHECK_APART(cgroup_layout_enter(&again, 0) == 0);

    CHECK_APART(cgroup_layout_of_unit(layout.unit, &of_unit) == 0);
    CHECK_APART(text_equal(of_unit.payload, layout.payload));
    CHECK_APART(of_unit.delegated == *delegated);
    CHECK_APART(!of_unit.own);
    CHECK_APART(cgroup_layout_of_unit("/system.slice/no-such.service", &again) == -ENOENT);
    return NULL;
}

static void test_find_and_enter(void **state)
{
    static const char *const xattrs[] = { "trusted.delegate", "user.delegate" };
    bool delegated = true;

    (void)state;
    SCRATCH_NEEDED();
    for (size_t i = 0; i < ELEMENTS(xattrs); i++) {
        mark_delegated(xattrs[i], "1");
        scratch_check_apart(CLONE_NEWNS, find_and_enter, &delegated);
        assert_int_equal(0, scratch_event(&scratch, scratch.layout.supervisor, "populated"));
        assert_int_equal(0, scratch_event(&scratch, scratch.layout.payload, "populated"));
        tear_down(NULL);
        set_up(NULL);
    }
}

static void test_find_undelegated(void **state)
{
    bool delegated = false;

    (void)state;
    SCRATCH_NEEDED();
    mark_delegated("trusted.delegate", "0");
    scratch_check_apart(CLONE_NEWNS, find_and_enter, &delegated);
}

static const char *find_in_scope(void *userdata)
{
    _cleanup_(cgroup_layout_clear) CgroupLayout layout = {};
    _cleanup_close_ int scope = cgroup_open("/sys/fs/cgroup", userdata);

    CHECK_APART(cgroup_write(scope, "cgroup.procs", "0") == 0);
    CHECK_APART(cgroup_layout_find(&layout) == 0);
    CHECK_APART(text_equal(layout.own, userdata));
    CHECK_APART(!layout.unit && !layout.unit_name && !layout.delegated && !layout.payload);
    CHECK_APART(cgroup_layout_enter(&layout, 0) == 0);
    CHECK_APART(payload_kill(&layout, SIGKILL) == 0);
    CHECK_APART(payload_clean(&layout) == 0);
    return NULL;
}

/* Started by hand, in the cgroup of a session below a user's manager, whose own is delegated. */
static void test_find_in_a_session(void **state)
{
    _cleanup_free_ char *scope = NULL;

    (void)state;
    SCRATCH_NEEDED();
    mark_delegated("trusted.delegate", "1");
    scope = text_format("%s/init.scope", scratch.layout.unit);
    scratch_make(&scratch, scope);
    scratch_check_apart(CLONE_NEWNS, find_in_scope, scope);
}

static void ignore_signals(void *userdata)
{
    (void)signal(SIGTERM, SIG_IGN);
    scratch_sleep(userdata);
}

static void test_kill(void **state)
{
    _cleanup_free_ char *below = NULL;
    pid_t deaf, outside;

    (void)state;
    SCRATCH_NEEDED();
    /* No such cgroup: nothing is there. */
    assert_int_equal(0, payload_kill(&scratch.layout, SIGKILL));

    scratch_make(&scratch, scratch.layout.payload);
    below = text_format("%s/below", scratch.layout.payload);
    scratch_make(&scratch, below);
    (void)scratch_spawn(&scratch, scratch.layout.payload, scratch_sleep, NULL);
    (void)scratch_spawn(&scratch, below, scratch_sleep, NULL);
    deaf = scratch_spawn(&scratch, below, ignore_signals, NULL);
    outside = scratch_spawn(&scratch, scratch.layout.unit, scratch_sleep, NULL);

    scratch_nap(50);
    assert_int_equal(0, payload_kill(&scratch.layout, SIGTERM));
    for (int i = 0; i < 500 && scratch_count(&scratch, scratch.layout.payload) > 1; i++)
        scratch_nap(10);
    assert_int_equal(1, scratch_count(&scratch, scratch.layout.payload));
    assert_true(scratch_holds(below, deaf));
    assert_int_equal(0, payload_kill(&scratch.layout, SIGKILL));
    scratch_wait_event(&scratch, scratch.layout.payload, "populated", 0);
    assert_true(scratch_holds(scratch.layout.unit, outside));
}

/* Without delegation it lives beside us and others, who may have PID namespaces of their own. */
static void test_kill_undelegated(void **state)
{
    pid_t ours, theirs;

    (void)state;
    SCRATCH_NEEDED();
    ours = scratch_spawn(&scratch, scratch.layout.unit, scratch_sleep, NULL);
    theirs = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
    if (theirs == 0) {
        _cleanup_close_ int unit = cgroup_open(scratch.mount, scratch.layout.unit);

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)cgroup_write(unit, "cgroup.procs", "0");
        scratch_sleep(NULL);
    }
    while (scratch_count(&scratch, scratch.layout.unit) < 2)
        scratch_nap(1);
    assert_int_equal(0, payload_kill(&scratch.layout, SIGKILL));
    assert_int_equal(0, payload_clean(&scratch.layout));
    assert_int_equal(0, waitpid(ours, NULL, WNOHANG));
    assert_int_equal(0, waitpid(theirs, NULL, WNOHANG));
    (void)kill(theirs, SIGKILL);
    assert_int_equal(theirs, waitpid(theirs, NULL, 0));
}

static void test_clean(void **state)
{
    _cleanup_free_ char *below = NULL, *deep = NULL;
    _cleanup_close_ int payload = -1;

    (void)state;
    SCRATCH_NEEDED();
    assert_int_equal(0, payload_clean(&scratch.layout));
    scratch_make(&scratch, scratch.layout.payload);
    below = text_format("%s/below", scratch.layout.payload);
    scratch_make(&scratch, below);
    deep = text_format("%s/deep", below);
    scratch_make(&scratch, deep);
    (void)scratch_spawn(&scratch, below, scratch_sleep, NULL);
    payload = scratch_open_cgroup(&scratch, scratch.layout.payload);
    assert_int_equal(0, cgroup_write(payload, "cgroup.freeze", "1"));
    scratch_wait_event(&scratch, below, "frozen", 1);

    /* What is populated stays, and runs. */
    assert_int_equal(0, payload_clean(&scratch.layout));
    scratch_wait_event(&scratch, below, "frozen", 0);
    assert_int_equal(1, scratch_event(&scratch, scratch.layout.payload, "populated"));
    assert_int_equal(-1, scratch_event(&scratch, deep, "populated"));

    assert_int_equal(0, payload_kill(&scratch.layout, SIGKILL));
    scratch_wait_event(&scratch, below, "populated", 0);
    assert_int_equal(0, payload_clean(&scratch.layout));
    assert_int_equal(-1, scratch_event(&scratch, scratch.layout.payload, "populated"));
    assert_int_equal(0, payload_clean(&scratch.layout));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_UNDELEGATED(name) cmocka_unit_test_setup_teardown(name, set_up_undelegated, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_find_and_enter),
        TEST_UNDELEGATED(test_find_undelegated),
        TEST(test_find_in_a_session),
        TEST(test_kill),
        TEST_UNDELEGATED(test_kill_undelegated),
        TEST(test_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
