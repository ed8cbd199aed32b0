/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "health/go_time.h"

static void test_parse(void **unused)
{
    static const struct {
        const char *text;
        int r;
        uint64_t usec;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0, 0 },
        { "2026-03-01T12:00:00Z", 0, 1772366400000000 },
        { "2026-03-01T12:00:00.5Z", 0, 1772366400500000 },
        { "2026-03-01T12:00:00.123456789Z", 0, 1772366400123456 },
        { "2026-03-01T12:00:00.000000999Z", 0, 1772366400000000 },
        { "2026-03-01T12:00:00.1234567890123456789012345Z", 0, 1772366400123456 },
        { "2026-03-01T13:00:00+01:00", 0, 1772366400000000 },
        { "2026-03-01T02:15:00.25-09:45", 0, 1772366400250000 },
        { "2026-03-01T12:00:00-00:00", 0, 1772366400000000 },
        { "2024-02-29T23:59:59Z", 0, 1709251199000000 },
        { "2000-02-29T00:00:00Z", 0, 951782400000000 },
        { "9999-12-31T23:59:59.999999999Z", 0, 253402300799999999 },
        { "9999-12-31T23:59:59-23:59", 0, 253402387139000000 },
        { "0001-01-01T00:00:00Z", -ERANGE, 0 },
        { "1969-12-31T23:59:59.9Z", -ERANGE, 0 },
        { "1970-01-01T00:59:59+01:00", -ERANGE, 0 },
        { "2100-02-29T00:00:00Z", -EINVAL, 0 },
        { "2023-02-29T00:00:00Z", -EINVAL, 0 },
        { "2023-04-31T00:00:00Z", -EINVAL, 0 },
        { "2023-00-01T00:00:00Z", -EINVAL, 0 },
        { "2023-13-01T00:00:00Z", -EINVAL, 0 },
        { "2023-01-00T00:00:00Z", -EINVAL, 0 },
        { "2023-01-32T00:00:00Z", -EINVAL, 0 },
        { "2023-01-01T24:00:00Z", -EINVAL, 0 },
        { "2023-01-01T00:60:00Z", -EINVAL, 0 },
        { "2023-01-01T00:00:60Z", -EINVAL, 0 },
        { "2023-01-01T00:00:00", -EINVAL, 0 },
        { "2023-01-01T00:00:00.Z", -EINVAL, 0 },
        { "2023-01-01T00:00:00,5Z", -EINVAL, 0 },
        { "2023-01-01T00:00:00ZZ", -EINVAL, 0 },
        { "2023-01-01T00:00:00Z ", -EINVAL, 0 },
        { " 2023-01-01T00:00:00Z", -EINVAL, 0 },
        { "2023-01-01 00:00:00Z", -EINVAL, 0 },
        { "2023-01-01T00:00:00+0100", -EINVAL, 0 },
        { "2023-01-01T00:00:00+24:00", -EINVAL, 0 },
        { "2023-01-01T00:00:00+01:60", -EINVAL, 0 },
        { "2023-01-01T00:00:00+-1:00", -EINVAL, 0 },
        { "2023-1-1T00:00:00Z", -EINVAL, 0 },
        { "-023-01-01T00:00:00Z", -EINVAL, 0 },
        { "2023-01-01", -EINVAL, 0 },
        { "yesterday", -EINVAL, 0 },
        { "", -EINVAL, 0 },
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        uint64_t usec = 0;

        if (go_time_parse(cases[i].text, &usec) != cases[i].r || usec != cases[i].usec)
            fail_msg("%s: %llu", cases[i].text, (unsigned long long)usec);
    }
}

static void test_format(void **unused)
{
    static const struct {
        uint64_t usec;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { 1, "1970-01-01T00:00:00.000001Z" },
        { 1772366400000000, "2026-03-01T12:00:00Z" },
        { 1772366400500000, "2026-03-01T12:00:00.5Z" },
        { 1772366400120300, "2026-03-01T12:00:00.1203Z" },
        { 1772366400123456, "2026-03-01T12:00:00.123456Z" },
        { 253402300799999999, "9999-12-31T23:59:59.999999Z" },
        { 253402300800000000, "9999-12-31T23:59:59.999999Z" },
        { UINT64_MAX, "9999-12-31T23:59:59.999999Z" },
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char text[GO_TIME_SIZE];
        uint64_t usec;

        go_time_format(cases[i].usec, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(go_time_parse(text, &usec), 0);
        assert_true(usec == cases[i].usec || cases[i].usec > 253402300799999999);
    }
}

/* As Go's time.Duration prints them. */
static void test_duration(void **unused)
{
    static const struct {
        uint64_t usec;
        const char *text;
    } cases[] = {
        { 0, "0s" },
        { 1, "1\xc2\xb5s" },
        { 999, "999\xc2\xb5s" },
        { 1000, "1ms" },
        { 1500, "1.5ms" },
        { 1001, "1.001ms" },
        { 500000, "500ms" },
        { 999999, "999.999ms" },
        { 1000000, "1s" },
        { 1500000, "1.5s" },
        { 30000000, "30s" },
        { 60000000, "1m0s" },
        { 90000001, "1m30.000001s" },
        { 3600000000, "1h0m0s" },
        { 3661500000, "1h1m1.5s" },
        { 86400000000, "24h0m0s" },
        { 9223372036854775, "2562047h47m16.854775s" },
        { UINT64_MAX, "5124095576h1m49.551615s" },
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char text[GO_TIME_SIZE];

        go_duration_format(cases[i].usec, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_duration),
    };

    return cmocka_run_group_tests_name("go time", tests, NULL, NULL);
}
