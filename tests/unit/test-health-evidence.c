/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "health/health.h"

/* In seconds of virtual time, from a start that is not 0. */
#define ORIGIN (1000 * USEC_PER_SEC)

static uint64_t usec(double seconds)
{
    return ORIGIN + (uint64_t)(seconds * 1e6 + 0.5);
}

static ProbeEnd probe_end(int exit_code)
{
    return (ProbeEnd){ .exit_code = exit_code, .output = "" };
}

static void test_no_check(void **unused)
{
    const HealthConfig none = { .interval_usec = 1 };
    const HealthRecord record = { .status = HEALTH_UNHEALTHY, .failing_streak = 3 };
    ProbeEnd end = probe_end(1);
    Health health;

    (void)unused;
    health_init(&health, &none, 5, 5);
    assert_false(health_result(&health, 6, 6, &end));
    assert_false(health_reset(&health, 7));
    health_restore(&health, &record, 8);
    assert_int_equal(health.record.status, HEALTH_NONE);
    assert_int_equal(health.record.n_results, 0);
    assert_int_equal(health_next(&health).action, HEALTH_WAIT);
    assert_true(health_next(&health).at_usec == USEC_INFINITY);
    assert_true(health_stale_at(&health) == USEC_INFINITY);
    assert_false(health_is_stale(&health, UINT64_MAX - 1));
    assert_false(health_is_in_start_period(&health, 6));
}

static const HealthConfig timing = {
    .has_check = true,
    .interval_usec = 10 * USEC_PER_SEC,
    .timeout_usec = 5 * USEC_PER_SEC,
    .start_period_usec = 20 * USEC_PER_SEC,
    .start_interval_usec = 4 * USEC_PER_SEC,
};

/* Interval 10 s, timeout 5 s: its evidence is believed for 45 s. */
static void test_stale(void **unused)
{
    ProbeEnd pass = probe_end(0), fail = probe_end(1);
    Health health;

    (void)unused;
    health_init(&health, &timing, ORIGIN, ORIGIN);
    /* In the start period: from its end, results or none. */
    assert_true(health_stale_at(&health) == usec(65));
    (void)health_result(&health, usec(4), usec(4), &fail);
    assert_true(health_stale_at(&health) == usec(65));
    /* A success ends it. */
    (void)health_result(&health, usec(5), usec(6), &pass);
    assert_true(health_stale_at(&health) == usec(51));
    assert_false(health_is_stale(&health, usec(51) - 1));
    assert_true(health_is_stale(&health, usec(51)));
    /* A failure is evidence too; an old one does not make it older. */
    (void)health_result(&health, usec(10), usec(10), &fail);
    (void)health_result(&health, usec(7), usec(8), &pass);
    assert_true(health_stale_at(&health) == usec(55));
    /* It does not age in a pause. */
    health_pause(&health, usec(40));
    assert_true(health_stale_at(&health) == USEC_INFINITY);
    assert_false(health_is_stale(&health, usec(5000)));
    health_resume(&health, usec(140));
    assert_true(health_stale_at(&health) == usec(155));
    /* A probe in flight is no evidence, its end is. */
    health_probe_requested(&health, usec(150));
    health_probe_started(&health, usec(150));
    assert_true(health_is_stale(&health, usec(155)));
    (void)health_probe_ended(&health, usec(156), &pass);
    assert_true(health_stale_at(&health) == usec(201));
    /* The engine begins anew. */
    (void)health_reset(&health, usec(300));
    assert_true(health_stale_at(&health) == usec(345));
}

/* interval 10 s, timeout 5 s, start period 20 s. */
static void test_stood_still(void **unused)
{
    ProbeEnd pass = probe_end(0), failure = probe_end(1);
    Health health;

    (void)unused;
    health_init(&health, &timing, ORIGIN, ORIGIN);
    (void)health_result(&health, usec(1), usec(2), &pass);
    /* One in flight is given up, and asked for again at once. */
    health_probe_requested(&health, usec(10));
    health_probe_started(&health, usec(10));
    health_stood_still(&health, usec(11), usec(111));
    assert_int_equal(health_next(&health).action, HEALTH_RUN_PROBE);
    assert_true(health_next(&health).at_usec == usec(111));
    assert_true(health_stale_at(&health) == usec(156));
    assert_false(health_probe_ended(&health, usec(112), &failure));
    /* What began before its end is of it, however late it comes. */
    (void)health_result(&health, usec(110), usec(113), &failure);
    assert_int_equal(health.record.failing_streak, 0);
    assert_int_equal(health.record.n_results, 1);
    (void)health_result(&health, usec(111), usec(113), &failure);
    assert_int_equal(health.record.failing_streak, 1);

    /* The start period does not run in it. */
    health_init(&health, &timing, ORIGIN, ORIGIN);
    health_stood_still(&health, usec(5), usec(105));
    assert_true(health_is_in_start_period(&health, usec(119)));
    assert_false(health_is_in_start_period(&health, usec(120)));

    /* A pause that it lies in goes on. */
    health_pause(&health, usec(110));
    health_stood_still(&health, usec(115), usec(200));
    assert_true(health_stale_at(&health) == USEC_INFINITY);
    health_resume(&health, usec(210));
    assert_true(health_is_in_start_period(&health, usec(219)));
}

/* The spec's own: interval 1 s, timeout 1 s, no start period: 32 s. */
static void test_stale_before_first(void **unused)
{
    const HealthConfig config = {
        .has_check = true, .interval_usec = USEC_PER_SEC, .timeout_usec = USEC_PER_SEC
    };
    Health health;

    (void)unused;
    health_init(&health, &config, ORIGIN, ORIGIN);
    assert_true(health_stale_at(&health) == usec(32));
    /* Adopted an hour after its start: we have been looking since now. */
    health_init(&health, &config, ORIGIN, usec(3600));
    assert_true(health_stale_at(&health) == usec(3632));
    assert_true(health_next(&health).at_usec == usec(3600));
}

static void test_start_period(void **unused)
{
    ProbeEnd pass = probe_end(0), failure = probe_end(1);
    Health health;

    (void)unused;
    health_init(&health, &timing, ORIGIN, ORIGIN);
    assert_true(health_is_in_start_period(&health, usec(0)));
    assert_true(health_is_in_start_period(&health, usec(20) - 1));
    assert_false(health_is_in_start_period(&health, usec(20)));
    /* What began in it does not count, though it ends after it. */
    (void)health_result(&health, usec(19), usec(21), &failure);
    assert_int_equal(health.record.failing_streak, 0);
    (void)health_result(&health, usec(20), usec(21), &failure);
    assert_int_equal(health.record.failing_streak, 1);
    health_pause(&health, usec(19));
    assert_true(health_is_in_start_period(&health, usec(100)));
    health_resume(&health, usec(100));
    assert_true(health_is_in_start_period(&health, usec(101) - 1));
    assert_false(health_is_in_start_period(&health, usec(101)));
    (void)health_result(&health, usec(100), usec(100), &pass);
    assert_false(health_is_in_start_period(&health, usec(100)));

    /* Adopted after 17 s: 3 s of it are left. */
    health_init(&health, &timing, ORIGIN, usec(17));
    assert_true(health_next(&health).at_usec == usec(17));
    assert_true(health_is_in_start_period(&health, usec(19)));
    assert_false(health_is_in_start_period(&health, usec(20)));
}

static void test_longest_spans(void **unused)
{
    const HealthConfig config = { true, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1 };
    Health health;

    (void)unused;
    health_init(&health, &config, ORIGIN, ORIGIN);
    assert_true(health_next(&health).at_usec > ORIGIN);
    assert_false(health_is_stale(&health, usec(1e9)));
    health_probe_requested(&health, usec(1));
    health_probe_started(&health, usec(1));
    assert_true(health_next(&health).at_usec > usec(1e9));
}

static void test_restore(void **unused)
{
    static const struct {
        HealthStatus status;
        unsigned streak;
        HealthStatus becomes;
        unsigned streak_becomes;
    } records[] = {
        { HEALTH_STARTING, 1, HEALTH_STARTING, 1 },
        { HEALTH_HEALTHY, 2, HEALTH_HEALTHY, 2 },
        { HEALTH_UNHEALTHY, 7, HEALTH_UNHEALTHY, 7 },
        /* of a check with other retries */
        { HEALTH_HEALTHY, 3, HEALTH_UNHEALTHY, 3 },
        { HEALTH_UNHEALTHY, 1, HEALTH_UNHEALTHY, 3 },
        /* of none */
        { HEALTH_NONE, 0, HEALTH_STARTING, 0 },
    };
    const HealthConfig config = { .has_check = true };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(records); i++) {
        HealthRecord record = {
            .status = records[i].status, .failing_streak = records[i].streak, .n_results = 2
        };
        Health health;

        health_init(&health, &config, ORIGIN, usec(100));
        health_restore(&health, &record, usec(90));
        assert_int_equal(health.record.status, records[i].becomes);
        assert_int_equal(health.record.failing_streak, records[i].streak_becomes);
        assert_int_equal(health.record.n_results, records[i].status == HEALTH_NONE ? 0 : 2);
        assert_true(health_stale_at(&health) == usec(records[i].status == HEALTH_NONE ? 190 : 180));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_check),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_stood_still),
        cmocka_unit_test(test_stale_before_first),
        cmocka_unit_test(test_start_period),
        cmocka_unit_test(test_longest_spans),
        cmocka_unit_test(test_restore),
    };

    return cmocka_run_group_tests_name("health evidence", tests, NULL, NULL);
}
