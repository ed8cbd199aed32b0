/* SPDX-License-Identifier: Apache-2.0 */

/* Replays what the docker CLI was recorded to send (run-line/record) against our request, body for
 * body. Where we differ on purpose, the case says so ("ours"); what differs for all is in
 * as_under_a_unit(). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/run_request.h"

#define DATA_MAX (1U << 20)
#define API_RECORDED 50

static char *const environment[] = {
    (char *)"PATH=/usr/bin",
    (char *)"FROM_ENVIRONMENT=from the environment",
    (char *)"EMPTY_IN_ENVIRONMENT=",
    NULL,
};

/* Of this directory; the tests run in the repository's root. */
static char *data_path(const char *name)
{
    _cleanup_free_ char *here = strdup(__FILE__), *relative = NULL, *path = NULL;

    *strrchr(here, '/') = '\0';
    relative = text_format("%s/run-line/%s", here, name);
    path = realpath(relative, NULL);
    if (!path)
        fail_msg("%s: %s", relative, strerror(errno));
    return TAKE_PTR(path);
}

static char *replace_all(const char *text, const char *from, const char *to)
{
    char *result = strdup("");

    for (const char *found; (found = strstr(text, from)); text = found + strlen(from)) {
        char *longer = text_format("%s%.*s%s", result, (int)(found - text), text, to);

        free(result);
        result = longer;
    }
    {
        char *longer = text_format("%s%s", result, text);

        free(result);
        return longer;
    }
}

static JsonValue *parse(const char *text)
{
    JsonValue *value = NULL;

    if (json_value_parse(text, strlen(text), &value) < 0)
        fail_msg("not JSON: %s", text);
    return value;
}

/* Canonical text: members sorted by name; Env and Binds, which the CLI sends in random order,
 * sorted, too. */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *canonical(JsonValue *value, bool is_unordered);

static int canonical_member(const char *key, JsonValue *value, void *userdata)
{
    bool is_unordered = text_equal(key, "Env") || text_equal(key, "Binds");
    _cleanup_free_ char *inner = canonical(value, is_unordered), *text = NULL;

    text = text_format("\"%s\":%s", key, inner);
    return text_vector_append(userdata, text);
}

static char *canonical(JsonValue *value, bool is_unordered)
{
    _cleanup_vector_ char **parts = NULL;
    bool is_object = json_value_is_object(value);
    char *result;

    if (!is_object && !json_value_is_array(value))
        return strdup(json_value_format(value));

    if (is_object)
        (void)json_visit(value, canonical_member, &parts);
    for (size_t i = 0; i < json_value_length(value); i++) {
        _cleanup_free_ char *part = canonical(json_value_at(value, i), false);

        assert_int_equal(text_vector_append(&parts, part), 0);
    }
    if (parts && (is_object || is_unordered))
        qsort(parts, text_vector_length(parts), sizeof(char *), by_text);

    result = strdup(is_object ? "{" : "[");
    for (char **part = parts; part && *part; part++) {
        char *longer = text_format("%s%s%s", result, part == parts ? "" : ",", *part);

        free(result);
        result = longer;
    }
    {
        char *closed = text_format("%s%s", result, is_object ? "}" : "]");

        free(result);
        return closed;
    }
}

/* As run-line/record defines a patch. */
static int apply_member(const char *key, JsonValue *change, void *userdata)
{
    JsonValue *target = userdata, *member = json_value_get(target, key);

    if (text_equal(json_value_string(change, NULL), "@ABSENT@"))
        json_unset(target, key);
    else if (json_value_is_object(change) && json_value_is_object(member))
        (void)json_visit(change, apply_member, member);
    else if (json_value_is_object(change)) {
        assert_int_equal(json_set(target, key, json_new_object()), 0);
        (void)json_visit(change, apply_member, json_value_get(target, key));
    } else
        assert_int_equal(json_set(target, key, json_value_ref(change)), 0);
    return 0;
}

/* Where we differ from the CLI for every run line: a unit's stdin is not the container's (-i), and
 * a unit is always attached (-d). */
static void as_under_a_unit(JsonValue *body)
{
    assert_int_equal(json_set_boolean(body, "AttachStdin", false), 0);
    assert_int_equal(json_set_boolean(body, "AttachStdout", true), 0);
    assert_int_equal(json_set_boolean(body, "AttachStderr", true), 0);
    assert_int_equal(json_set_boolean(body, "OpenStdin", false), 0);
    assert_int_equal(json_set_boolean(body, "StdinOnce", false), 0);
}

/* What we should answer, as canonical text: NULL for a refusal. */
static char *expected(const char *blank, JsonValue *example)
{
    JsonValue *ours = json_value_get(example, "ours"), *query = json_value_get(ours, "query");
    _cleanup_json_ JsonValue *answer = json_new_object(), *body = parse(blank);

    if (json_value_get(ours, "refused"))
        return NULL;
    if (json_value_get(example, "refused") && !json_value_get(ours, "patch"))
        return NULL;

    if (!query)
        query = json_value_get(example, "query");
    (void)json_visit(json_value_get(example, "patch"), apply_member, body);
    (void)json_visit(json_value_get(ours, "patch"), apply_member, body);
    as_under_a_unit(body);
    (void)json_set(answer, "query", query ? json_value_ref(query) : json_new_object());
    (void)json_set(answer, "body", TAKE_PTR(body));
    return canonical(answer, false);
}

/* What we answer. */
static char *actual(JsonValue *example, const char *directory, char **ret_message)
{
    JsonValue *arguments = json_value_get(example, "arguments");
    _cleanup_vector_ char **run_line = NULL;
    _cleanup_json_ JsonValue *answer = NULL;
    char *none[] = { NULL }, *text = NULL;
    RunRequest request;
    Options options;
    int r;

    for (size_t i = 0; i < json_value_length(arguments); i++)
        (void)text_vector_append(&run_line, json_value_string(json_value_at(arguments, i), ""));
    options = (Options){ .run_line = run_line ? run_line : none };

    r = run_request_parse(&options, environment, directory, &request, ret_message);
    if (r >= 0) {
        assert_null(*ret_message);
        r = run_request_fit_api(
                &request, (unsigned)json_member_integer(example, "api", API_RECORDED));
    } else {
        assert_int_equal(r, -EINVAL);
        assert_non_null(*ret_message);
        assert_null(strchr(*ret_message, '\n'));
    }
    if (r >= 0) {
        answer = run_request_describe(&request);
        text = canonical(answer, false);
    }
    run_request_clear(&request);
    return text;
}

/* Where `text` begins to differ from `other`. */
static const char *difference(const char *text, const char *other)
{
    const char *from = text;

    if (!other)
        return "a request";
    for (const char *at = text; *at && *at == *other; at++, other++)
        if (*at == '{' || *at == ',')
            from = at;
    return from;
}

static bool replay_one(const char *blank, JsonValue *example, const char *directory)
{
    _cleanup_free_ char *want = expected(blank, example), *message = NULL, *have = NULL;

    have = actual(example, directory, &message);
    if (text_equal(want, have))
        return true;
    print_error("docker run %.300s\n  expected: %.200s\n  got:      %.200s\n",
            json_value_format(json_value_get(example, "arguments")),
            want ? difference(want, have) : "a refusal", have ? difference(have, want) : message);
    return false;
}

static void replay(const char *name)
{
    _cleanup_free_ char *path = data_path(name), *blank_path = data_path("blank.json");
    _cleanup_free_ char *directory = data_path("files"), *parent = data_path(".");
    _cleanup_free_ char *text = NULL, *blank = NULL;
    unsigned n = 0, failures = 0;
    char *rest, *line;

    assert_int_equal(file_read(blank_path, DATA_MAX, &blank, NULL), 0);
    assert_int_equal(file_read(path, DATA_MAX, &text, NULL), 0);

    rest = text;
    while ((line = strsep(&rest, "\n"))) {
        _cleanup_free_ char *here = NULL, *everywhere = NULL;
        _cleanup_json_ JsonValue *example = NULL;

        if (!*line)
            continue;
        here = replace_all(line, "@DIRECTORY@", directory);
        everywhere = replace_all(here, "@PARENT@", parent);
        example = parse(everywhere);
        n++;
        failures += !replay_one(blank, example, directory);
    }
    print_message("%s: %u run lines\n", name, n);
    assert_true(n > 0);
    assert_int_equal(failures, 0);
}

#define REPLAY(name)                      \
    static void test_##name(void **state) \
    {                                     \
        (void)state;                      \
        replay(#name ".jsonl");           \
    }

REPLAY(grammar)
REPLAY(settings)
REPLAY(environment)
REPLAY(ports)
REPLAY(volumes)
REPLAY(mounts)
REPLAY(resources)
REPLAY(namespaces)
REPLAY(health)
REPLAY(api)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_api),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
