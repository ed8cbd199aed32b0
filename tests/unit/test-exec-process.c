/* SPDX-License-Identifier: Apache-2.0 */

/* Who is killed with a command that runs for too long, and who is not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/exec_process.h"
#include "exec_script.h"

/* For a machine that is busy with other things. */
#define AMPLE_USEC (20 * USEC_PER_SEC)

static void wait_for_orphans(void)
{
    while (waitpid(-1, NULL, 0) > 0)
        ;
    assert_int_equal(ECHILD, errno);
}

static const char *const trees[] = {
    "echo; exec sleep 1000 >&-",
    "sleep 1000 >&- & echo; wait",
    /* Its parent is gone: the session is what is left. */
    "(sh -c 'sleep 1000 & sleep 1000' >&- &) ; sleep 0.2; echo; exec sleep 1000 >&-",
    /* A session of its own, but with its parent. */
    "setsid sh -c 'sleep 1000 & wait' >&- & sleep 0.2; echo; wait",
    "i=0; while [ $i -lt 600 ]; do sleep 1000 >&- & i=$((i + 1)); done; echo; wait",
    /* It goes on to fork. */
    "echo; exec >&-; while :; do sleep 1000 & done",
};

static void test_kill(void **state)
{
    (void)state;
    /* So that what lost its parent is ours to wait for. */
    assert_int_equal(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
    for (size_t i = 0; i < ELEMENTS(trees); i++) {
        pid_t first = start_script("echo; exec sleep 1000 >&-");
        pid_t pid = start_script(trees[i]);

        assert_int_equal(0, exec_process_kill(pid, first, AMPLE_USEC));
        assert_killed(pid);
        end_script(first);
        /* What is left of it would run for longer. */
        (void)alarm(30);
        wait_for_orphans();
        (void)alarm(0);
    }
    assert_int_equal(0, prctl(PR_SET_CHILD_SUBREAPER, 0));
}

/* Without end is what a container may fork. */
static void test_kill_is_bounded(void **state)
{
    pid_t first = start_script("echo; exec sleep 1000 >&-");
    pid_t pid = start_script("echo; exec sleep 1000 >&-");

    (void)state;
    assert_int_equal(-ETIME, exec_process_kill(pid, first, 0));
    assert_killed(pid);
    end_script(first);
}

static void test_kill_of_others(void **state)
{
    pid_t first = start_script("echo; exec sleep 1000 >&-"), gone;

    (void)state;
    assert_int_equal(-EPERM, exec_process_kill(1, first, AMPLE_USEC));
    assert_int_equal(-EPERM, exec_process_kill(getpid(), first, AMPLE_USEC));
    assert_int_equal(-EPERM, exec_process_kill(first, first, AMPLE_USEC));
    gone = fork();
    if (gone == 0)
        _exit(0);
    (void)waitpid(gone, NULL, 0);
    assert_int_equal(-ESRCH, exec_process_kill(gone, first, AMPLE_USEC));
    assert_int_equal(0, kill(first, 0));
    end_script(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_kill_is_bounded),
        cmocka_unit_test(test_kill_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
