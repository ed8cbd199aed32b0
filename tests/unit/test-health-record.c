/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
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

static void test_texts(void **unused)
{
    static const struct {
        bool started;
        double timeout;
        const char *output;
        const char *recorded;
    } texts[] = {
        { true, 30, "", "Health check exceeded timeout (30s)" },
        { true, 0.5, "half\nway", "Health check exceeded timeout (500ms): half\nway" },
        { true, 90, "x", "Health check exceeded timeout (1m30s): x" },
        { false, 1, "", "Health check did not start in time (30s)" },
        { false, 1, "x", "Health check did not start in time (30s): x" },
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        HealthConfig config = { .has_check = true,
            .timeout_usec = (uint64_t)(texts[i].timeout * 1e6) };
        ProbeEnd end = { 11, 12, 0, texts[i].output, strlen(texts[i].output) };
        const HealthResult *result;
        Health health;

        health_init(&health, &config, ORIGIN, ORIGIN);
        health_probe_requested(&health, usec(30));
        if (texts[i].started)
            health_probe_started(&health, usec(31));
        health_probe_timed_out(&health);
        (void)health_probe_ended(&health, usec(95), &end);
        result = health_record_newest(&health.record);
        assert_non_null(result);
        assert_string_equal(result->output, texts[i].recorded);
        assert_int_equal(result->exit_code, -1);
        assert_int_equal(result->start_usec, 11);
        assert_int_equal(result->end_usec, 12);
    }
}

/* The note of a timeout comes on top of what Docker keeps. */
static void test_longest_output(void **unused)
{
    const HealthConfig config = { .has_check = true, .timeout_usec = UINT64_MAX };
    static char long_output[HEALTH_OUTPUT_MAX + 1];
    ProbeEnd end = { 1, 2, 1, long_output, sizeof(long_output) };
    const HealthResult *result;
    Health health;

    (void)unused;
    memset(long_output, 'o', sizeof(long_output));
    health_init(&health, &config, ORIGIN, ORIGIN);
    (void)health_result(&health, ORIGIN, ORIGIN, &end);
    result = health_record_newest(&health.record);
    assert_int_equal(strlen(result->output), 4096 + 3);
    assert_string_equal(result->output + 4095, "o...");

    health_probe_requested(&health, usec(30));
    health_probe_started(&health, usec(31));
    health_probe_timed_out(&health);
    (void)health_probe_ended(&health, usec(95), &end);
    result = health_record_newest(&health.record);
    assert_string_equal(result->output + strcspn(result->output, ")") + 3 + 4095, "o...");
}

static void test_last_five(void **unused)
{
    const HealthConfig config = { .has_check = true };
    Health health;

    (void)unused;
    health_init(&health, &config, ORIGIN, ORIGIN);
    assert_null(health_record_newest(&health.record));
    for (unsigned n = 1; n <= 8; n++) {
        ProbeEnd end = { n, n + 1, (int)n, "o", n % 2 };

        (void)health_result(&health, usec(n), usec(n), &end);
        assert_int_equal(health.record.n_results, n < 5 ? n : 5);
        assert_int_equal(health.record.results[0].exit_code, n < 5 ? 1 : n - 4);
        assert_int_equal(health_record_newest(&health.record)->exit_code, n);
        assert_int_equal(health_record_newest(&health.record)->start_usec, n);
        assert_int_equal(health_record_newest(&health.record)->end_usec, n + 1);
        assert_string_equal(health_record_newest(&health.record)->output, n % 2 ? "o" : "");
    }
    (void)health_reset(&health, usec(9));
    assert_int_equal(health.record.n_results, 5);
}

static void test_output_copy(void **unused)
{
    static const struct {
        const char *output;
        size_t size;
        const char *copied;
    } outputs[] = {
        { "", 0, "" },
        { "12345678", 8, "12345678" },
        { "123456789", 9, "12345678..." },
        { "a\tb\r\nc", 6, "a\tb\r\nc" },
        { "a\0b\x1b[m", 6, "a?b?[m" },
        { "\xff\xc2\x9b.", 4, "???." },
        /* whole characters only */
        { "1234567\xc3\xbc", 9, "1234567..." },
        { "123456\xc3\xbc"
          "9",
                9, "123456\xc3\xbc..." },
        { "12345\xf0\x9f\x90\xb3", 9, "12345..." },
        { "1234\xf0\x9f\x90\xb3"
          "9",
                9, "1234\xf0\x9f\x90\xb3..." },
        { "\x80\x80\x80\x80\x80\x80\x80\x80\x80", 9, "?????..." },
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(outputs); i++) {
        char copied[8 + HEALTH_CUT_SIZE];
        /* What lies behind it is not to be looked at. */
        _cleanup_free_ char *output = malloc(outputs[i].size + 1);

        assert_non_null(output);
        memcpy(output, outputs[i].output, outputs[i].size);
        output[outputs[i].size] = '\x80';
        health_output_copy(copied, 8, output, outputs[i].size);
        assert_string_equal(copied, outputs[i].copied);
    }
}

static void test_output_line(void **unused)
{
    static const struct {
        const char *output;
        const char *line;
    } outputs[] = {
        { "", "" },
        { "one\ntwo", "one" },
        { "one\r\ntwo", "one" },
        { "\ntwo", "" },
        { "a\tb", "a?b" },
        { "1234567", "1234567" },
        { "12345678", "1234567" },
        { "123456\xc3\xbc", "123456" },
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(outputs); i++) {
        HealthResult result = { 0 };
        char line[8];

        strcpy(result.output, outputs[i].output);
        health_output_line(&result, line, sizeof(line));
        assert_string_equal(line, outputs[i].line);
        health_output_line(NULL, line, sizeof(line));
        assert_string_equal(line, "");
    }
}

static void test_status_names(void **unused)
{
    HealthStatus status = HEALTH_STARTING;

    (void)unused;
    for (int i = HEALTH_NONE; i <= HEALTH_UNHEALTHY; i++) {
        assert_int_equal(health_status_of_name(health_status_name((HealthStatus)i), &status), 0);
        assert_int_equal(status, i);
    }
    assert_int_equal(health_status_of_name("Healthy", &status), -EINVAL);
    assert_int_equal(health_status_of_name("", &status), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_longest_output),
        cmocka_unit_test(test_last_five),
        cmocka_unit_test(test_output_copy),
        cmocka_unit_test(test_output_line),
        cmocka_unit_test(test_status_names),
    };

    return cmocka_run_group_tests_name("health record", tests, NULL, NULL);
}
