/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "engine/frames.h"

typedef struct Taken {
    Buffer output[3];
    unsigned calls;
} Taken;

static void on_frame(int fd, const void *data, size_t size, void *userdata)
{
    Taken *taken = userdata;

    assert_true(fd == 1 || fd == 2);
    assert_true(size > 0);
    taken->calls++;
    assert_int_equal(0, buffer_append(&taken->output[fd], data, size, SIZE_MAX));
}

static void taken_check(Taken *taken, const char *out, const char *err)
{
    const char *const expected[] = { NULL, out, err };

    for (int fd = 1; fd <= 2; fd++) {
        assert_int_equal(strlen(expected[fd]), taken->output[fd].size);
        if (taken->output[fd].size > 0)
            assert_memory_equal(expected[fd], taken->output[fd].data, taken->output[fd].size);
        buffer_free(&taken->output[fd]);
    }
    taken->calls = 0;
}

/* Two streams, an empty frame in between, and one of the engine's own errors. */
static const char stream[] = "\1\0\0\0\0\0\0\5hello"
                             "\2\0\0\0\0\0\0\3err"
                             "\1\0\0\0\0\0\0\0"
                             "\1\0\0\0\0\0\0\6 world"
                             "\3\0\0\0\0\0\0\5 died";
#define STREAM_SIZE (sizeof(stream) - 1)

/* Every way to cut it in three. */
static void test_splits(void **state)
{
    (void)state;
    for (size_t a = 0; a <= STREAM_SIZE; a++)
        for (size_t b = a; b <= STREAM_SIZE; b++) {
            FrameReader reader = { 0 };
            Taken taken = { 0 };

            assert_int_equal(0, frame_reader_feed(&reader, stream, a, on_frame, &taken));
            assert_int_equal(0, frame_reader_feed(&reader, stream + a, b - a, on_frame, &taken));
            assert_int_equal(
                    0, frame_reader_feed(&reader, stream + b, STREAM_SIZE - b, on_frame, &taken));
            assert_true(frame_reader_is_complete(&reader));
            taken_check(&taken, "hello world", "err died");
        }
}

static void test_bytes(void **state)
{
    FrameReader reader = { 0 };
    Taken taken = { 0 };

    (void)state;
    for (size_t i = 0; i < STREAM_SIZE; i++)
        assert_int_equal(0, frame_reader_feed(&reader, stream + i, 1, on_frame, &taken));
    assert_int_equal(strlen("hello world") + strlen("err died"), taken.calls);
    taken_check(&taken, "hello world", "err died");
}

static void test_incomplete(void **state)
{
    static const size_t ends[] = { 0, 13, 24, 32, 46, STREAM_SIZE };

    (void)state;
    for (size_t size = 0, n = 0; size <= STREAM_SIZE; size++) {
        FrameReader reader = { 0 };
        Taken taken = { 0 };

        assert_int_equal(0, frame_reader_feed(&reader, stream, size, on_frame, &taken));
        assert_int_equal(n < ELEMENTS(ends) && ends[n] == size, frame_reader_is_complete(&reader));
        if (n < ELEMENTS(ends) && ends[n] == size)
            n++;
        buffer_free(&taken.output[1]);
        buffer_free(&taken.output[2]);
    }
}

/* The size counts as unsigned, high byte first, and nothing is kept for it. */
static void test_large(void **state)
{
    FrameReader reader = { 0 };
    Taken taken = { 0 };

    (void)state;
    assert_int_equal(
            0, frame_reader_feed(&reader, "\1\0\0\0\xff\xfe\xfd\xfcx", 9, on_frame, &taken));
    assert_int_equal(0xfffefdfcU - 1, reader.remaining);
    taken_check(&taken, "x", "");
}

static void test_garbage(void **state)
{
    static const char *const headers[] = {
        "HTTP/1.1",
        "\0\0\0\0\0\0\0\1", /* stdin is never sent */
        "\4\0\0\0\0\0\0\1",
        "\x81\0\0\0\0\0\0\1",
        "\1\1\0\0\0\0\0\1",
        "\1\0\1\0\0\0\0\1",
        "\1\0\0\1\0\0\0\1",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(headers); i++) {
        FrameReader reader = { 0 };
        Taken taken = { 0 };

        assert_int_equal(0, frame_reader_feed(&reader, stream, 13, on_frame, &taken));
        assert_int_equal(-EBADMSG, frame_reader_feed(&reader, headers[i], 8, on_frame, &taken));
        taken_check(&taken, "hello", "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_incomplete),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
