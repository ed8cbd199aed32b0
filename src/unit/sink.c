/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* poll(2) promises room for PIPE_BUF in a pipe (pipe(7)); a terminal promises less. */
#define TERMINAL_STEP 128U

/* O_NONBLOCK belongs to the open file, which the service manager or a shell shares with us; so the
 * flag is set on one of our own. Fails where another user owns it, or without /proc. */
static int open_anew(int fd)
{
    char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

void sink_open(int fd, Sink *ret)
{
    struct stat st;
    bool is_known = fstat(fd, &st) >= 0;

    *ret = (Sink){ .kind = SINK_DIRECT, .fd = fd };
    if (is_known && S_ISSOCK(st.st_mode)) {
        ret->kind = SINK_SOCKET;
    } else if (is_known && (S_ISFIFO(st.st_mode) || isatty(fd))) {
        int own = open_anew(fd);

        ret->kind = own >= 0 ? SINK_REOPENED : SINK_SHARED;
        ret->owned = own >= 0;
        ret->fd = own >= 0 ? own : fd;
    }
}

void sink_close(Sink *sink)
{
    if (sink->owned)
        close_p(&sink->fd);
    *sink = (Sink){ .kind = SINK_DIRECT, .fd = -1 };
}

/* One system call that does not wait. */
static ssize_t write_step(Sink *sink, const void *data, size_t size)
{
    struct pollfd room = { .fd = sink->fd, .events = POLLOUT };
    size_t step = isatty(sink->fd) ? TERMINAL_STEP : PIPE_BUF;

    switch (sink->kind) {
    case SINK_SOCKET:
        return send(sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case SINK_SHARED:
        /* What is not room is an error or a hang-up, and the write says which. */
        if (poll(&room, 1, 0) <= 0) {
            errno = EAGAIN;
            return -1;
        }
        return write(sink->fd, data, size < step ? size : step);
    case SINK_REOPENED:
    case SINK_DIRECT:
        break;
    }
    return write(sink->fd, data, size);
}

ssize_t sink_write(Sink *sink, const void *data, size_t size)
{
    ssize_t n;

    do
        n = write_step(sink, data, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN && sink->kind == SINK_DIRECT ? -EIO : -errno;
    return n;
}

/* Files are written at once, so there the order is kept in any case; and two open files of the same
 * inode may differ in their offset or in O_APPEND. */
bool sink_is_same(int a, int b)
{
    struct stat first, second;

    if (fstat(a, &first) < 0 || fstat(b, &second) < 0)
        return false;
    if (first.st_dev != second.st_dev || first.st_ino != second.st_ino)
        return false;
    return S_ISSOCK(first.st_mode) || S_ISFIFO(first.st_mode) || isatty(a);
}
