/* SPDX-License-Identifier: Apache-2.0 */

/* What comes from the engine and from files is read by these: nothing in there may surprise. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

static JsonValue *parse(const char *text)
{
    JsonValue *value = NULL;

    assert_int_equal(0, json_value_parse(text, strlen(text), &value));
    return value;
}

static void test_one_whole_text(void **state)
{
    static const char *const good[] = { "{}", "[]", " {\"a\":1}\r\n", "\"text\"", "42", "-1.5e3",
        "true", "{\"a\":{\"b\":[1,2,{}]}}\t " };
    static const char *const bad[] = { "", " ", "{", "{\"a\":", "{\"a\":1}}", "{} {}", "{}x",
        "\"text", "[1,", "{\"a\" 1}", "tru", "4 2" };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(good); i++) {
        _cleanup_json_ JsonValue *value = parse(good[i]);

        assert_non_null(value);
    }
    for (size_t i = 0; i < ELEMENTS(bad); i++) {
        _cleanup_json_ JsonValue *value = NULL;

        if (json_value_parse(bad[i], strlen(bad[i]), &value) != -EBADMSG)
            fail_msg("taken: %s", bad[i]);
        assert_null(value);
    }
}

static void test_size_counts_not_the_end_of_text(void **state)
{
    _cleanup_json_ JsonValue *value = NULL;

    (void)state;
    assert_int_equal(0, json_value_parse("{}garbage", 2, &value));
    assert_true(json_value_is_object(value));
    value = json_value_unref(value);
    assert_int_equal(0, json_value_parse("123", 2, &value));
    assert_int_equal(12, json_value_integer(value, 0));
    value = json_value_unref(value);
    /* A NUL is no white space. */
    assert_int_equal(-EBADMSG, json_value_parse("{}\0", 3, &value));
}

static void test_depth_is_bounded(void **state)
{
    static char text[200000];
    JsonValue *value = NULL;

    (void)state;
    for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(
                depth <= JSON_DEPTH_MAX ? 0 : -EBADMSG, json_value_parse(text, 2 * depth, &value));
        if (depth <= JSON_DEPTH_MAX)
            value = json_value_unref(value);
    }
    memset(text, '[', sizeof(text));
    assert_int_equal(-EBADMSG, json_value_parse(text, sizeof(text), &value));
}

static void test_readers_are_total(void **state)
{
    _cleanup_json_ JsonValue *value = parse("{\"s\":\"text\",\"i\":7,\"d\":1.5,\"b\":true,"
                                            "\"n\":null,\"a\":[1,\"x\"],\"o\":{\"k\":\"v\"}}");
    static const char *const keys[] = { "s", "i", "d", "b", "n", "a", "o", "none" };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(keys); i++) {
        const char *key = keys[i];
        JsonValue *member = json_value_get(value, key);

        assert_string_equal(
                strcmp(key, "s") == 0 ? "text" : "other", json_member_string(value, key, "other"));
        assert_int_equal(strcmp(key, "i") == 0 ? 7 : -3, json_member_integer(value, key, -3));
        assert_int_equal(strcmp(key, "b") == 0, json_member_boolean(value, key, false));
        assert_int_equal(strcmp(key, "o") == 0, json_value_is_object(member));
        assert_int_equal(strcmp(key, "a") == 0, json_value_is_array(member));
        assert_int_equal(strcmp(key, "a") == 0 ? 2 : 0, json_value_length(member));
        if (strcmp(key, "o") != 0)
            assert_null(json_value_get(member, "k"));
        assert_null(json_value_at(member, 2));
    }
    assert_string_equal("x", json_value_string(json_value_at(json_value_get(value, "a"), 1), NULL));

    assert_null(json_value_get(NULL, "a"));
    assert_null(json_value_at(NULL, 0));
    assert_null(json_member_string(NULL, "a", NULL));
    assert_int_equal(1, json_member_integer(NULL, "a", 1));
    assert_true(json_member_boolean(NULL, "a", true));
    assert_null(json_value_unref(NULL));
}

static void test_borders_of_values(void **state)
{
    _cleanup_json_ JsonValue *value =
            parse("{\"min\":-9223372036854775808,\"max\":9223372036854775807,\"big\":3e300,"
                  "\"nul\":\"a\\u0000b\",\"euro\":\"\\u20ac\",\"pair\":\"\\ud83d\\udc33\","
                  "\"twice\":1,\"twice\":2}");

    (void)state;
    assert_true(json_member_integer(value, "min", 0) == INT64_MIN);
    assert_true(json_member_integer(value, "max", 0) == INT64_MAX);
    assert_int_equal(-1, json_member_integer(value, "big", -1));
    /* What it seems to be is not what it is. */
    assert_string_equal("other", json_member_string(value, "nul", "other"));
    assert_string_equal("\xe2\x82\xac", json_member_string(value, "euro", ""));
    assert_string_equal("\xf0\x9f\x90\xb3", json_member_string(value, "pair", ""));
    assert_int_equal(2, json_member_integer(value, "twice", 0));
}

static int collect(const char *key, JsonValue *value, void *userdata)
{
    (void)value;
    (void)strcat(userdata, key);
    return strcmp(key, "c") == 0 ? -ECANCELED : 0;
}

static void test_visit(void **state)
{
    _cleanup_json_ JsonValue *all = parse("{\"z\":1,\"a\":2,\"m\":3}");
    _cleanup_json_ JsonValue *some = parse("{\"b\":1,\"c\":2,\"d\":3}");
    char keys[16] = "";

    (void)state;
    assert_int_equal(0, json_visit(all, collect, keys));
    assert_string_equal("zam", keys);
    keys[0] = '\0';
    assert_int_equal(-ECANCELED, json_visit(some, collect, keys));
    assert_string_equal("bc", keys);
    assert_int_equal(0, json_visit(NULL, collect, keys));
}

static void test_builders(void **state)
{
    _cleanup_json_ JsonValue *root = json_new_object();
    JsonValue *host = json_need_object(root, "HostConfig");

    (void)state;
    assert_int_equal(0, json_set_string(root, "Image", "a/b \"c\"\n"));
    assert_int_equal(0, json_set_integer(host, "Memory", INT64_MAX));
    assert_int_equal(0, json_set_boolean(host, "Init", true));
    assert_int_equal(0, json_set(host, "Nothing", JSON_NULL));
    assert_int_equal(0, json_append_string(json_need_array(host, "Binds"), "/a:/b"));
    assert_int_equal(0, json_append_string(json_need_array(host, "Binds"), "/c:/d"));
    assert_ptr_equal(host, json_need_object(root, "HostConfig"));
    assert_string_equal("{\"HostConfig\":{\"Memory\":9223372036854775807,\"Init\":true,"
                        "\"Nothing\":null,\"Binds\":[\"/a:/b\",\"/c:/d\"]},"
                        "\"Image\":\"a/b \\\"c\\\"\\n\"}",
            json_value_format(root));

    assert_int_equal(0, json_set_integer(host, "Memory", 1));
    json_unset(host, "Binds");
    json_unset(host, "None");
    assert_string_equal("{\"Memory\":1,\"Init\":true,\"Nothing\":null}", json_value_format(host));
}

/* So that builders chain, and what was handed over is not lost. */
static void test_builders_without_memory(void **state)
{
    _cleanup_json_ JsonValue *array = json_new_array();

    (void)state;
    assert_int_equal(-ENOMEM, json_set(NULL, "a", json_new_object()));
    assert_int_equal(-ENOMEM, json_set_string(NULL, "a", "text"));
    assert_int_equal(-ENOMEM, json_append(NULL, json_new_object()));
    assert_int_equal(-ENOMEM, json_append_string(NULL, "text"));
    assert_null(json_need_object(NULL, "a"));
    assert_null(json_need_array(json_need_object(NULL, "a"), "b"));
    assert_int_equal(0, json_append(array, JSON_NULL));
    assert_int_equal(1, json_value_length(array));
}

static void test_strict(void **state)
{
    static const char *const bad[] = { "{\"a\":'b'}", "{\"a\":1,}", "[1,]", "{/* a */}", "{} // a",
        "{", "" };
    static const char good[] = "{\"ü\":[1,\"日本\"]}";
    _cleanup_json_ JsonValue *value = NULL;

    (void)state;
    assert_int_equal(0, json_value_parse_strict(good, sizeof(good) - 1, &value));
    assert_string_equal(good, json_value_format(value));
    for (size_t i = 0; i < ELEMENTS(bad); i++) {
        JsonValue *none;

        assert_int_equal(-EBADMSG, json_value_parse_strict(bad[i], strlen(bad[i]), &none));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_whole_text),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_size_counts_not_the_end_of_text),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_readers_are_total),
        cmocka_unit_test(test_borders_of_values),
        cmocka_unit_test(test_visit),
        cmocka_unit_test(test_builders),
        cmocka_unit_test(test_builders_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
