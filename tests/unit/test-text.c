/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void test_compare(void **state)
{
    static const char text[] = "io.systemd-ctr.unit";

    (void)state;
    assert_true(text_equal(NULL, NULL));
    assert_false(text_equal(NULL, ""));
    assert_false(text_equal("", NULL));
    assert_true(text_equal("a", "a"));
    assert_false(text_equal("a", "ab"));

    assert_true(text_starts_with(text, "io."));
    assert_true(text_starts_with(text, ""));
    assert_true(text_starts_with(text, text));
    assert_false(text_starts_with("io", "io."));
    assert_true(text_ends_with(text, ".unit"));
    assert_true(text_ends_with(text, ""));
    assert_false(text_ends_with("nit", "unit"));
    assert_ptr_equal(text + 3, text_after(text, "io."));
    assert_null(text_after(text, "unit"));
}

static void test_replace(void **state)
{
    _cleanup_free_ char *text = NULL;

    (void)state;
    assert_int_equal(0, text_replace(&text, "one"));
    assert_string_equal("one", text);
    /* A part of what is replaced. */
    assert_int_equal(0, text_replace(&text, text + 1));
    assert_string_equal("ne", text);
    assert_int_equal(0, text_replace(&text, NULL));
    assert_null(text);
}

static void test_format(void **state)
{
    _cleanup_free_ char *text = text_format("%s-%d", "web", 7);

    (void)state;
    assert_string_equal("web-7", text);
}

static void test_make_printable(void **state)
{
    static const struct {
        const char *text;
        const char *printable;
    } cases[] = {
        { "", "" },
        { "plain ~", "plain ~" },
        { "a\nb\tc\r\x1b[0m\x7f", "a?b?c??[0m?" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "\xe2\x82\xac \xf0\x9f\x90\xb3", "\xe2\x82\xac \xf0\x9f\x90\xb3" },
        /* the borders of each length */
        { "\xc2\xa0\xdf\xbf", "\xc2\xa0\xdf\xbf" },
        { "\xe0\xa0\x80\xef\xbf\xbf", "\xe0\xa0\x80\xef\xbf\xbf" },
        { "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
        /* one past them, and what is longer than it need be */
        { "\xc0\x80", "??" },
        { "\xc1\xbf", "??" },
        { "\xe0\x9f\xbf", "???" },
        { "\xf0\x8f\xbf\xbf", "????" },
        { "\xf4\x90\x80\x80", "????" },
        { "\xf5\x80\x80\x80", "????" },
        /* halves of surrogate pairs */
        { "\xed\xa0\x80", "???" },
        { "\xed\xbf\xbf", "???" },
        { "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80" },
        /* cut, or continued without a beginning */
        { "a\xe2\x82", "a??" },
        { "\xe2\x82z", "??z" },
        { "\xc3", "?" },
        { "\xf0\x9f\x90", "???" },
        { "\x80\xbfz", "??z" },
        { "\xff\xfe", "??" },
        /* C1: U+0080, U+009B, U+009F */
        { "\xc2\x80\xc2\x9b[31m\xc2\x9f", "????[31m??" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "%s", cases[i].text);
        text_make_printable(text);
        assert_string_equal(cases[i].printable, text);
    }
}

static void test_make_printable_lines(void **state)
{
    char text[] = "a\tb\r\nc\v\x1b[0m\x7f\xc2\x9b\xff\xc3\xbc";

    (void)state;
    text_make_printable_lines(text);
    assert_string_equal("a\tb\r\nc??[0m????\xc3\xbc", text);
}

static void test_vector(void **state)
{
    _cleanup_vector_ char **vector = NULL;
    char word[] = "w0";

    (void)state;
    assert_int_equal(0, text_vector_length(NULL));
    text_vector_free(NULL);
    for (unsigned i = 0; i < 9; i++) {
        word[1] = (char)('0' + i);
        assert_int_equal(0, text_vector_append(&vector, word));
        assert_int_equal(i + 1, text_vector_length(vector));
        assert_null(vector[i + 1]);
    }
    assert_string_equal("w0", vector[0]);
    assert_string_equal("w8", vector[8]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_make_printable),
        cmocka_unit_test(test_make_printable_lines),
        cmocka_unit_test(test_vector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
