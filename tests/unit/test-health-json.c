/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "health/health_json.h"

static JsonValue *parsed(const char *text)
{
    JsonValue *value = NULL;

    if (json_value_parse(text, strlen(text), &value) < 0)
        fail_msg("%s: no JSON", text);
    return value;
}

#define TIMES "\"Start\":\"2026-03-01T13:00:00.25+01:00\",\"End\":\"2026-03-01T12:00:01Z\""
#define ENTRY(code) "{" TIMES ",\"ExitCode\":" code ",\"Output\":\"" code "\"}"

static void test_docker_record(void **unused)
{
    static const char text[] = "{\"Status\":\"unhealthy\",\"FailingStreak\":4,\"Log\":["
                               "{\"Start\":\"2026-03-01T13:00:00.123456789+01:00\","
                               "\"End\":\"2026-03-01T12:00:01Z\",\"ExitCode\":-1,"
                               "\"Output\":\"two\\nlines \\u001b[1m \\u00fc\"},"
                               "{\"Start\":\"2026-03-01T12:00:02Z\","
                               "\"End\":\"2026-03-01T12:00:02.5Z\",\"ExitCode\":1,"
                               "\"Output\":\"\"}]}";
    /* In UTC, what could harm a terminal gone, else as it came. */
    static const char again[] = "{\"Status\":\"unhealthy\",\"FailingStreak\":4,\"Log\":["
                                "{\"Start\":\"2026-03-01T12:00:00.123456Z\","
                                "\"End\":\"2026-03-01T12:00:01Z\",\"ExitCode\":-1,"
                                "\"Output\":\"two\\nlines ?[1m \xc3\xbc\"},"
                                "{\"Start\":\"2026-03-01T12:00:02Z\","
                                "\"End\":\"2026-03-01T12:00:02.5Z\",\"ExitCode\":1,"
                                "\"Output\":\"\"}]}";
    _cleanup_json_ JsonValue *value = parsed(text), *formatted = NULL;
    HealthRecord record;

    (void)unused;
    assert_int_equal(health_record_parse(value, &record), 0);
    assert_int_equal(record.status, HEALTH_UNHEALTHY);
    assert_int_equal(record.failing_streak, 4);
    assert_int_equal(record.n_results, 2);
    assert_int_equal(record.results[0].start_usec, 1772366400123456);
    assert_int_equal(record.results[0].end_usec, 1772366401000000);
    assert_int_equal(record.results[0].exit_code, -1);
    assert_int_equal(record.results[1].exit_code, 1);
    formatted = health_record_format(&record);
    assert_non_null(formatted);
    assert_string_equal(json_value_format(formatted), again);
}

static void test_empty_records(void **unused)
{
    static const char *const texts[] = {
        "{\"Status\":\"starting\",\"FailingStreak\":0,\"Log\":[]}",
        "{\"Status\":\"starting\",\"FailingStreak\":0,\"Log\":null}",
        "{\"Status\":\"starting\"}",
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        _cleanup_json_ JsonValue *value = parsed(texts[i]), *formatted = NULL;
        HealthRecord record;

        assert_int_equal(health_record_parse(value, &record), 0);
        assert_int_equal(record.status, HEALTH_STARTING);
        assert_int_equal(record.n_results, 0);
        formatted = health_record_format(&record);
        assert_string_equal(json_value_format(formatted), texts[0]);
    }
}

static void test_refused_records(void **unused)
{
    static const char *const texts[] = {
        "[]",
        "null",
        "{}",
        "{\"Status\":\"wonderful\"}",
        "{\"Status\":1}",
        "{\"Status\":\"healthy\",\"FailingStreak\":-1}",
        "{\"Status\":\"healthy\",\"FailingStreak\":2147483648}",
        "{\"Status\":\"healthy\",\"Log\":3}",
        "{\"Status\":\"healthy\",\"Log\":[3]}",
        "{\"Status\":\"healthy\",\"Log\":[{}]}",
        "{\"Status\":\"healthy\",\"Log\":[" ENTRY("0") ",null]}",
        "{\"Status\":\"healthy\",\"Log\":[{" TIMES "}]}",
        "{\"Status\":\"healthy\",\"Log\":[{" TIMES ",\"ExitCode\":2147483648}]}",
        "{\"Status\":\"healthy\",\"Log\":[{" TIMES ",\"ExitCode\":-2147483649}]}",
        "{\"Status\":\"healthy\",\"Log\":[{" TIMES ",\"ExitCode\":\"0\"}]}",
        "{\"Status\":\"healthy\",\"Log\":[{\"Start\":\"2026-03-01T12:00:02Z\",\"ExitCode\":0}]}",
        "{\"Status\":\"healthy\",\"Log\":[{\"End\":\"2026-03-01T12:00:02Z\",\"ExitCode\":0}]}",
        "{\"Status\":\"healthy\",\"Log\":[{\"Start\":5,\"End\":6,\"ExitCode\":0}]}",
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        _cleanup_json_ JsonValue *value = parsed(texts[i]);
        HealthRecord record;

        if (health_record_parse(value, &record) != -EBADMSG)
            fail_msg("taken: %s", texts[i]);
    }
}

static void test_long_log(void **unused)
{
    _cleanup_json_ JsonValue *value = parsed("{\"Status\":\"healthy\",\"Log\":[7," ENTRY("1") "," //
            ENTRY("2") "," ENTRY("3") "," ENTRY("4") "," ENTRY("5") "," ENTRY("0") "]}");
    HealthRecord record;

    (void)unused;
    assert_int_equal(health_record_parse(value, &record), 0);
    assert_int_equal(record.n_results, 5);
    assert_int_equal(record.results[0].exit_code, 2);
    assert_int_equal(record.results[4].exit_code, 0);
}

/* Whatever a probe writes, what is recorded of it comes back the same from JSON. */
static void test_round_trip(void **unused)
{
    const HealthConfig config = { .has_check = true, .timeout_usec = UINT64_MAX };
    static char noise[2 * HEALTH_OUTPUT_MAX];
    uint64_t random = 7;
    Health health;

    (void)unused;
    health_init(&health, &config, 1, 1);
    for (unsigned round = 0; round < 200; round++) {
        _cleanup_json_ JsonValue *formatted = NULL, *again = NULL;
        ProbeEnd end = { round * 1000003, round * 1000003 + 9, 0, noise, 0 };
        HealthRecord record;
        const char *text;

        for (size_t i = 0; i < sizeof(noise); i++) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            noise[i] = (char)(random >> 56);
        }
        end.size = random >> 51;
        health_probe_requested(&health, round);
        if (round % 3 > 0)
            health_probe_started(&health, round);
        if (round % 4 > 0)
            health_probe_timed_out(&health);
        (void)health_probe_ended(&health, round, &end);

        formatted = health_record_format(&health.record);
        assert_non_null(formatted);
        text = json_value_format(formatted);
        assert_true(text_is_utf8(text));
        again = parsed(text);
        assert_int_equal(health_record_parse(again, &record), 0);
        assert_int_equal(record.n_results, health.record.n_results);
        for (size_t i = 0; i < record.n_results; i++) {
            assert_string_equal(record.results[i].output, health.record.results[i].output);
            assert_int_equal(record.results[i].start_usec, health.record.results[i].start_usec);
            assert_int_equal(record.results[i].end_usec, health.record.results[i].end_usec);
        }
    }
}

static void test_foreign_output(void **unused)
{
    static char text[70000];
    _cleanup_json_ JsonValue *longest = NULL, *nul = NULL;
    HealthRecord record;

    (void)unused;
    strcpy(text, "{\"Status\":\"healthy\",\"Log\":[{" TIMES ",\"ExitCode\":0,\"Output\":\"");
    memset(text + strlen(text), 'o', 65536);
    strcat(text, "\"}]}");
    longest = parsed(text);
    assert_int_equal(health_record_parse(longest, &record), 0);
    assert_int_equal(strlen(record.results[0].output), HEALTH_TEXT_MAX + 3);

    nul = parsed("{\"Status\":\"healthy\",\"Log\":[{" TIMES
                 ",\"ExitCode\":0,\"Output\":\"a\\u0000b\"}]}");
    assert_int_equal(health_record_parse(nul, &record), 0);
    assert_string_equal(record.results[0].output, "");
}

static void test_config(void **unused)
{
    static const struct {
        const char *text;
        HealthConfig config;
    } cases[] = {
        { "null", { 0 } },
        { "[]", { 0 } },
        { "{}", { 0 } },
        { "{\"Test\":[]}", { 0 } },
        { "{\"Test\":[\"NONE\"]}", { 0 } },
        { "{\"Test\":[\"CMD\"]}", { 0 } },
        { "{\"Test\":[\"cmd\",\"x\"]}", { 0 } },
        { "{\"Test\":\"CMD\"}", { 0 } },
        { "{\"Test\":[7,\"x\"]}", { 0 } },
        { "{\"Test\":[\"CMD\",\"true\"]}", { .has_check = true } },
        { "{\"Test\":[\"CMD-SHELL\",\"exit 0\"]}", { .has_check = true } },
        { "{\"Test\":[\"CMD\",\"true\"],\"Interval\":1000000000,\"Timeout\":2000000000,"
          "\"StartPeriod\":3000000000,\"StartInterval\":4000000000,\"Retries\":5}",
                { true, 1000000, 2000000, 3000000, 4000000, 5 } },
        /* The times count without a test, too: a probe of ours goes by them. */
        { "{\"Test\":[\"NONE\"],\"Interval\":1500000}", { .interval_usec = 1500 } },
        { "{\"Interval\":1,\"Timeout\":1001,\"Retries\":1}",
                { .interval_usec = 1, .timeout_usec = 2, .retries = 1 } },
        { "{\"Interval\":-5000000000,\"Timeout\":\"1\",\"StartPeriod\":1.5,\"Retries\":-1}",
                { 0 } },
        { "{\"Interval\":9223372036854775807,\"Retries\":2147483648}",
                { .interval_usec = 9223372036854776 } },
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_json_ JsonValue *value = parsed(cases[i].text);
        HealthConfig config;

        health_config_parse(value, &config);
        if (config.has_check != cases[i].config.has_check ||
                config.interval_usec != cases[i].config.interval_usec ||
                config.timeout_usec != cases[i].config.timeout_usec ||
                config.start_period_usec != cases[i].config.start_period_usec ||
                config.start_interval_usec != cases[i].config.start_interval_usec ||
                config.retries != cases[i].config.retries)
            fail_msg("%s", cases[i].text);
    }
}

static void test_command(void **unused)
{
    static const struct {
        const char *config;
        int r;
        const char *words[5];
    } cases[] = {
        { "{}", -ENOENT, { NULL } },
        { "{\"Healthcheck\":null}", -ENOENT, { NULL } },
        { "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", -ENOENT, { NULL } },
        { "{\"Healthcheck\":{\"Test\":[\"CMD\"]}}", -ENOENT, { NULL } },
        { "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b c\",\"\"]}}", 0, { "a", "b c", "" } },
        { "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\"]},\"Shell\":[\"bash\"]}", 0, { "a" } },
        { "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a || b\"]}}", 0,
                { "/bin/sh", "-c", "a || b" } },
        { "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\"]},\"Shell\":[]}", 0,
                { "/bin/sh", "-c", "a" } },
        { "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\"]},\"Shell\":[\"bash\",\"-ec\"]}", 0,
                { "bash", "-ec", "a" } },
        { "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\"]},\"Shell\":[1]}", -EBADMSG, { NULL } },
        { "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",2]}}", -EBADMSG, { NULL } },
        { "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\\u0000b\"]}}", -EBADMSG, { NULL } },
    };

    (void)unused;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_json_ JsonValue *config = parsed(cases[i].config);
        _cleanup_vector_ char **command = NULL;

        assert_int_equal(health_command_parse(config, &command), cases[i].r);
        for (size_t k = 0; cases[i].r == 0; k++) {
            if (!cases[i].words[k]) {
                assert_null(command[k]);
                break;
            }
            assert_string_equal(command[k], cases[i].words[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_docker_record),
        cmocka_unit_test(test_empty_records),
        cmocka_unit_test(test_refused_records),
        cmocka_unit_test(test_long_log),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_foreign_output),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_command),
    };

    return cmocka_run_group_tests_name("health JSON", tests, NULL, NULL);
}
