/* SPDX-License-Identifier: Apache-2.0 */

/* How each kind of place is written to: never waiting, and without a trace on what others share. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "streams.h"
#include "unit/sink.h"

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    /* Whatever waits for a reader ends the test. */
    (void)alarm(20);
    return 0;
}

/* Writes until there is no room; how much that was. */
static uint64_t fill_up(Sink *sink, uint64_t from)
{
    uint8_t block[16 * KIB];
    uint64_t written = from;

    for (;;) {
        ssize_t n;

        fill_pattern(block, sizeof(block), written);
        n = sink_write(sink, block, sizeof(block));
        if (n == -EAGAIN)
            return written - from;
        assert_true(n > 0 && n <= (ssize_t)sizeof(block));
        written += (uint64_t)n;
    }
}

/* Reads all that is there, and compares it. */
static uint64_t read_all(int fd, uint64_t from)
{
    uint8_t got[16 * KIB];
    uint64_t received = from;
    size_t n;

    while ((n = read_some(fd, got, sizeof(got))) > 0) {
        assert_pattern(got, n, received);
        received += n;
    }
    return received - from;
}

static void check_rounds(Sink *sink, int reader)
{
    uint64_t written = 0, received = 0;

    for (int round = 0; round < 5; round++) {
        uint64_t n = fill_up(sink, written);

        assert_true(n > 0);
        written += n;
        /* A terminal hands its bytes over a moment later. */
        while (received < written)
            received += read_all(reader, received);
        assert_int_equal(written, received);
    }
}

static void test_full_and_empty_in_turns(void **state)
{
    static const SinkKind expected[] = { SINK_REOPENED, SINK_SOCKET, SINK_REOPENED };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        Sink sink;
        int ends[2];

        kinds[i].make(ends);
        sink_open(ends[1], &sink);
        assert_int_equal(expected[i], sink.kind);
        check_rounds(&sink, ends[0]);
        sink_close(&sink);
        /* What was borrowed is still open. */
        assert_true(fcntl(ends[1], F_GETFD) >= 0);
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

/* Others share the open file: their writes must not begin to fail with EAGAIN. */
static void test_flags_are_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        Sink sink;
        int ends[2], flags;

        kinds[i].make(ends);
        flags = fcntl(ends[1], F_GETFL);
        sink_open(ends[1], &sink);
        (void)fill_up(&sink, 0);
        assert_int_equal(flags, fcntl(ends[1], F_GETFL));
        sink_close(&sink);
        assert_int_equal(flags, fcntl(ends[1], F_GETFL));
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

/* Where it may not be opened anew (another user's), it is the shared one that is written to. */
static void test_shared(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        Sink sink;
        int ends[2];
        ssize_t n;

        if (kinds[i].make == make_socket)
            continue;
        kinds[i].make(ends);
        assert_int_equal(0, fchmod(ends[1], 0));
        assert_int_equal(0, setresuid(65534, 65534, 0));
        sink_open(ends[1], &sink);
        assert_int_equal(0, setresuid(0, 0, 0));
        assert_int_equal(SINK_SHARED, sink.kind);
        check_rounds(&sink, ends[0]);
        /* The last reader goes while it is full: that is an answer, not a reason to wait. */
        (void)fill_up(&sink, 0);
        (void)close(ends[0]);
        n = sink_write(&sink, "x", 1);
        assert_true(n == -EPIPE || n == -EIO);
        sink_close(&sink);
        (void)close(ends[1]);
    }
}

static void test_files_take_all_at_once(void **state)
{
    static uint8_t block[1 << 20], got[1 << 20];
    char path[] = "/tmp/test-sink-XXXXXX";
    int fd = mkostemp(path, O_APPEND | O_CLOEXEC);
    Sink sink;

    (void)state;
    assert_true(fd >= 0);
    sink_open(fd, &sink);
    assert_int_equal(SINK_DIRECT, sink.kind);
    fill_pattern(block, sizeof(block), 0);
    assert_int_equal(sizeof(block), sink_write(&sink, block, sizeof(block)));
    assert_int_equal(sizeof(got), pread(fd, got, sizeof(got), 0));
    assert_pattern(got, sizeof(got), 0);
    sink_close(&sink);
    (void)close(fd);
    (void)unlink(path);
}

static void test_what_takes_nothing(void **state)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int closed = fcntl(full, F_DUPFD_CLOEXEC, 0);
    Sink sink;
    int ends[2];

    (void)state;
    sink_open(full, &sink);
    assert_int_equal(-ENOSPC, sink_write(&sink, "x", 1));
    sink_close(&sink);
    (void)close(full);

    (void)close(closed);
    sink_open(closed, &sink);
    assert_int_equal(-EBADF, sink_write(&sink, "x", 1));
    sink_close(&sink);

    /* A pipe that has no reader cannot be opened anew. */
    make_pipe(ends);
    (void)close(ends[0]);
    sink_open(ends[1], &sink);
    assert_int_equal(-EPIPE, sink_write(&sink, "x", 1));
    sink_close(&sink);
    (void)close(ends[1]);

    make_socket(ends);
    (void)close(ends[0]);
    sink_open(ends[1], &sink);
    assert_int_equal(-EPIPE, sink_write(&sink, "x", 1));
    sink_close(&sink);
    (void)close(ends[1]);
}

static void test_null_takes_all(void **state)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    Sink sink;

    (void)state;
    sink_open(null, &sink);
    assert_int_equal(SINK_DIRECT, sink.kind);
    assert_int_equal(5, sink_write(&sink, "hello", 5));
    sink_close(&sink);
    (void)close(null);
}

static void test_fifo_whose_reader_comes_back(void **state)
{
    char directory[] = "/tmp/test-sink-XXXXXX", path[64], got[8];
    int reader, writer;
    Sink sink;

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/fifo", directory);
    assert_int_equal(0, mkfifo(path, 0600));
    reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    writer = open(path, O_WRONLY | O_CLOEXEC);
    sink_open(writer, &sink);
    (void)close(reader);
    assert_int_equal(-EPIPE, sink_write(&sink, "gone", 4));
    reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(4, sink_write(&sink, "back", 4));
    assert_int_equal(4, read(reader, got, sizeof(got)));
    assert_memory_equal("back", got, 4);
    sink_close(&sink);
    (void)close(reader);
    (void)close(writer);
    (void)unlink(path);
    (void)rmdir(directory);
}

static void test_same_place(void **state)
{
    char path[] = "/tmp/test-sink-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);

    (void)state;
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        int ends[2], other[2], again;

        kinds[i].make(ends);
        kinds[i].make(other);
        again = fcntl(ends[1], F_DUPFD_CLOEXEC, 0);
        assert_true(sink_is_same(ends[1], again));
        assert_false(sink_is_same(ends[1], other[1]));
        assert_false(sink_is_same(ends[1], file));
        (void)close(again);
        for (int n = 0; n < 2; n++) {
            (void)close(ends[n]);
            (void)close(other[n]);
        }
    }
    /* Nothing waits for a file, so there is no queue to share. */
    assert_false(sink_is_same(file, file));
    assert_false(sink_is_same(-1, -1));
    (void)close(file);
    (void)unlink(path);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_full_and_empty_in_turns),
        TEST(test_flags_are_left_alone),
        TEST(test_shared),
        TEST(test_files_take_all_at_once),
        TEST(test_what_takes_nothing),
        TEST(test_null_takes_all),
        TEST(test_fifo_whose_reader_comes_back),
        TEST(test_same_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
