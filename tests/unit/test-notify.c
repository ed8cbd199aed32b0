/* SPDX-License-Identifier: Apache-2.0 */

/* What reaches the manager's socket, and what happens when it does not read. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "manager.h"
#include "supervisor/supervision.h"
#include "unit/notify.h"
#include "unit/notify_filter.h"

static Manager manager;

static int set_up(void **state)
{
    (void)state;
    manager_open(&manager);
    /* Whatever waits in here ends the test, not CI's patience. */
    (void)alarm(10);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    notify_close();
    manager_close(&manager);
    return 0;
}

static void test_addresses(void **state)
{
    static const struct {
        const char *address;
        bool is_one;
    } cases[] = {
        { "/run/systemd/notify", true },
        { "@notify", true },
        { "", false },
        { "@", false },
        { "/", false },
        { "run/notify", false },
        { "vsock:2:1234", false },
        { "/123456789.123456789.123456789.123456789.123456789."
          "123456789.123456789.123456789.123456789.123456789.12345678",
                false },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        assert_int_equal(0, setenv("NOTIFY_SOCKET", cases[i].address, 1));
        assert_int_equal(cases[i].is_one, notify_is_wanted());
        notify_status("to nobody");
        notify_close();
    }
    assert_int_equal(0, unsetenv("NOTIFY_SOCKET"));
    assert_false(notify_is_wanted());
    notify_ready("nobody listens");
    assert_int_equal(0, notify_barrier(USEC_PER_SEC));
}

static void test_messages(void **state)
{
    (void)state;
    notify_status("Pulling %s", "nginx");
    assert_string_equal("STATUS=Pulling nginx\n", manager_read(&manager));
    notify_extend_timeout(30000000);
    assert_string_equal("EXTEND_TIMEOUT_USEC=30000000\n", manager_read(&manager));
    notify_main_pid(4711);
    assert_string_equal("MAINPID=4711\n", manager_read(&manager));
    notify_ready("Running");
    assert_string_equal("READY=1\nSTATUS=Running\n", manager_read(&manager));
    notify_watchdog();
    assert_string_equal("WATCHDOG=1\n", manager_read(&manager));
    notify_watchdog_trigger();
    assert_string_equal("WATCHDOG=trigger\n", manager_read(&manager));
    notify_stopping("Stopping");
    assert_string_equal("STOPPING=1\nSTATUS=Stopping\n", manager_read(&manager));
    notify_exit(137, -ENOMEM, "Ended");
    assert_string_equal("EXIT_STATUS=137\nERRNO=12\nSTATUS=Ended\n", manager_read(&manager));
    notify_exit(0, 0, NULL);
    assert_string_equal("EXIT_STATUS=0\n", manager_read(&manager));
    assert_string_equal("", manager_read(&manager));
}

static void test_forwarded_message(void **state)
{
    NotifyMessage message = {
        .phase = NOTIFY_PHASE_RELOADING,
        .ping = NOTIFY_PING_ALIVE,
        .has_status = true,
        .status = "Half-way",
        .bus_error = "org.example.Error",
        .error = 5,
        .monotonic_usec = 1234,
        .extend_timeout_usec = 5678,
    };

    (void)state;
    notify_forward(&message);
    assert_string_equal("RELOADING=1\nMONOTONIC_USEC=1234\nEXTEND_TIMEOUT_USEC=5678\nWATCHDOG=1\n"
                        "ERRNO=5\nBUSERROR=org.example.Error\nSTATUS=Half-way\n",
            manager_read(&manager));
    notify_forward(&(NotifyMessage){ .ping = NOTIFY_PING_TRIGGER });
    assert_string_equal("WATCHDOG=trigger\n", manager_read(&manager));
    notify_forward(&(NotifyMessage){ .has_status = true });
    assert_string_equal("STATUS=\n", manager_read(&manager));
    notify_forward(&(NotifyMessage){ 0 });
    assert_string_equal("", manager_read(&manager));
}

/* systemd takes the last of several phases in one message: each must be in one of its own. */
static void test_phases_keep_their_order_in_a_full_queue(void **state)
{
    NotifyMessage reloading = { .phase = NOTIFY_PHASE_RELOADING, .monotonic_usec = 7 };
    unsigned n = manager_fill(&manager);

    (void)state;
    notify_ready("up");
    notify_forward(&reloading);
    notify_watchdog();
    notify_ready(NULL);
    notify_status("down");
    notify_stopping(NULL);
    reloading.monotonic_usec = 8;
    notify_forward(&reloading);
    while (n-- > 0)
        assert_string_equal("X=1", manager_read(&manager));
    notify_main_pid(1);
    assert_string_equal("READY=1\n", manager_read(&manager));
    assert_string_equal("STOPPING=1\n", manager_read(&manager));
    assert_string_equal("MAINPID=1\nRELOADING=1\nMONOTONIC_USEC=8\nWATCHDOG=1\nSTATUS=down\n",
            manager_read(&manager));
    assert_string_equal("", manager_read(&manager));

    n = manager_fill(&manager);
    notify_forward(&reloading);
    notify_ready("up again");
    while (n-- > 0)
        (void)manager_read(&manager);
    notify_watchdog();
    assert_string_equal("RELOADING=1\nMONOTONIC_USEC=8\n", manager_read(&manager));
    assert_string_equal("READY=1\nWATCHDOG=1\nSTATUS=up again\n", manager_read(&manager));
}

static void test_abstract_address(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char name[64];
    int size = snprintf(name, sizeof(name), "@test-notify-%d", (int)getpid());

    (void)state;
    manager_go(&manager);
    manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path + 1, name + 1, (size_t)size - 1);
    assert_int_equal(0,
            bind(manager.fd, (struct sockaddr *)&address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size)));
    assert_int_equal(0, setenv("NOTIFY_SOCKET", name, 1));

    notify_ready(NULL);
    assert_string_equal("READY=1\n", manager_read(&manager));
}

static void test_same_status_is_not_repeated(void **state)
{
    (void)state;
    notify_status("Healthy");
    assert_string_equal("STATUS=Healthy\n", manager_read(&manager));
    notify_status("Healthy");
    assert_string_equal("", manager_read(&manager));
    notify_ready("Healthy");
    assert_string_equal("READY=1\n", manager_read(&manager));
    notify_status("Unhealthy");
    assert_string_equal("STATUS=Unhealthy\n", manager_read(&manager));
    notify_status("Healthy");
    assert_string_equal("STATUS=Healthy\n", manager_read(&manager));
}

static void test_status_cannot_forge_a_message(void **state)
{
    (void)state;
    notify_status("unhealthy: %s", "ok\nMAINPID=1\r\x1b[0m\xff");
    assert_string_equal("STATUS=unhealthy: ok?MAINPID=1??[0m?\n", manager_read(&manager));
}

/* `before` times 'a', then `character` until it is longer than a status may be. */
static void check_cut(size_t before, const char *character, size_t expected)
{
    char text[NOTIFY_STATUS_MAX * 4] = "";
    size_t size = strlen(character);
    const char *sent;

    memset(text, 'a', before);
    for (size_t at = before; at < NOTIFY_STATUS_MAX * 2; at += size)
        memcpy(text + at, character, size);
    notify_status("%s", text);
    sent = manager_read(&manager);
    assert_memory_equal("STATUS=", sent, 7);
    assert_int_equal(expected, strlen(sent) - 7 - 1);
    assert_memory_equal(text, sent + 7, expected);
}

static void test_long_status_is_cut_between_characters(void **state)
{
    (void)state;
    check_cut(0, "b", 512);
    check_cut(0, "\xc3\xa4", 512);
    check_cut(1, "\xc3\xa4", 511);
    check_cut(0, "\xe2\x82\xac", 510);
    check_cut(1, "\xe2\x82\xac", 511);
    check_cut(2, "\xe2\x82\xac", 512);
    check_cut(0, "\xf0\x9f\x90\xb3", 512);
    check_cut(1, "\xf0\x9f\x90\xb3", 509);
    check_cut(3, "\xf0\x9f\x90\xb3", 511);
}

static void test_full_queue_is_not_waited_for(void **state)
{
    unsigned n = manager_fill(&manager);

    (void)state;
    notify_ready("one");
    for (int i = 0; i < 1000; i++) {
        notify_status("%d", i);
        notify_watchdog();
    }
    notify_watchdog_trigger();

    while (n-- > 0)
        assert_string_equal("X=1", manager_read(&manager));
    assert_string_equal("", manager_read(&manager));

    /* Without a loop the next call takes along what waits: the newest of each kind, in one. */
    notify_main_pid(1);
    assert_string_equal(
            "MAINPID=1\nREADY=1\nWATCHDOG=trigger\nSTATUS=999\n", manager_read(&manager));
    assert_string_equal("", manager_read(&manager));
}

static void test_loop_sends_when_there_is_room(void **state)
{
    sd_event *event = NULL;
    unsigned n;

    (void)state;
    assert_true(sd_event_new(&event) >= 0);
    notify_attach(event);
    n = manager_fill(&manager);
    notify_ready("waiting");
    /* As long as there is no room the loop sleeps. */
    assert_int_equal(0, sd_event_run(event, 100 * USEC_PER_MSEC));

    while (n-- > 0)
        (void)manager_read(&manager);
    assert_int_equal(1, sd_event_run(event, USEC_PER_SEC));
    assert_string_equal("READY=1\nSTATUS=waiting\n", manager_read(&manager));
    /* And nothing wakes it once all is out. */
    assert_int_equal(0, sd_event_run(event, 100 * USEC_PER_MSEC));
    assert_string_equal("", manager_read(&manager));
    notify_close();
    (void)sd_event_unref(event);
}

static void test_manager_goes_while_the_queue_is_full(void **state)
{
    sd_event *event = NULL;

    (void)state;
    assert_true(sd_event_new(&event) >= 0);
    notify_attach(event);
    (void)manager_fill(&manager);
    notify_ready(NULL);
    manager_go(&manager);
    /* It is noticed once; then nobody is there to wait for. */
    assert_int_equal(1, sd_event_run(event, USEC_PER_SEC));
    assert_int_equal(0, sd_event_run(event, 100 * USEC_PER_MSEC));

    manager_listen(&manager);
    notify_watchdog();
    assert_string_equal("READY=1\nWATCHDOG=1\n", manager_read(&manager));
    notify_close();
    (void)sd_event_unref(event);
}

static void test_manager_with_a_new_socket(void **state)
{
    (void)state;
    notify_status("first");
    assert_string_equal("STATUS=first\n", manager_read(&manager));
    manager_go(&manager);
    manager_listen(&manager);
    notify_status("at once");
    assert_string_equal("STATUS=at once\n", manager_read(&manager));
    manager_go(&manager);
    notify_status("lost on nobody");
    manager_listen(&manager);
    notify_status("second");
    assert_string_equal("STATUS=second\n", manager_read(&manager));
}

static void test_barrier_returns_when_all_was_taken(void **state)
{
    int status, fd;
    pid_t reader;

    (void)state;
    (void)manager_fill(&manager);
    notify_exit(7, 0, NULL);

    reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        const char *message;
        bool seen = false;

        do {
            message = manager_read_fd(&manager, &fd);
            seen = seen || strcmp(message, "EXIT_STATUS=7\n") == 0;
        } while (strcmp(message, "BARRIER=1") != 0);
        _exit(fd >= 0 && seen ? 0 : 1);
    }
    assert_int_equal(0, notify_barrier(5 * USEC_PER_SEC));
    assert_int_equal(reader, waitpid(reader, &status, 0));
    assert_int_equal(0, status);
}

static void test_barrier_is_bounded(void **state)
{
    int fd;

    (void)state;
    /* It is taken, but nobody lets go of what came with it. */
    assert_int_equal(-ETIMEDOUT, notify_barrier(50 * USEC_PER_MSEC));
    assert_string_equal("BARRIER=1", manager_read_fd(&manager, &fd));
    assert_true(fd >= 0);
    (void)close(fd);

    (void)manager_fill(&manager);
    assert_int_equal(-ETIMEDOUT, notify_barrier(50 * USEC_PER_MSEC));

    manager_go(&manager);
    assert_int_equal(-ECONNREFUSED, notify_barrier(50 * USEC_PER_MSEC));
}

/* What the queue had no room for, the end of a supervisor whose container runs on waits for. */
static void test_detached_supervisor_leaves_nothing_unsaid(void **state)
{
    Options options = { 0 };
    Supervisor supervisor = { .options = &options, .announced = true, .detached = true };
    int status, fd;
    pid_t reader;

    (void)state;
    (void)manager_fill(&manager);
    notify_ready(NULL);
    notify_main_pid(4711);

    reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        const char *message;
        bool seen = false;

        (void)alarm(10);
        do {
            message = manager_read_fd(&manager, &fd);
            seen = seen || strcmp(message, "MAINPID=4711\nREADY=1\n") == 0;
        } while (strcmp(message, "BARRIER=1") != 0);
        _exit(fd >= 0 && seen ? 0 : 1);
    }
    stop_say_goodbye(&supervisor, 0);
    notify_close();
    assert_int_equal(reader, waitpid(reader, &status, 0));
    assert_int_equal(0, status);
}

static void test_watchdog_period(void **state)
{
    uint64_t usec = 0;
    char self[16], other[16];

    (void)state;
    (void)snprintf(self, sizeof(self), "%d", (int)getpid());
    (void)snprintf(other, sizeof(other), "%d", (int)getppid());

    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    assert_int_equal(0, notify_watchdog_period(&usec));
    (void)setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(1, notify_watchdog_period(&usec));
    assert_int_equal(30000000, usec);
    (void)setenv("WATCHDOG_PID", other, 1);
    assert_int_equal(0, notify_watchdog_period(&usec));
    (void)setenv("WATCHDOG_PID", self, 1);
    assert_int_equal(1, notify_watchdog_period(&usec));
    (void)setenv("WATCHDOG_USEC", "soon", 1);
    assert_int_equal(-EINVAL, notify_watchdog_period(&usec));
    (void)setenv("WATCHDOG_USEC", "0", 1);
    assert_int_equal(-EINVAL, notify_watchdog_period(&usec));
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_addresses),
        TEST(test_messages),
        TEST(test_forwarded_message),
        TEST(test_phases_keep_their_order_in_a_full_queue),
        TEST(test_abstract_address),
        TEST(test_same_status_is_not_repeated),
        TEST(test_status_cannot_forge_a_message),
        TEST(test_long_status_is_cut_between_characters),
        TEST(test_full_queue_is_not_waited_for),
        TEST(test_loop_sends_when_there_is_room),
        TEST(test_manager_goes_while_the_queue_is_full),
        TEST(test_manager_with_a_new_socket),
        TEST(test_barrier_returns_when_all_was_taken),
        TEST(test_barrier_is_bounded),
        TEST(test_detached_supervisor_leaves_nothing_unsaid),
        TEST(test_watchdog_period),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
