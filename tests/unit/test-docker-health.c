/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "health/docker_health.h"

/* Docker's log in a test: "-" a failure, "+" a success, as many seconds after REALTIME as its place
 * in the whole history is. */
#define REALTIME (1772366400 * USEC_PER_SEC)
#define MONOTONIC (500 * USEC_PER_SEC)

static JsonValue *inspect_of(HealthStatus status, int streak, const char *history, int shift)
{
    int length = (int)strlen(history), from = length > 5 ? length - 5 : 0;
    char text[1024];
    JsonValue *value = NULL;
    int n = snprintf(text, sizeof(text),
            "{\"State\":{\"Health\":{\"Status\":\"%s\",\"FailingStreak\":%d,\"Log\":[",
            health_status_name(status), streak);

    for (int i = from; i < length; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                "%s{\"Start\":\"2026-03-01T12:%02d:%02d.1Z\",\"End\":\"2026-03-01T12:%02d:%02d."
                "5Z\","
                "\"ExitCode\":%d,\"Output\":\"%d\"}",
                i > from ? "," : "", shift, i, shift, i, history[i] == '+' ? 0 : 1, i);
    n += snprintf(text + n, sizeof(text) - (size_t)n, "]}}}");
    assert_int_equal(json_value_parse(text, (size_t)n, &value), 0);
    return value;
}

typedef struct Reading {
    HealthStatus status; /* what Docker says */
    int streak;
    const char *history;
    const char *ours; /* results of our own before it: '+' and '-' */
    HealthStatus ours_status;
    unsigned ours_streak;
} Reading;

#define N HEALTH_NONE
#define S HEALTH_STARTING
#define H HEALTH_HEALTHY
#define U HEALTH_UNHEALTHY

static const struct {
    const char *name;
    unsigned retries;
    Reading readings[7];
} feeds[] = {
    { "each result once", 3,
            {
                    { S, 0, "", "", S, 0 },
                    { S, 1, "-", "", S, 1 },
                    { S, 1, "-", "", S, 1 },
                    { U, 3, "---", "", U, 3 },
                    { H, 0, "---+", "", H, 0 },
                    { H, 2, "---+--", "", H, 2 },
            } },
    { "failures of Docker's start period do not count", 2,
            {
                    { S, 0, "", "", S, 0 },
                    { S, 0, "-", "", S, 0 },
                    { S, 0, "---", "", S, 0 },
                    { S, 1, "----", "", S, 1 },
                    { U, 2, "-----", "", U, 2 },
            } },
    { "an unhealthy one is adopted", 3,
            { { U, 30, "------------------------------", "", U, 30 } } },
    { "one that is healthy and fails is adopted", 9,
            { { H, 7, "+-------", "", H, 7 }, { H, 8, "+--------", "", H, 8 } } },
    { "the log of an earlier run is no success", 3,
            { { S, 0, "-+-", "", S, 0 }, { S, 1, "-+--", "", S, 1 } } },
    { "read too rarely: Docker's word", 10,
            {
                    { S, 0, "", "", S, 0 },
                    { H, 0, "+", "", H, 0 },
                    { H, 7, "+-------", "", H, 7 },
                    { U, 17, "+-----------------", "", U, 17 },
            } },
    { "exactly five since, the first of which may not be the first", 9,
            { { S, 0, "", "", S, 0 }, { S, 6, "------", "", S, 6 } } },
    { "a log that was emptied", 3,
            { { U, 3, "---", "", U, 3 }, { S, 0, "", "", S, 0 }, { H, 0, "+", "", H, 0 } } },
    { "set back between two readings, a success before it", 3,
            { { H, 0, "+", "", H, 0 }, { S, 1, "+---+-", "", S, 1 } } },
    { "a success of ours before the first reading", 3, { { S, 0, "", "+", H, 0 } } },
    { "no word of Docker's is no news", 3, { { H, 0, "+", "", H, 0 }, { N, 0, "", "", H, 0 } } },
    { "live-restore: back to starting", 2,
            {
                    { H, 0, "+", "", H, 0 },
                    { S, 0, "+", "", S, 0 },
                    { S, 1, "+-", "", S, 1 },
                    { U, 2, "+--", "", U, 2 },
                    { S, 1, "+---", "", S, 1 },
            } },
    { "a success of ours before Docker's first", 2,
            {
                    { S, 0, "", "", S, 0 },
                    { S, 0, "", "-+", H, 0 },
                    { S, 0, "-", "", H, 1 },
                    { S, 0, "--", "", U, 2 },
                    { H, 0, "--+", "", H, 0 },
            } },
    { "a success of ours is not lost with a log that is not complete", 9,
            { { S, 0, "", "", S, 0 }, { S, 0, "-", "+", H, 1 }, { S, 0, "--------", "+", H, 5 } } },
    { "our results and Docker's count alike", 3,
            { { H, 0, "+", "", H, 0 }, { H, 1, "+-", "-", H, 2 }, { H, 2, "+--", "-", U, 4 } } },
};

static void test_feed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ELEMENTS(feeds); i++) {
        const HealthConfig config = { .has_check = true, .retries = feeds[i].retries };
        uint64_t now = MONOTONIC;
        DockerLog log = { 0 };
        Health health;

        health_init(&health, &config, now, now);
        for (const Reading *reading = feeds[i].readings; reading->history; reading++) {
            _cleanup_json_ JsonValue *inspect =
                    inspect_of(reading->status, reading->streak, reading->history, 0);
            HealthStatus before;
            bool changed = false;

            now += USEC_PER_SEC;
            for (const char *own = reading->ours; *own; own++) {
                ProbeEnd end = { .exit_code = *own == '+' ? 0 : 1, .output = "" };

                (void)health_result(&health, now, now, &end);
            }
            before = health.record.status;
            assert_true(docker_log_feed(&log, &health, inspect, now, REALTIME, &changed) >= 0);
            if (health.record.status != reading->ours_status ||
                    health.record.failing_streak != reading->ours_streak)
                fail_msg("%s: \"%s\": %s, streak %u", feeds[i].name, reading->history,
                        health_status_name(health.record.status), health.record.failing_streak);
            assert_int_equal(changed, health.record.status != before);
        }
    }
}

/* What is recorded is Docker's, to the microsecond, and once. */
static void test_feed_results(void **unused)
{
    _cleanup_json_ JsonValue *inspect = inspect_of(H, 1, "-+-", 0);
    const HealthConfig config = { .has_check = true };
    DockerLog log = { 0 };
    Health health;
    bool changed;

    (void)unused;
    health_init(&health, &config, MONOTONIC, MONOTONIC);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(docker_log_feed(&log, &health, inspect, MONOTONIC, REALTIME, &changed),
                i == 0 ? 1 : 0);
    assert_int_equal(health.record.n_results, 3);
    assert_int_equal(health.record.results[0].exit_code, 1);
    assert_int_equal(health.record.results[1].exit_code, 0);
    assert_int_equal(health.record.results[2].start_usec, REALTIME + 2100000);
    assert_int_equal(health.record.results[2].end_usec, REALTIME + 2500000);
    assert_string_equal(health.record.results[2].output, "2");
}

/* Interval, timeout and slack are 90 s by default: how long is what was read believed? */
static void test_feed_age(void **unused)
{
    static const struct {
        const char *history;
        int read_again; /* seconds after the first reading */
        int shift;      /* minutes by which Docker's wall clock was set meanwhile */
        int realtime;   /* seconds after REALTIME, at the second reading */
        int evidence;   /* seconds after the first reading */
    } cases[] = {
        { "+", 20, 0, 20, 0 },      /* nothing new */
        { "+---", 20, 0, 13, 10 },  /* it ended at 3.5, which is 9.5 s ago */
        { "+---", 20, 0, 3, 20 },   /* in the future */
        { "+---", 20, 0, 9000, 6 }, /* the clock was set forward: not before the last reading */
        { "+---", 20, 50, 13, 20 }, /* and back */
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const HealthConfig config = { .has_check = true };
        _cleanup_json_ JsonValue *first = inspect_of(H, 0, "+", cases[i].shift);
        _cleanup_json_ JsonValue *second = inspect_of(H, 3, cases[i].history, cases[i].shift);
        DockerLog log = { 0 };
        uint64_t stale;
        Health health;
        bool changed;

        health_init(&health, &config, MONOTONIC, MONOTONIC);
        (void)docker_log_feed(&log, &health, first, MONOTONIC, REALTIME, &changed);
        (void)docker_log_feed(
                &log, &health, first, MONOTONIC + 6 * USEC_PER_SEC, REALTIME, &changed);
        (void)docker_log_feed(&log, &health, second,
                MONOTONIC + (uint64_t)cases[i].read_again * USEC_PER_SEC,
                REALTIME + (uint64_t)cases[i].realtime * USEC_PER_SEC, &changed);
        stale = health_stale_at(&health);
        assert_in_range(stale, MONOTONIC + (uint64_t)(cases[i].evidence + 90) * USEC_PER_SEC,
                MONOTONIC + (uint64_t)(cases[i].evidence + 91) * USEC_PER_SEC);
    }
}

/* Each takes 0.4 s; the last but one of "+-----" ends 4.5 s after REALTIME, "now" is at 6 s. */
static void test_feed_standstill(void **unused)
{
    static const struct {
        int thawed;  /* tenths of a second after REALTIME */
        int read_at; /* seconds after REALTIME; 0: there was no reading before */
        int realtime;
        HealthStatus status;
        unsigned streak;
    } cases[] = {
        { 0, 1, 6, U, 5 },                         /* none */
        { 52, 1, 6, H, 0 },                        /* all */
        { 51, 1, 6, H, 1 },                        /* the last one began just then */
        { 43, 1, 6, H, 1 },                        /* one ended after it, but had begun before */
        { 41, 1, 6, H, 2 }, { 41, 5, 9000, U, 5 }, /* another clock: they were not there at 5 s */
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const HealthConfig config = { .has_check = true, .retries = 5 };
        _cleanup_json_ JsonValue *first = inspect_of(H, 0, "+", 0);
        _cleanup_json_ JsonValue *second = inspect_of(U, 5, "+-----", 0);
        uint64_t now = MONOTONIC + 6 * USEC_PER_SEC;
        DockerLog log = { 0 };
        Health health;
        bool changed;

        health_init(&health, &config, MONOTONIC, MONOTONIC);
        (void)docker_log_feed(&log, &health, first,
                MONOTONIC + (uint64_t)cases[i].read_at * USEC_PER_SEC,
                REALTIME + (uint64_t)cases[i].read_at * USEC_PER_SEC, &changed);
        health.thawed = MONOTONIC + (uint64_t)cases[i].thawed * USEC_PER_SEC / 10;
        (void)docker_log_feed(&log, &health, second, now,
                REALTIME + (uint64_t)cases[i].realtime * USEC_PER_SEC, &changed);
        if (health.record.status != cases[i].status ||
                health.record.failing_streak != cases[i].streak)
            fail_msg("case %zu: %s, streak %u", i, health_status_name(health.record.status),
                    health.record.failing_streak);
    }
}

static void test_feed_nothing(void **unused)
{
    static const char *const texts[] = { "{}", "{\"State\":{}}", "{\"State\":{\"Health\":null}}",
        "{\"State\":{\"Health\":{\"Status\":\"fine\"}}}" };
    const HealthConfig config = { .has_check = true };
    DockerLog log = { 0 };
    Health health;

    (void)unused;
    health_init(&health, &config, MONOTONIC, MONOTONIC);
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        _cleanup_json_ JsonValue *inspect = NULL;
        bool changed = true;

        assert_int_equal(json_value_parse(texts[i], strlen(texts[i]), &inspect), 0);
        assert_int_equal(
                docker_log_feed(&log, &health, inspect, MONOTONIC, REALTIME, &changed), -EBADMSG);
        assert_false(changed);
        assert_false(log.read);
        assert_int_equal(health.record.status, HEALTH_STARTING);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed),
        cmocka_unit_test(test_feed_results),
        cmocka_unit_test(test_feed_age),
        cmocka_unit_test(test_feed_standstill),
        cmocka_unit_test(test_feed_nothing),
    };

    return cmocka_run_group_tests_name("docker health", tests, NULL, NULL);
}
