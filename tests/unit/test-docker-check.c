/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "health/docker_check.h"

static const struct {
    const char *inspect;
    int result;
    const char *words[6];
} checks[] = {
    { "{}", 0, { NULL } },
    { "{\"Config\":{}}", 0, { NULL } },
    { "{\"Config\":{\"Healthcheck\":null}}", 0, { NULL } },
    { "{\"Config\":{\"Healthcheck\":{}}}", 0, { NULL } },
    { "{\"Config\":{\"Healthcheck\":{\"Test\":[]}}}", 0, { NULL } },
    { "{\"Config\":{\"Healthcheck\":{\"Test\":[\"NONE\"]}}}", 0, { NULL } },
    { "{\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b c\"]}}}", 1, { "a", "b c" } },
    { "{\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a || b\"]}}}", 1,
            { "/bin/sh", "-c", "a || b" } },
    { "{\"Config\":{\"Shell\":[],\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\"]}}}", 1,
            { "/bin/sh", "-c", "a" } },
    { "{\"Config\":{\"Shell\":[\"/bin/bash\",\"-e\",\"-c\"],\"Healthcheck\":{\"Test\":[\"CMD-"
      "SHELL\",\"a\"]}}}",
            1, { "/bin/bash", "-e", "-c", "a" } },
    { "{\"Config\":{\"Shell\":[\"/bin/bash\"],\"Healthcheck\":{\"Test\":[\"CMD\",\"a\"]}}}", 1,
            { "a" } },
    { "{\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD\"]}}}", -EBADMSG, { NULL } },
    { "{\"Config\":{\"Healthcheck\":{\"Test\":[\"\"]}}}", -EBADMSG, { NULL } },
    { "{\"Config\":{\"Healthcheck\":{\"Test\":[\"cmd\",\"a\"]}}}", -EBADMSG, { NULL } },
    { "{\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD\",1]}}}", -EBADMSG, { NULL } },
    { "{\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\\u0000b\"]}}}", -EBADMSG, { NULL } },
};

static void test_checks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(checks); i++) {
        _cleanup_json_ JsonValue *inspect = NULL;
        _cleanup_vector_ char **words = NULL;
        const char *text = checks[i].inspect;
        size_t n = 0;

        assert_int_equal(0, json_value_parse(text, strlen(text), &inspect));
        assert_int_equal(checks[i].result, docker_check_command(inspect, &words));
        for (; checks[i].words[n]; n++)
            assert_string_equal(checks[i].words[n], words[n]);
        assert_int_equal(n, text_vector_length(words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
