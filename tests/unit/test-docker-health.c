/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "health/docker_health.h"

#define CHECK "\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"]}}"

static void test_inspect(void **unused)
{
    static const struct {
        const char *inspect;
        DockerHealth health;
    } cases[] = {
        { "{}", { false, HEALTH_NONE, "" } },
        { "[]", { false, HEALTH_NONE, "" } },
        { "{" CHECK "}", { true, HEALTH_NONE, "" } },
        { "{" CHECK ",\"State\":{\"Health\":{\"Status\":\"starting\",\"Log\":[]}}}",
                { true, HEALTH_STARTING, "" } },
        { "{" CHECK ",\"State\":{\"Health\":{\"Status\":\"unhealthy\",\"Log\":["
          "{\"Output\":\"old\"},{\"Output\":\"new\\u001b[1m\\nmore\"}]}}}",
                { true, HEALTH_UNHEALTHY, "new?[1m" } },
        { "{" CHECK ",\"State\":{\"Health\":{\"Status\":\"healthy\",\"Log\":null}}}",
                { true, HEALTH_HEALTHY, "" } },
        { "{" CHECK ",\"State\":{\"Health\":{\"Status\":\"wonderful\",\"Log\":3}}}",
                { true, HEALTH_NONE, "" } },
        /* Switched off: what is left of an older state does not count. */
        { "{\"Config\":{\"Healthcheck\":{\"Test\":[\"NONE\"]}},"
          "\"State\":{\"Health\":{\"Status\":\"unhealthy\"}}}",
                { false, HEALTH_NONE, "" } },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_json_ JsonValue *inspect = NULL;
        DockerHealth health;

        assert_int_equal(json_value_parse(cases[i].inspect, strlen(cases[i].inspect), &inspect), 0);
        docker_health_of_inspect(inspect, &health);
        assert_int_equal(health.has_check, cases[i].health.has_check);
        assert_int_equal(health.status, cases[i].health.status);
        assert_string_equal(health.output, cases[i].health.output);
    }
}

static void test_event(void **unused)
{
    static const struct {
        const char *event;
        int told;
        HealthStatus status;
    } cases[] = {
        { "{\"Action\":\"health_status: healthy\"}", 1, HEALTH_HEALTHY },
        { "{\"Action\":\"health_status: unhealthy\"}", 1, HEALTH_UNHEALTHY },
        { "{\"Action\":\"health_status: \"}", 0, HEALTH_NONE },
        { "{\"Action\":\"kill\"}", 0, HEALTH_NONE },
        { "{\"Action\":7}", 0, HEALTH_NONE },
        { "{}", 0, HEALTH_NONE },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_json_ JsonValue *event = NULL;
        HealthStatus status = HEALTH_NONE;

        assert_int_equal(json_value_parse(cases[i].event, strlen(cases[i].event), &event), 0);
        assert_int_equal(docker_health_of_event(event, &status), cases[i].told);
        if (cases[i].told)
            assert_int_equal(status, cases[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_event),
    };

    return cmocka_run_group_tests_name("docker health", tests, NULL, NULL);
}
