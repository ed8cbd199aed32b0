/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where output may lead, each with its reading end, and a stream of bytes in
 * which what is lost, doubled or swapped is seen.
 * Includers include cmocka.h and what it needs first.
 */

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define KIB 1024U

/* Byte `at` of an endless stream that does not repeat where blocks do. */
static inline uint8_t pattern(uint64_t at)
{
    return (uint8_t)((at * 2654435761U) >> 16);
}

static inline void fill_pattern(uint8_t *data, size_t size, uint64_t at)
{
    for (size_t i = 0; i < size; i++)
        data[i] = pattern(at + i);
}

static inline void assert_pattern(const uint8_t *data, size_t size, uint64_t at)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != pattern(at + i))
            fail_msg("byte %llu differs", (unsigned long long)(at + i));
}

/* Reads what is there without waiting. 0: nothing, or the end. */
static inline size_t read_some(int fd, void *data, size_t size)
{
    ssize_t n;

    assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) >= 0);
    n = read(fd, data, size);
    assert_true(n >= 0 || errno == EAGAIN);
    return n < 0 ? 0 : (size_t)n;
}

static inline void make_pipe(int ends[2])
{
    assert_int_equal(0, pipe2(ends, O_CLOEXEC));
}

static inline void make_socket(int ends[2])
{
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
}

/* A terminal that changes nothing on the way. */
static inline void make_terminal(int ends[2])
{
    struct termios raw;

    assert_int_equal(0, openpty(&ends[0], &ends[1], NULL, NULL, NULL));
    assert_int_equal(0, tcgetattr(ends[1], &raw));
    cfmakeraw(&raw);
    assert_int_equal(0, tcsetattr(ends[1], TCSANOW, &raw));
}

static const struct {
    const char *name;
    void (*make)(int ends[2]);
    uint64_t size;
} kinds[] = {
    { "pipe", make_pipe, 10 << 20 },
    { "socket", make_socket, 10 << 20 },
    { "terminal", make_terminal, 1 << 20 },
};
