/* SPDX-License-Identifier: Apache-2.0 */

/* When WATCHDOG=1 goes out, on a real loop with short periods. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"
#include "manager.h"
#include "unit/notify.h"
#include "unit/watchdog.h"

#define PERIOD_MSEC 400
#define HALF_USEC (PERIOD_MSEC * USEC_PER_MSEC / 2)

static Manager manager;
static sd_event *event;
static unsigned asked;
static bool alive;

static int set_up(void **state)
{
    (void)state;
    manager_open(&manager);
    assert_true(sd_event_new(&event) >= 0);
    (void)setenv("WATCHDOG_USEC", "400000", 1);
    (void)unsetenv("WATCHDOG_PID");
    asked = 0;
    alive = true;
    (void)alarm(20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    notify_close();
    event = sd_event_unref(event);
    manager_close(&manager);
    return 0;
}

static bool is_alive(void *userdata)
{
    assert_ptr_equal(&asked, userdata);
    asked++;
    return alive;
}

static uint64_t now(void)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * USEC_PER_SEC + (uint64_t)at.tv_nsec / NSEC_PER_USEC;
}

static bool was_pinged(void)
{
    const char *message = manager_read(&manager);

    if (!*message)
        return false;
    assert_string_equal("WATCHDOG=1\n", message);
    return true;
}

static Watchdog *start(void)
{
    Watchdog *watchdog = NULL;

    assert_int_equal(1, watchdog_start(event, is_alive, &asked, &watchdog));
    assert_non_null(watchdog);
    return watchdog;
}

static void test_none_without_the_environment(void **state)
{
    Watchdog *watchdog = NULL;

    (void)state;
    (void)unsetenv("WATCHDOG_USEC");
    assert_int_equal(0, watchdog_start(event, is_alive, &asked, &watchdog));
    assert_null(watchdog);
    watchdog_ping(NULL);
    assert_null(watchdog_free(NULL));

    (void)setenv("WATCHDOG_USEC", "400000", 1);
    (void)setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(0, watchdog_start(event, is_alive, &asked, &watchdog));
    assert_null(watchdog);
    (void)unsetenv("WATCHDOG_PID");

    (void)setenv("WATCHDOG_USEC", "-1", 1);
    assert_true(watchdog_start(event, is_alive, &asked, &watchdog) < 0);
    assert_string_equal("", manager_read(&manager));
}

/* One wake-up and one ping for each interval of half. What else the machine does comes on top of an
 * interval, and off the next: so it is the shortest that must not be longer than half. */
static void test_pings_at_half(void **state)
{
    uint64_t before = now(), shortest = UINT64_MAX, longest = 0;
    Watchdog *watchdog = start();

    (void)state;
    assert_true(was_pinged());
    assert_false(was_pinged());
    for (int i = 0; i < 5; i++) {
        uint64_t at;

        assert_int_equal(1, sd_event_run(event, USEC_PER_SEC));
        at = now();
        assert_true(was_pinged());
        assert_false(was_pinged());
        shortest = at - before < shortest ? at - before : shortest;
        longest = at - before > longest ? at - before : longest;
        before = at;
    }
    assert_true(longest >= HALF_USEC * 9 / 10);
    assert_true(shortest <= HALF_USEC * 6 / 5);
    assert_int_equal(6, asked);
    (void)watchdog_free(watchdog);
}

static void test_no_evidence_no_ping(void **state)
{
    Watchdog *watchdog;

    (void)state;
    alive = false;
    watchdog = start();
    assert_false(was_pinged());
    assert_int_equal(1, sd_event_run(event, USEC_PER_SEC));
    assert_int_equal(1, sd_event_run(event, USEC_PER_SEC));
    assert_int_equal(3, asked);
    watchdog_ping(watchdog);
    assert_false(was_pinged());

    alive = true;
    assert_int_equal(1, sd_event_run(event, USEC_PER_SEC));
    assert_true(was_pinged());
    (void)watchdog_free(watchdog);
}

static void test_ping_now_moves_the_next(void **state)
{
    Watchdog *watchdog = start();
    uint64_t from;

    (void)state;
    assert_true(was_pinged());
    /* Half-way into the interval: the timer's own would come as much later. */
    assert_int_equal(0, sd_event_run(event, HALF_USEC / 2));
    from = now();
    watchdog_ping(watchdog);
    assert_true(was_pinged());
    assert_int_equal(1, sd_event_run(event, USEC_PER_SEC));
    assert_true(was_pinged());
    assert_true(now() - from >= HALF_USEC * 9 / 10);
    (void)watchdog_free(watchdog);
}

static void test_missed_pings_are_not_made_up_for(void **state)
{
    Watchdog *watchdog = start();

    (void)state;
    assert_true(was_pinged());
    (void)usleep(HALF_USEC * 3);
    assert_int_equal(1, sd_event_run(event, USEC_PER_SEC));
    assert_true(was_pinged());
    assert_int_equal(0, sd_event_run(event, 0));
    assert_false(was_pinged());
    (void)watchdog_free(watchdog);
}

static void test_none_after_the_end(void **state)
{
    Watchdog *watchdog = start();

    (void)state;
    assert_true(was_pinged());
    (void)watchdog_free(watchdog);
    assert_int_equal(0, sd_event_run(event, HALF_USEC * 3 / 2));
    assert_false(was_pinged());
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_none_without_the_environment),
        TEST(test_pings_at_half),
        TEST(test_no_evidence_no_ping),
        TEST(test_ping_now_moves_the_next),
        TEST(test_missed_pings_are_not_made_up_for),
        TEST(test_none_after_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
