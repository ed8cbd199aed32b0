/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One place where output goes: a journal stream, a pipe, a terminal, a file.
 * How to write there without ever waiting, and without changing the flags that
 * other processes share with us, depends on what it is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef enum SinkKind {
    SINK_SOCKET,   /* MSG_DONTWAIT */
    SINK_REOPENED, /* pipes, terminals: an open file of our own, with O_NONBLOCK */
    SINK_SHARED, /* where that is not allowed: small writes, when poll(2) says that there is room */
    SINK_DIRECT, /* files: these take what they are given */
} SinkKind;

typedef struct Sink {
    SinkKind kind;
    int fd;
    bool owned;
} Sink;

/* `fd` is borrowed; one that is not open makes a sink that fails with -EBADF. */
void sink_open(int fd, Sink *ret);
void sink_close(Sink *sink);

/* How much was taken, at least 1 byte; -EAGAIN: there is no room (never for SINK_DIRECT); or why
 * not. `size` is not 0. SIGPIPE must be ignored. */
ssize_t sink_write(Sink *sink, const void *data, size_t size);

/* Do both lead to the same queue, so that the order of bytes between them is one? */
bool sink_is_same(int a, int b);
