/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "supervisor/check_record.h"

#define SEC USEC_PER_SEC
#define MSEC USEC_PER_MSEC
#define TIMES                                                                \
    "\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":10000000000," \
    "\"Timeout\":2000000000,\"StartPeriod\":20000000000,"                    \
    "\"StartInterval\":4000000000,\"Retries\":2}"
#define RECORD(status, streak, more)                        \
    "{\"Status\":\"" status "\",\"FailingStreak\":" #streak \
    ",\"Log\":[],\"Started\":1000000," more TIMES "}"

static JsonValue *parse(const char *text)
{
    JsonValue *value;

    assert_int_equal(0, json_value_parse(text, strlen(text), &value));
    return value;
}

static void test_results_come_back(void **state)
{
    static const char output[] = "line\n\x1b[31m\xff";
    const CheckResult result = { .began = 5 * SEC,
        .ended = 6 * SEC,
        .end = { 1767225600 * SEC, 1767225601 * SEC + 5, 7, output, sizeof(output) - 1 } };
    _cleanup_json_ JsonValue *value = check_result_format(&result);
    CheckResult back;

    (void)state;
    assert_int_equal(0, check_result_parse(value, &back));
    assert_int_equal(result.began, back.began);
    assert_int_equal(result.ended, back.ended);
    assert_int_equal(result.end.start_usec, back.end.start_usec);
    assert_int_equal(result.end.end_usec, back.end.end_usec);
    assert_int_equal(7, back.end.exit_code);
    assert_string_equal("line\n?[31m?", back.end.output);
}

static void test_what_is_no_result_is_refused(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "{\"ExitCode\":0}",
        "{\"ExitCode\":\"0\",\"Start\":\"2026-01-01T00:00:00Z\",\"End\":\"2026-01-01T00:00:00Z\"}",
        "{\"ExitCode\":256,\"Start\":\"2026-01-01T00:00:00Z\",\"End\":\"2026-01-01T00:00:00Z\"}",
        "{\"ExitCode\":0,\"Start\":\"yesterday\",\"End\":\"2026-01-01T00:00:00Z\"}",
        "{\"ExitCode\":0,\"Start\":\"2026-01-01T00:00:00Z\",\"End\":\"2026-01-01T00:00:00Z\","
        "\"Began\":2,\"Ended\":1}",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        _cleanup_json_ JsonValue *value = parse(wrong[i]);
        CheckResult result;

        assert_int_equal(-EBADMSG, check_result_parse(value, &result));
    }
}

static bool count(JsonValue *record, int exit_code, uint64_t at)
{
    const CheckResult result = { .began = at, .ended = at, .end = { 0, 0, exit_code, "said", 4 } };
    bool changed;

    assert_int_equal(0, check_record_count(record, &result, 60 * SEC, &changed));
    return changed;
}

static const char *status_of(JsonValue *record)
{
    return json_member_string(record, "Status", "");
}

static void test_count_goes_on_from_the_record(void **state)
{
    _cleanup_json_ JsonValue *record = parse(RECORD("starting", 0, "\"Unit\":\"a.service\","));

    (void)state;
    assert_false(count(record, 1, 5 * SEC)); /* in the start period */
    assert_true(count(record, 0, 6 * SEC));
    assert_string_equal("healthy", status_of(record));
    assert_false(count(record, 1, 7 * SEC));
    assert_int_equal(1, json_member_integer(record, "FailingStreak", -1));
    assert_true(count(record, 2, 8 * SEC));
    assert_string_equal("unhealthy", status_of(record));
    for (unsigned i = 0; i < 4; i++)
        (void)count(record, 3, (9 + i) * SEC);
    assert_int_equal(5, json_value_length(json_value_get(record, "Log")));
    assert_int_equal(12 * SEC, json_member_integer(record, "Ended", 0));
    /* Of two that ran side by side the older may be counted last. */
    assert_true(count(record, 0, 11 * SEC));
    assert_int_equal(12 * SEC, json_member_integer(record, "Ended", 0));
    assert_string_equal("a.service", json_member_string(record, "Unit", ""));
}

static void test_due_and_alive(void **state)
{
    _cleanup_json_ JsonValue *starting = parse(RECORD("starting", 0, ""));
    _cleanup_json_ JsonValue *healthy = parse(RECORD("healthy", 0, "\"Ended\":5000000,"));
    _cleanup_json_ JsonValue *unhealthy = parse(RECORD("unhealthy", 2, "\"Ended\":5000000,"));

    (void)state;
    assert_false(check_record_is_due(starting, 3 * SEC - 1));
    assert_true(check_record_is_due(starting, 3 * SEC));
    assert_false(check_record_is_due(healthy, 15 * SEC - 1));
    assert_true(check_record_is_due(healthy, 15 * SEC));
    /* 5 + 10 + 2 + 30; in the start period from its end on, 21. */
    assert_true(check_record_is_alive(healthy, 47 * SEC - 1));
    assert_false(check_record_is_alive(healthy, 47 * SEC + 1));
    assert_true(check_record_is_alive(starting, 63 * SEC - 1));
    assert_false(check_record_is_alive(starting, 63 * SEC + 1));
    assert_false(check_record_is_alive(unhealthy, 6 * SEC));
}

static void test_a_probe_is_a_check(void **state)
{
    _cleanup_json_ JsonValue *record =
            parse("{\"Status\":\"starting\",\"FailingStreak\":0,\"Log\":[],"
                  "\"Healthcheck\":{\"Test\":[\"NONE\"],"
                  "\"Interval\":1000000000},\"Probe\":\"tcp://[::1]:1\"}");
    _cleanup_json_ JsonValue *none = parse("{\"Status\":\"none\",\"FailingStreak\":0,\"Log\":[]}");
    Health health;

    (void)state;
    assert_int_equal(0, check_record_load(record, 5 * SEC, &health));
    assert_true(health.config.has_check);
    assert_int_equal(SEC, health.config.interval_usec);
    assert_true(check_record_is_due(record, 5 * SEC));
    assert_false(check_record_is_due(none, 100 * SEC));
    assert_int_equal(-EBADMSG, check_record_load(NULL, 5 * SEC, &health));
}

static void test_schedule(void **state)
{
    static const struct {
        uint64_t interval, start_period, start_interval, watchdog;
        bool has_check;
        uint64_t again, first, last;
    } rows[] = {
        { 30 * SEC, 0, 5 * SEC, 0, true, 30 * SEC, 30 * SEC, 30 * SEC },
        /* As often as the watchdog wants, and a run just when the check is due. */
        { 30 * SEC, 0, 5 * SEC, 2 * SEC, true, SEC, SEC, SEC },
        { SEC, 0, 5 * SEC, 10 * SEC, true, SEC, SEC, SEC },
        { 10 * SEC, 0, 5 * SEC, 6 * SEC, true, 2500 * MSEC, 2500 * MSEC, 2500 * MSEC },
        /* Without a check, the watchdog alone. */
        { 30 * SEC, 0, 5 * SEC, 10 * SEC, false, 5 * SEC, 5 * SEC, 5 * SEC },
        /* Through the start period; beyond CHECK_FIRST_MAX, rarer. */
        { 30 * SEC, 20 * SEC, 5 * SEC, 0, true, 30 * SEC, 5 * SEC, 20 * SEC },
        { 30 * SEC, 630 * SEC, SEC, 0, true, 30 * SEC, 10 * SEC, 630 * SEC },
        { 30 * SEC, 20 * SEC, 5 * SEC, 4 * SEC, true, 2 * SEC, 2 * SEC, 2 * SEC },
        /* A service cannot be started as often as one can ask for. */
        { MSEC, 0, 5 * SEC, 0, true, 100 * MSEC, 100 * MSEC, 100 * MSEC },
        { SEC, 5 * SEC, MSEC, 0, true, SEC, 100 * MSEC, 5 * SEC },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        const HealthConfig config = { .has_check = rows[i].has_check,
            .interval_usec = rows[i].interval,
            .start_period_usec = rows[i].start_period,
            .start_interval_usec = rows[i].start_interval };
        CheckSchedule schedule;

        check_schedule(&config, rows[i].watchdog, &schedule);
        assert_int_equal(rows[i].again, schedule.again_usec);
        assert_in_range(schedule.first_size, 1, CHECK_FIRST_MAX);
        assert_int_equal(rows[i].first, schedule.first_usec[0]);
        assert_int_equal(rows[i].last, schedule.first_usec[schedule.first_size - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_come_back),
        cmocka_unit_test(test_what_is_no_result_is_refused),
        cmocka_unit_test(test_count_goes_on_from_the_record),
        cmocka_unit_test(test_due_and_alive),
        cmocka_unit_test(test_a_probe_is_a_check),
        cmocka_unit_test(test_schedule),
    };

    return cmocka_run_group_tests_name("check-record", tests, NULL, NULL);
}
