/* SPDX-License-Identifier: Apache-2.0 */

/* Real pipes, sockets, terminals and files, and readers that are slow, blocked or gone. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "streams.h"
#include "unit/output.h"

static sd_event *event;
static struct {
    unsigned full, room, empty, lost;
    int lost_fd, lost_error;
} seen;

static void on_full(void *userdata)
{
    (void)userdata;
    seen.full++;
}

static void on_room(void *userdata)
{
    (void)userdata;
    seen.room++;
}

static void on_empty(void *userdata)
{
    (void)userdata;
    seen.empty++;
}

static void on_lost(int fd, int error, void *userdata)
{
    (void)userdata;
    seen.lost++;
    seen.lost_fd = fd;
    seen.lost_error = error;
}

static const OutputHandlers handlers = { on_full, on_room, on_empty, on_lost, NULL };

static int set_up(void **state)
{
    (void)state;
    assert_true(sd_event_new(&event) >= 0);
    memset(&seen, 0, sizeof(seen));
    /* Whatever waits for a reader ends the test. */
    (void)alarm(30);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    event = sd_event_unref(event);
    return 0;
}

static Output *open_output(int first, int second)
{
    const int fds[2] = { first, second };
    Output *output = NULL;

    assert_int_equal(0, output_new(event, fds, &handlers, &output));
    return output;
}

/* Lets the loop run until it has nothing to do; how often it woke up. */
static unsigned run_loop(void)
{
    unsigned n = 0;

    while (sd_event_run(event, 0) > 0)
        assert_true(++n < 10000);
    return n;
}

/* What of our memory is ours alone and was written to, exactly (proc(5)). */
static size_t dirty_memory(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    unsigned long kib = 0;
    bool found = false;

    assert_non_null(file);
    while (!found && fgets(line, sizeof(line), file))
        found = sscanf(line, "Private_Dirty: %lu kB", &kib) == 1;
    assert_true(found);
    (void)fclose(file);
    return kib * KIB;
}

/* A source that heeds on_full and a reader that takes a little now and then: all arrives, in order,
 * and no more is ever kept than is promised. */
static void check_slow_reader(int reader, int writer, uint64_t total)
{
    static uint8_t block[64 * KIB], got[16 * KIB];
    Output *output = open_output(writer, writer);
    uint64_t written = 0, received = 0;
    size_t before, most = 0;

    /* Not counted: what is touched here for the first time. */
    memset(block, 1, sizeof(block));
    memset(got, 1, sizeof(got));
    (void)dirty_memory();
    before = dirty_memory();

    while (received < total) {
        size_t n;

        n = read_some(reader, got, sizeof(got));
        assert_pattern(got, n, received);
        received += n;
        /* Where there is room now, what waits still goes first. */
        while (written < total && seen.full == seen.room) {
            size_t size = sizeof(block) - (written / sizeof(block) * 251) % 4096;

            if (size > total - written)
                size = (size_t)(total - written);
            fill_pattern(block, size, written);
            assert_int_equal(0, output_write(output, 1 + (int)(written / 7 % 2), block, size));
            written += size;
        }
        if (dirty_memory() > before + most)
            most = dirty_memory() - before;
        (void)run_loop();
    }

    assert_true(output_is_empty(output));
    assert_true(seen.full > 0);
    assert_int_equal(seen.full, seen.room);
    assert_true(seen.empty > 0);
    assert_int_equal(0, seen.lost);
#ifndef __SANITIZE_ADDRESS__
    /* What is kept, what one write brings, and the ends of the mapped pieces. */
    assert_true(most <= OUTPUT_HIGH_WATER + sizeof(block) + 192 * KIB);
    /* And it is given back. */
    assert_true(dirty_memory() <= before + 32 * KIB);
#endif
    (void)output_free(output);
}

static void test_slow_reader(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        int ends[2];

        kinds[i].make(ends);
        check_slow_reader(ends[0], ends[1], kinds[i].size);
        (void)close(ends[0]);
        (void)close(ends[1]);
        memset(&seen, 0, sizeof(seen));
    }
}

static void test_idle_has_no_wake_ups(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        Output *output;
        int ends[2];
        char got[8];

        kinds[i].make(ends);
        output = open_output(ends[1], ends[1]);
        assert_int_equal(0, output_write(output, 1, "hello", 5));
        assert_true(output_is_empty(output));
        assert_int_equal(5, read(ends[0], got, sizeof(got)));
        assert_int_equal(0, sd_event_run(event, 50 * USEC_PER_MSEC));
        assert_int_equal(0, seen.empty);
        (void)output_free(output);
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

/* Writes until bytes are kept; how many were written. */
static uint64_t block_reader(Output *output, int stream)
{
    static uint8_t block[4 * KIB];
    uint64_t written = 0;

    while (output_is_empty(output)) {
        fill_pattern(block, sizeof(block), written);
        assert_int_equal(0, output_write(output, stream, block, sizeof(block)));
        written += sizeof(block);
    }
    return written;
}

/* The same, until the loop sleeps: a terminal takes a little more when its other end gets to it. */
static void block_reader_for_good(Output *output, int stream)
{
    unsigned n = 0;

    do {
        (void)block_reader(output, stream);
        while (sd_event_run(event, 50 * USEC_PER_MSEC) > 0)
            assert_true(++n < 1000);
    } while (output_is_empty(output));
}

static void test_blocked_reader_is_not_spun_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        Output *output;
        int ends[2];

        kinds[i].make(ends);
        output = open_output(ends[1], ends[1]);
        block_reader_for_good(output, 1);
        assert_int_equal(0, sd_event_run(event, 50 * USEC_PER_MSEC));
        assert_false(output_is_empty(output));
        (void)output_free(output);
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

/* The reader goes while bytes wait for it: told once, all is dropped, and the loop sleeps. */
static void test_reader_that_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        Output *output;
        int ends[2];

        memset(&seen, 0, sizeof(seen));
        kinds[i].make(ends);
        output = open_output(ends[1], ends[1]);
        block_reader_for_good(output, 1);
        seen.empty = 0;
        (void)close(ends[0]);
        assert_true(run_loop() <= 2);
        assert_int_equal(1, seen.lost);
        assert_int_equal(ends[1], seen.lost_fd);
        /* A terminal that was hung up says so in its own words. */
        assert_true(seen.lost_error == -EPIPE || seen.lost_error == -EIO);
        assert_true(output_is_empty(output));
        assert_int_equal(1, seen.empty);

        for (int n = 0; n < 100; n++)
            assert_int_equal(0, output_write(output, 2, "to nobody", 9));
        assert_true(output_is_empty(output));
        assert_int_equal(0, sd_event_run(event, 20 * USEC_PER_MSEC));
        assert_int_equal(1, seen.lost);
        (void)output_free(output);
        (void)close(ends[1]);
    }
}

/* A pipe that has no reader from the start cannot even be opened anew. */
static void test_reader_that_never_was(void **state)
{
    Output *output;
    int ends[2];

    (void)state;
    make_pipe(ends);
    (void)close(ends[0]);
    output = open_output(ends[1], ends[1]);
    assert_int_equal(0, seen.lost);
    assert_int_equal(0, output_write(output, 1, "to nobody", 9));
    assert_int_equal(1, seen.lost);
    assert_int_equal(-EPIPE, seen.lost_error);
    assert_true(output_is_empty(output));
    (void)output_free(output);
    (void)close(ends[1]);
}

static void test_one_lost_stream_does_not_harm_the_other(void **state)
{
    int first[2], second[2];
    Output *output;
    char got[16];

    (void)state;
    make_pipe(first);
    make_socket(second);
    output = open_output(first[1], second[1]);
    (void)block_reader(output, 1);
    (void)close(first[0]);
    assert_int_equal(0, output_write(output, 2, "error", 5));
    (void)run_loop();
    assert_int_equal(1, seen.lost);
    assert_int_equal(first[1], seen.lost_fd);
    assert_int_equal(0, output_write(output, 2, "more", 4));
    assert_int_equal(9, read_some(second[0], got, sizeof(got)));
    assert_memory_equal("errormore", got, 9);
    (void)output_free(output);
    (void)close(first[1]);
    (void)close(second[0]);
    (void)close(second[1]);
}

/* A blocked stdout does not hold stderr up, until there is too much to keep. */
static void test_streams_wait_apart(void **state)
{
    static uint8_t block[64 * KIB];
    int first[2], second[2];
    Output *output;
    char got[16];

    (void)state;
    make_pipe(first);
    make_pipe(second);
    output = open_output(first[1], second[1]);
    (void)block_reader(output, 1);
    assert_int_equal(0, output_write(output, 2, "error", 5));
    assert_int_equal(5, read_some(second[0], got, sizeof(got)));
    while (!seen.full)
        assert_int_equal(0, output_write(output, 1, block, sizeof(block)));
    assert_int_equal(0, output_write(output, 1, block, sizeof(block)));
    assert_int_equal(1, seen.full);
    (void)output_free(output);
    (void)close(first[0]);
    (void)close(first[1]);
    (void)close(second[0]);
    (void)close(second[1]);
}

static void test_order_between_streams_of_one_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        uint64_t received = 0, written;
        Output *output;
        int ends[2], second;
        uint8_t data[3 * KIB], got[16 * KIB];

        kinds[i].make(ends);
        second = fcntl(ends[1], F_DUPFD_CLOEXEC, 0);
        output = open_output(ends[1], second);
        written = block_reader(output, 1);
        for (int n = 0; n < 20; n++) {
            fill_pattern(data, sizeof(data), written);
            assert_int_equal(0, output_write(output, 2 - n % 2, data, sizeof(data)));
            written += sizeof(data);
        }
        while (received < written) {
            size_t n = read_some(ends[0], got, sizeof(got));

            assert_pattern(got, n, received);
            received += n;
            (void)run_loop();
        }
        assert_true(output_is_empty(output));
        (void)output_free(output);
        (void)close(second);
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

static Output *to_free;

static void free_output(void *userdata)
{
    (void)userdata;
    seen.empty++;
    to_free = output_free(to_free);
}

static void test_free_when_empty(void **state)
{
    static const OutputHandlers freeing = { .on_empty = free_output };
    uint8_t got[16 * KIB];
    int ends[2], fds[2];

    (void)state;
    make_pipe(ends);
    fds[0] = fds[1] = ends[1];
    assert_int_equal(0, output_new(event, fds, &freeing, &to_free));
    (void)block_reader(to_free, 1);
    while (to_free) {
        (void)read_some(ends[0], got, sizeof(got));
        (void)run_loop();
    }
    assert_int_equal(1, seen.empty);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_slow_reader),
        TEST(test_idle_has_no_wake_ups),
        TEST(test_blocked_reader_is_not_spun_on),
        TEST(test_reader_that_goes),
        TEST(test_reader_that_never_was),
        TEST(test_one_lost_stream_does_not_harm_the_other),
        TEST(test_streams_wait_apart),
        TEST(test_order_between_streams_of_one_place),
        TEST(test_free_when_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
