/* SPDX-License-Identifier: Apache-2.0 */

/* The table of docker's flags against `docker run --help` (run-line/flags.json), and against what
 * a run line makes of each row. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/docker_flags.h"
#include "cli/run_request.h"

#define FLAGS_MAX (1U << 16)

static JsonValue *load_flags(void)
{
    _cleanup_free_ char *path = strdup(__FILE__), *text = NULL, *name = NULL;
    JsonValue *flags = NULL;
    size_t size;

    *strrchr(path, '/') = '\0';
    name = text_format("%s/run-line/flags.json", path);
    assert_int_equal(file_read(name, FLAGS_MAX, &text, &size), 0);
    assert_int_equal(json_value_parse(text, size, &flags), 0);
    return flags;
}

static void test_every_flag_of_docker_is_there(void **state)
{
    _cleanup_json_ JsonValue *flags = load_flags();

    (void)state;
    assert_true(json_value_length(flags) > 100);
    for (size_t i = 0; i < json_value_length(flags); i++) {
        JsonValue *row = json_value_at(flags, i);
        const char *name = json_value_string(json_value_at(row, 0), "");
        const char *shorthand = json_value_string(json_value_at(row, 1), "");
        const char *kind = json_value_string(json_value_at(row, 2), "");
        const Flag *flag = docker_flag_find(name, strlen(name));

        if (!flag)
            fail_msg("--%s is not in the table", name);
        assert_int_equal(flag->shorthand, *shorthand);
        assert_int_equal(flag->takes_value, *kind != '\0');
        if (*shorthand)
            assert_ptr_equal(docker_flag_find(shorthand, 0), flag);
    }
}

static void test_nothing_else_is_there(void **state)
{
    static const char *const hidden[] = { "dns-opt", "net", "net-alias" };
    _cleanup_json_ JsonValue *flags = load_flags();
    size_t n = 0;

    (void)state;
    while (docker_flag_at(n))
        n++;
    assert_int_equal(n, json_value_length(flags) + ELEMENTS(hidden));
    for (size_t i = 0; i < ELEMENTS(hidden); i++)
        assert_non_null(docker_flag_find(hidden[i], strlen(hidden[i])));
}

static void test_a_switch_takes_no_value(void **state)
{
    const DockerFlag *flag;

    (void)state;
    for (size_t i = 0; (flag = docker_flag_at(i)); i++)
        assert_int_equal(flag->flag.takes_value, flag->argument != DOCKER_SWITCH);
}

/* Whatever a flag's value looks like, it is never the IMAGE: the word behind it is not refused as
 * one, and a flag that we refuse is refused by its own name. */
static void test_every_refusal_names_the_flag(void **state)
{
    const DockerFlag *flag;
    unsigned n = 0;

    (void)state;
    for (size_t i = 0; (flag = docker_flag_at(i)); i++) {
        _cleanup_free_ char *name = text_format("--%s", flag->flag.name), *message = NULL;
        char *with_value[] = { name, (char *)"0", (char *)"img", NULL };
        char *alone[] = { name, (char *)"img", NULL };
        Options options = { .run_line = flag->flag.takes_value ? with_value : alone };
        RunRequest request;
        int r;

        r = run_request_parse(&options, NULL, "/", &request, &message);
        if (flag->treatment == DOCKER_REFUSED || flag->treatment == DOCKER_UNSUPPORTED ||
                flag->treatment == DOCKER_WINDOWS) {
            n++;
            assert_int_equal(r, -EINVAL);
        }
        if (r < 0)
            assert_true(text_starts_with(message, name));
        else
            assert_string_equal(request.image, "img");
        run_request_clear(&request);
    }
    assert_true(n > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_flag_of_docker_is_there),
        cmocka_unit_test(test_nothing_else_is_there),
        cmocka_unit_test(test_a_switch_takes_no_value),
        cmocka_unit_test(test_every_refusal_names_the_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
