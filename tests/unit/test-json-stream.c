/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/json_stream.h"

#define MAX 64U

/* Appends what comes, one line each, and stops with an error after `limit` objects. */
typedef struct Taken {
    char text[1024];
    unsigned count, limit;
} Taken;

static int on_object(JsonValue *object, void *userdata)
{
    Taken *taken = userdata;
    size_t size = strlen(taken->text);

    (void)snprintf(
            taken->text + size, sizeof(taken->text) - size, "%s\n", json_value_format(object));
    return ++taken->count == taken->limit ? -ECANCELED : 0;
}

static const struct {
    const char *stream;
    const char *objects;
    int error;
    bool incomplete;
} streams[] = {
    { "", "", 0, false },
    { " \r\n\t", "", 0, false },
    { "{}", "{}\n", 0, false },
    { "{\"a\":1}\n{\"b\":{\"c\":[{}]}}\r\n", "{\"a\":1}\n{\"b\":{\"c\":[{}]}}\n", 0, false },
    { "{\"a\":1}{\"b\":2}", "{\"a\":1}\n{\"b\":2}\n", 0, false },
    { "\x1e{\"a\":1}\n\x1e{\"b\":2}\n", "{\"a\":1}\n{\"b\":2}\n", 0, false },
    { "{\n \"a\": 1\n}\n", "{\"a\":1}\n", 0, false },
    { "{\"a\":\"}\"}{\"b\":\"\\\"}{\"}", "{\"a\":\"}\"}\n{\"b\":\"\\\"}{\"}\n", 0, false },
    { "{\"a\":\"\\\\\"}{}", "{\"a\":\"\\\\\"}\n{}\n", 0, false },
    { "{\"a\":1}\n{\"b\"", "{\"a\":1}\n", 0, true },
    { "{\"a\":\"}", "", 0, true },
    { "{}[]", "{}\n", -EBADMSG, false },
    { "{}x", "{}\n", -EBADMSG, false },
    { "}", "", -EBADMSG, false },
    { "\"a\"", "", -EBADMSG, false },
    { "{]}", "", -EBADMSG, false },
    { "{a}", "", -EBADMSG, false },
    { "{\"a\":1}\n<html>", "{\"a\":1}\n", -EBADMSG, false },
    /* 64 bytes, and one more. */
    { "{\"a\":\"0123456789012345678901234567890123456789012345678901234\"}   ",
            "{\"a\":\"0123456789012345678901234567890123456789012345678901234\"}\n", 0, false },
    { "{\"a\":\"012345678901234567890123456789012345678901234567890123456\"}", "", -EBADMSG,
            false },
    { "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{", "", -EBADMSG, false },
};

/* Whole, and cut in two at every place. */
static void test_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(streams); i++) {
        const char *text = streams[i].stream;
        size_t size = strlen(text);

        for (size_t cut = 0; cut <= size; cut++) {
            JsonStream stream = { 0 };
            Taken taken = { 0 };
            int r;

            r = json_stream_feed(&stream, text, cut, MAX, on_object, &taken);
            if (r == 0)
                r = json_stream_feed(&stream, text + cut, size - cut, MAX, on_object, &taken);
            assert_int_equal(streams[i].error, r);
            assert_string_equal(streams[i].objects, taken.text);
            if (r == 0)
                assert_int_equal(!streams[i].incomplete, json_stream_is_complete(&stream));
            json_stream_free(&stream);
        }
    }
}

static void test_stop(void **state)
{
    static const char text[] = "{\"a\":1}{\"a\":2}{\"a\":3}";
    JsonStream stream = { 0 };
    Taken taken = { .limit = 2 };

    (void)state;
    assert_int_equal(
            -ECANCELED, json_stream_feed(&stream, text, strlen(text), MAX, on_object, &taken));
    assert_string_equal("{\"a\":1}\n{\"a\":2}\n", taken.text);
    json_stream_free(&stream);
}

/* A NUL byte is no space, though strchr(3) finds one everywhere. */
static void test_nul(void **state)
{
    JsonStream stream = { 0 };
    Taken taken = { 0 };

    (void)state;
    assert_int_equal(-EBADMSG, json_stream_feed(&stream, "{}\0{}", 5, MAX, on_object, &taken));
    assert_string_equal("{}\n", taken.text);
    json_stream_free(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
