/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/exit_status.h"
#include "supervisor/supervisor.h"

static void test_all_codes_pass(void **unused)
{
    (void)unused;
    for (int status = 0; status < 256; status++) {
        End end = { .started = true, .known = true, .status = status, .stop_signal = SIGTERM };

        assert_int_equal(exit_status_of(&end), status);
        /* A stop that was asked for makes a success of the stop signal's status alone. */
        end.stop_asked = true;
        assert_int_equal(exit_status_of(&end), status == 143 ? 0 : status);
        end.stop_signal = SIGQUIT;
        assert_int_equal(exit_status_of(&end), status == 131 ? 0 : status);
    }
}

static void test_ends_without_a_status(void **unused)
{
    static const struct {
        const char *why;
        End end;
        int status;
    } cases[] = {
        { "stopped before it was started", { .stop_asked = true }, 0 },
        { "ours counts first", { .failure = 69, .stop_asked = true }, 69 },
        { "ours counts before the container's",
                { .failure = 125, .started = true, .known = true, .status = 7 }, 125 },
        { "the engine does not know", { .started = true }, 137 },
        { "stopped as asked, says nobody otherwise", { .started = true, .stop_asked = true }, 0 },
        { "killed by us", { .started = true, .stop_asked = true, .killed = true }, 137 },
        { "handed over to systemd", { .started = true, .handed_over = true }, 0 },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = exit_status_of(&cases[i].end);

        if (status != cases[i].status)
            fail_msg("%s: %d instead of %d", cases[i].why, status, cases[i].status);
    }
}

static void test_start_errors(void **unused)
{
    static const struct {
        const char *message;
        int status;
    } cases[] = {
        { "failed to create shim: OCI runtime create failed: exec: \"nope\": executable file not "
          "found in $PATH: unknown",
                EXIT_NOT_FOUND },
        { "exec: \"/nope\": stat /nope: no such file or directory: unknown", EXIT_NOT_FOUND },
        { "exec: \"/etc\": permission denied: unknown", EXIT_CANNOT_INVOKE },
        { "exec: \"/etc\": is a directory: unknown", EXIT_CANNOT_INVOKE },
        { "driver failed programming external connectivity: port is already allocated",
                EXIT_ENGINE },
        { "", EXIT_ENGINE },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(exit_status_of_start_error(cases[i].message), cases[i].status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_codes_pass),
        cmocka_unit_test(test_ends_without_a_status),
        cmocka_unit_test(test_start_errors),
    };

    return cmocka_run_group_tests_name("exit status", tests, NULL, NULL);
}
