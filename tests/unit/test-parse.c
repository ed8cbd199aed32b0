/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/parse.h"

static void test_boolean(void **state)
{
    static const char *const yes[] = { "1", "yes", "y", "true", "t", "on", "True", "YES", "oN" };
    static const char *const no[] = { "0", "no", "n", "false", "f", "off", "False", "NO", "F" };
    static const char *const neither[] = { "", " ", "2", "tru", "truee", "yes ", "-1", "10" };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(yes); i++) {
        bool value = false;

        assert_int_equal(0, parse_boolean(yes[i], &value));
        assert_true(value);
    }
    for (size_t i = 0; i < ELEMENTS(no); i++) {
        bool value = true;

        assert_int_equal(0, parse_boolean(no[i], &value));
        assert_false(value);
    }
    for (size_t i = 0; i < ELEMENTS(neither); i++) {
        bool value;

        assert_int_equal(-EINVAL, parse_boolean(neither[i], &value));
    }
}

static void test_unsigned(void **state)
{
    static const struct {
        const char *text;
        int r;
        uint64_t value;
    } cases[] = {
        { "0", 0, 0 },
        { "007", 0, 7 },
        { "18446744073709551615", 0, UINT64_MAX },
        { "18446744073709551616", -ERANGE, 0 },
        { "", -EINVAL, 0 },
        { " 1", -EINVAL, 0 },
        { "1 ", -EINVAL, 0 },
        { "+1", -EINVAL, 0 },
        { "-1", -EINVAL, 0 },
        { "0x10", -EINVAL, 0 },
        { "1.5", -EINVAL, 0 },
        { "99999999999999999999q", -EINVAL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        uint64_t value = 0;

        assert_int_equal(cases[i].r, parse_unsigned(cases[i].text, &value));
        assert_int_equal(cases[i].value, value);
    }
}

static void test_integer(void **state)
{
    static const struct {
        const char *text;
        int r;
        int64_t value;
    } cases[] = {
        { "0", 0, 0 },
        { "-0", 0, 0 },
        { "+5", 0, 5 },
        { "-5", 0, -5 },
        { "9223372036854775807", 0, INT64_MAX },
        { "9223372036854775808", -ERANGE, 0 },
        { "-9223372036854775808", 0, INT64_MIN },
        { "-9223372036854775809", -ERANGE, 0 },
        { "--5", -EINVAL, 0 },
        { "-", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "- 5", -EINVAL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        int64_t value = 0;

        assert_int_equal(cases[i].r, parse_integer(cases[i].text, &value));
        assert_int_equal(cases[i].value, value);
    }
}

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static void test_span(void **state)
{
    static const struct {
        const char *text;
        int r;
        uint64_t usec;
    } cases[] = {
        { "0", 0, 0 },
        { "30", 0, 30 * USEC_PER_SEC },
        { "30s", 0, 30 * USEC_PER_SEC },
        { "1m30s", 0, 90 * USEC_PER_SEC },
        { "1h2m3s4ms5us", 0, HOUR + 2 * MINUTE + 3004005 },
        { "2min 200ms", 0, 2 * MINUTE + 200000 },
        { " 1 min 30 ", 0, MINUTE + 30 * USEC_PER_SEC },
        { "1.5h", 0, 90 * MINUTE },
        { ".5s", 0, 500000 },
        { "100\xc2\xb5s", 0, 100 },
        { "100\xce\xbcs", 0, 100 },
        { "1500ns", 0, 2 },
        { "1d", 0, DAY },
        { "1w 2days", 0, 9 * DAY },
        { "1M", 0, 2629800 * USEC_PER_SEC },
        { "1month", 0, 2629800 * USEC_PER_SEC },
        { "1y", 0, 31557600 * USEC_PER_SEC },
        { "infinity", 0, USEC_INFINITY },
        { "500000y", 0, 15778800000000 * USEC_PER_SEC },
        { "600000y", -ERANGE, 0 },
        { "99999999999999999999999s", -ERANGE, 0 },
        { "", -EINVAL, 0 },
        { "  ", -EINVAL, 0 },
        { "s", -EINVAL, 0 },
        { ".", -EINVAL, 0 },
        { "-1s", -EINVAL, 0 },
        { "+1s", -EINVAL, 0 },
        { "5 parsecs", -EINVAL, 0 },
        { "5 S", -EINVAL, 0 },
        { "0x10s", -EINVAL, 0 },
        { "1e3s", -EINVAL, 0 },
        { "1.2.3s", -EINVAL, 0 },
        { "inf", -EINVAL, 0 },
        { "nan", -EINVAL, 0 },
        { "1s,", -EINVAL, 0 },
        { "infinity 1s", -EINVAL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        uint64_t usec = 0;
        int r = parse_span(cases[i].text, &usec);

        if (r != cases[i].r || usec != cases[i].usec)
            fail_msg("\"%s\": %d, %llu", cases[i].text, r, (unsigned long long)usec);
    }
}

static void test_format_span(void **state)
{
    static const struct {
        uint64_t usec;
        const char *text;
    } cases[] = {
        { 0, "0ms" },
        { 1500, "1ms" },
        { USEC_PER_SEC - 1, "999ms" },
        { USEC_PER_SEC, "1s" },
        { 1500 * USEC_PER_MSEC, "1.5s" },
        { MINUTE - 1, "59.999s" },
        { 90 * USEC_PER_SEC, "1min 30s" },
        { HOUR, "1h 0min" },
        { 26 * HOUR + 5 * MINUTE, "26h 5min" },
        { USEC_INFINITY, "infinity" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_string_equal(cases[i].text, format_span(cases[i].usec));
}

static void test_signal(void **state)
{
    static const char *const none[] = { "", "SIG", "0", "-1", "65", "SIGNONE", "TERM ", "RTMIN+99",
        "RTMIN+", "RTMIN-1", "RTMINx", "RTMIN+31", "RTMAX+1", "RTMAX-", "RTMAX-31", "RTMAX--1",
        "SIGSIGTERM" };
    const struct {
        const char *text;
        int number;
    } cases[] = {
        { "TERM", SIGTERM },
        { "SIGTERM", SIGTERM },
        { "sigquit", SIGQUIT },
        { "15", SIGTERM },
        { "64", 64 },
        { "WINCH", SIGWINCH },
        { "SIGRTMIN", SIGRTMIN },
        { "RTMIN+3", SIGRTMIN + 3 },
        { "RTMIN+30", SIGRTMAX },
        { "SIGRTMAX", SIGRTMAX },
        { "rtmax-14", SIGRTMAX - 14 },
        { "SIGRTMAX-30", SIGRTMIN },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        int number = 0;

        assert_int_equal(0, parse_signal(cases[i].text, &number));
        assert_int_equal(cases[i].number, number);
    }
    for (size_t i = 0; i < ELEMENTS(none); i++) {
        int number = 0;

        if (parse_signal(none[i], &number) != -EINVAL)
            fail_msg("\"%s\" is taken for signal %d", none[i], number);
    }
    assert_string_equal("SIGTERM", format_signal(SIGTERM));
    assert_string_equal("signal 37", format_signal(37));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boolean),
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_integer),
        cmocka_unit_test(test_span),
        cmocka_unit_test(test_format_span),
        cmocka_unit_test(test_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
