/* SPDX-License-Identifier: Apache-2.0 */

/* What a timer's runs of a check add up to, in times that nobody waits for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "supervisor/check_record.h"

#define SEC USEC_PER_SEC
#define MSEC USEC_PER_MSEC

static JsonValue *parse(const char *text)
{
    JsonValue *value = NULL;

    assert_int_equal(0, json_value_parse(text, strlen(text), &value));
    return value;
}

static void test_times(void **state)
{
    _cleanup_json_ JsonValue *all = parse("{\"Interval\":500000000,\"Timeout\":1000000000,"
                                          "\"StartPeriod\":2000000000,\"StartInterval\":3000000,"
                                          "\"Retries\":5}");
    _cleanup_json_ JsonValue *odd = parse("{\"Interval\":-1,\"Timeout\":\"x\",\"Retries\":0}");
    CheckTimes times;

    (void)state;
    check_times_parse(all, &times);
    assert_int_equal(500 * MSEC, times.interval_usec);
    assert_int_equal(SEC, times.timeout_usec);
    assert_int_equal(2 * SEC, times.start_period_usec);
    assert_int_equal(3 * MSEC, times.start_interval_usec);
    assert_int_equal(5, times.retries);
    check_times_parse(odd, &times);
    assert_int_equal(30 * SEC, times.interval_usec);
    assert_int_equal(30 * SEC, times.timeout_usec);
    assert_int_equal(0, times.start_period_usec);
    assert_int_equal(5 * SEC, times.start_interval_usec);
    assert_int_equal(3, times.retries);
}

static void test_command(void **state)
{
    static const struct {
        const char *config, *command;
    } cases[] = {
        { "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b c\"]}}", "[\"a\",\"b c\"]" },
        { "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a | b\"]}}",
                "[\"/bin/sh\",\"-c\",\"a | b\"]" },
        { "{\"Shell\":[\"/bin/ash\",\"-ec\"],\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\"]}}",
                "[\"/bin/ash\",\"-ec\",\"a\"]" },
        { "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", NULL },
        { "{\"Healthcheck\":{\"Test\":[\"CMD\"]}}", NULL },
        { "{\"Healthcheck\":{\"Test\":[\"OTHER\",\"a\"]}}", NULL },
        { "{\"Healthcheck\":{\"Test\":[]}}", NULL },
        { "{}", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_json_ JsonValue *config = parse(cases[i].config);
        _cleanup_json_ JsonValue *command = check_command(config);

        if (!cases[i].command)
            assert_null(command);
        else
            assert_string_equal(cases[i].command, json_value_format(command));
    }
}

static JsonValue *result(uint64_t began, uint64_t ended, int code, const char *output)
{
    const CheckTimestamps at = { .began_realtime = 1700000000 * SEC + 5,
        .ended_realtime = 1700000001 * SEC,
        .began = began,
        .ended = ended };
    JsonValue *value = check_result_new(&at, code, output);

    assert_non_null(value);
    return value;
}

static void test_result(void **state)
{
    static const struct {
        const char *output, *text;
    } cases[] = { { "two\nlines\tand\n", "two\nlines\tand\n" }, { "\033[31mred", "?[31mred" },
        { "\xff\xfe", "??" }, { "", "" }, { "h\xc3\xa9", "h\xc3\xa9" } };
    char large[CHECK_OUTPUT_MAX + 2];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_json_ JsonValue *value = result(1, 2, 0, cases[i].output);

        assert_string_equal(cases[i].text, json_member_string(value, "Output", NULL));
        assert_string_equal(
                "2023-11-14T22:13:20.000005Z", json_member_string(value, "Start", NULL));
    }
    memset(large, 'x', sizeof(large));
    for (size_t size = CHECK_OUTPUT_MAX; size <= CHECK_OUTPUT_MAX + 1; size++) {
        _cleanup_json_ JsonValue *value = NULL;

        large[size] = '\0';
        value = result(1, 2, 0, large);
        large[size] = 'x';
        assert_int_equal(size == CHECK_OUTPUT_MAX ? CHECK_OUTPUT_MAX : CHECK_OUTPUT_MAX + 3,
                strlen(json_member_string(value, "Output", "")));
    }
}

/* Started at 1 s; start period 3 s, 2 retries. */
static void test_count(void **state)
{
    static const struct {
        uint64_t began;
        int code;
        const char *status;
        int64_t streak;
        bool changed;
    } rows[] = {
        { 2 * SEC, 1, "starting", 0, false }, /* in the start period it does not count */
        { 4 * SEC - 1, -1, "starting", 0, false },
        { 4 * SEC, 1, "starting", 1, false }, /* which is over now */
        { 5 * SEC, 0, "healthy", 0, true },
        { 6 * SEC, 1, "healthy", 1, false },
        { 7 * SEC, 0, "healthy", 0, false }, /* a success ends the streak */
        { 8 * SEC, 1, "healthy", 1, false },
        { 9 * SEC, 2, "unhealthy", 2, true },
        { 10 * SEC, -1, "unhealthy", 3, false },
        { 11 * SEC, 0, "healthy", 0, true },
    };
    const CheckTimes times = { .interval_usec = SEC,
        .timeout_usec = SEC,
        .start_period_usec = 3 * SEC,
        .start_interval_usec = SEC,
        .retries = 2 };
    _cleanup_json_ JsonValue *record = parse("{\"Status\":\"starting\",\"Started\":1000000}");
    _cleanup_json_ JsonValue *none = parse("{\"Output\":\"x\"}");
    bool changed;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        _cleanup_json_ JsonValue *value =
                result(rows[i].began, rows[i].began + 1, rows[i].code, "");

        assert_int_equal(0, check_record_count(record, &times, value, &changed));
        assert_string_equal(rows[i].status, json_member_string(record, "Status", ""));
        assert_int_equal(rows[i].streak, json_member_integer(record, "FailingStreak", -1));
        assert_int_equal(rows[i].changed, changed);
        assert_int_equal(i < 5 ? i + 1 : 5, json_value_length(json_value_get(record, "Log")));
        assert_int_equal(rows[i].began + 1, json_member_integer(record, "Ended", 0));
    }
    assert_int_equal(0,
            json_member_integer(json_value_at(json_value_get(record, "Log"), 4), "ExitCode", -2));
    assert_int_equal(-EBADMSG, check_record_count(record, &times, none, &changed));
    assert_int_equal(5, json_value_length(json_value_get(record, "Log")));
}

/* The first success ends the start period. */
static void test_success_ends_start_period(void **state)
{
    const CheckTimes times = { .start_period_usec = 100 * SEC, .retries = 1 };
    _cleanup_json_ JsonValue *record = parse("{\"Status\":\"starting\",\"Started\":1}");
    _cleanup_json_ JsonValue *good = result(2, 3, 0, ""), *bad = result(4, 5, 1, "");
    bool changed;

    (void)state;
    assert_int_equal(0, check_record_count(record, &times, good, &changed));
    assert_int_equal(0, check_record_count(record, &times, bad, &changed));
    assert_string_equal("unhealthy", json_member_string(record, "Status", ""));
}

static void test_due_and_alive(void **state)
{
    const CheckTimes times = { .interval_usec = 10 * SEC,
        .timeout_usec = 2 * SEC,
        .start_period_usec = 20 * SEC,
        .start_interval_usec = 4 * SEC,
        .retries = 1 };
    _cleanup_json_ JsonValue *starting = parse("{\"Status\":\"starting\",\"Started\":1000000}");
    _cleanup_json_ JsonValue *healthy =
            parse("{\"Status\":\"healthy\",\"Started\":1000000,\"Ended\":5000000}");
    _cleanup_json_ JsonValue *unhealthy =
            parse("{\"Status\":\"unhealthy\",\"Started\":1000000,\"Ended\":5000000}");

    (void)state;
    assert_false(check_record_is_due(starting, &times, 3 * SEC - 1));
    assert_true(check_record_is_due(starting, &times, 3 * SEC));
    assert_false(check_record_is_due(healthy, &times, 15 * SEC - 1));
    assert_true(check_record_is_due(healthy, &times, 15 * SEC));
    /* 5 + 10 + 2 + 30. */
    assert_true(check_record_is_alive(healthy, &times, 47 * SEC));
    assert_false(check_record_is_alive(healthy, &times, 47 * SEC + 1));
    assert_true(check_record_is_alive(starting, &times, 43 * SEC));
    assert_false(check_record_is_alive(starting, &times, 43 * SEC + 1));
    assert_false(check_record_is_alive(unhealthy, &times, 6 * SEC));
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
        const CheckTimes times = { .interval_usec = rows[i].interval,
            .start_period_usec = rows[i].start_period,
            .start_interval_usec = rows[i].start_interval };
        CheckSchedule schedule;

        check_schedule(&times, rows[i].has_check, rows[i].watchdog, &schedule);
        assert_int_equal(rows[i].again, schedule.again_usec);
        assert_in_range(schedule.first_size, 1, CHECK_FIRST_MAX);
        assert_int_equal(rows[i].first, schedule.first_usec[0]);
        assert_int_equal(rows[i].last, schedule.first_usec[schedule.first_size - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_result),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_success_ends_start_period),
        cmocka_unit_test(test_due_and_alive),
        cmocka_unit_test(test_schedule),
    };

    return cmocka_run_group_tests_name("check-record", tests, NULL, NULL);
}
