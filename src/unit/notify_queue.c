/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/notify_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "unit/notify.h"
#include "unit/notify_filter.h"

/*
 * sd_notify(3) of libsystemd sends with a blocking socket: once the manager's queue is full (11
 * messages on a kernel that nobody tuned), the call waits for as long as the manager does not read.
 * The supervisor may not stand still for that, so we speak the protocol, which sd_notify(3)
 * declares stable, on a socket of our own that does not block.
 */

static const char *const field_names[FIELD_COUNT_] = {
    [FIELD_MAIN_PID] = "MAINPID",
    [FIELD_READY] = "READY",
    [FIELD_RELOADING] = "RELOADING",
    [FIELD_STOPPING] = "STOPPING",
    [FIELD_MONOTONIC] = "MONOTONIC_USEC",
    [FIELD_EXTEND_TIMEOUT] = "EXTEND_TIMEOUT_USEC",
    [FIELD_WATCHDOG] = "WATCHDOG",
    [FIELD_EXIT_STATUS] = "EXIT_STATUS",
    [FIELD_ERRNO] = "ERRNO",
    [FIELD_BUS_ERROR] = "BUSERROR",
    [FIELD_STATUS] = "STATUS",
};

#define MESSAGE_MAX (FIELD_COUNT_ * 64 + NOTIFY_BUS_ERROR_MAX + NOTIFY_STATUS_MAX)
/* READY, RELOADING, STOPPING */
#define PHASES_MAX 3

/* There is one unit and one environment for a process, and so one of this. */
static struct {
    int fd; /* connected, or -1 */
    sd_event *event;
    sd_event_source *source; /* of `fd`; on while something is pending */
    bool pending[FIELD_COUNT_];
    char values[FIELD_COUNT_][NOTIFY_STATUS_MAX + 1];
    /* The phases that are pending, in their order. Of several in one message systemd takes the
     * last (core/service.c), so each goes in one of its own: a reload that it was not told of has
     * no end for it. */
    NotifyField phases[PHASES_MAX];
    size_t phases_size;
} state = { .fd = -1 };

/* The size of the address, 0: there is none. A path, or "@" and an abstract name (unix(7)); the
 * vsock addresses of sd_notify(3) are for a virtual machine's PID 1, not for services. */
static socklen_t find_address(struct sockaddr_un *ret)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t size = path ? strlen(path) : 0;

    if (size < 2 || (path[0] != '/' && path[0] != '@') || size >= sizeof(ret->sun_path))
        return 0;

    memset(ret, 0, sizeof(*ret));
    ret->sun_family = AF_UNIX;
    memcpy(ret->sun_path, path, size);
    if (path[0] == '/')
        size++;
    else
        ret->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

bool notify_is_wanted(void)
{
    struct sockaddr_un address;

    return find_address(&address) > 0;
}

static void close_socket(void)
{
    state.source = sd_event_source_disable_unref(state.source);
    if (state.fd >= 0)
        (void)close(TAKE_FD(state.fd));
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    (void)source, (void)fd, (void)revents, (void)userdata;
    notify_queue_flush();
    return 0;
}

/* Connected, so that poll(2) tells about the room in the manager's queue, not in ours. */
static int open_socket(void)
{
    _cleanup_close_ int fd = -1;
    struct sockaddr_un address;
    socklen_t size;

    if (state.fd >= 0)
        return 0;

    size = find_address(&address);
    if (size == 0)
        return -ENOTCONN;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0)
        return -errno;
    state.fd = TAKE_FD(fd);
    return 0;
}

/* -EAGAIN: no room in the manager's queue. */
static int send_message(const struct msghdr *message)
{
    int r = 0;

    /* The second round is for a manager whose socket is another one by now. */
    for (int round = 0; round < 2; round++) {
        r = open_socket();
        if (r < 0)
            return r;
        if (sendmsg(state.fd, message, MSG_NOSIGNAL) >= 0)
            return 0;
        r = -errno;
        if (r == -EAGAIN)
            return r;
        close_socket();
    }
    return r;
}

static bool is_phase(NotifyField field)
{
    return field == FIELD_READY || field == FIELD_RELOADING || field == FIELD_STOPPING;
}

/* Sends those of the fields that are pending. */
static int send_fields(const bool fields[FIELD_COUNT_])
{
    char text[MESSAGE_MAX];
    struct iovec content = { .iov_base = text };
    struct msghdr message = { .msg_iov = &content, .msg_iovlen = 1 };
    int r;

    for (NotifyField field = 0; field < FIELD_COUNT_; field++)
        if (fields[field] && state.pending[field])
            content.iov_len +=
                    (size_t)snprintf(text + content.iov_len, sizeof(text) - content.iov_len,
                            "%s=%s\n", field_names[field], state.values[field]);
    if (content.iov_len == 0)
        return 0;

    r = send_message(&message);
    for (NotifyField field = 0; r >= 0 && field < FIELD_COUNT_; field++)
        state.pending[field] = state.pending[field] && !fields[field];
    return r;
}

/* All phases but the last go first and alone, a reload with its time. */
static int send_pending(void)
{
    bool fields[FIELD_COUNT_];
    int r;

    while (state.phases_size > 1) {
        memset(fields, 0, sizeof(fields));
        fields[state.phases[0]] = true;
        fields[FIELD_MONOTONIC] = state.phases[0] == FIELD_RELOADING;
        r = send_fields(fields);
        if (r < 0)
            return r;
        memmove(state.phases, state.phases + 1, --state.phases_size * sizeof(state.phases[0]));
    }
    memset(fields, true, sizeof(fields));
    r = send_fields(fields);
    if (r >= 0)
        state.phases_size = 0;
    return r;
}

/* What could not be sent stays pending. Only a full queue is waited for: nobody tells when a
 * manager that is not there comes back, so that is tried again with the next call. */
void notify_queue_flush(void)
{
    int r = send_pending();

    if (r == -EAGAIN && state.event && !state.source)
        (void)sd_event_add_io(state.event, &state.source, state.fd, EPOLLOUT, on_writable, NULL);
    else if (r != -EAGAIN)
        state.source = sd_event_source_disable_unref(state.source);
}

void notify_attach(sd_event *event)
{
    close_socket();
    (void)sd_event_unref(state.event);
    state.event = sd_event_ref(event);
    notify_queue_flush();
}

void notify_close(void)
{
    close_socket();
    state.event = sd_event_unref(state.event);
    memset(state.pending, 0, sizeof(state.pending));
    memset(state.values, 0, sizeof(state.values));
    state.phases_size = 0;
}

/* The newest one is the last. */
static void note_phase(NotifyField field)
{
    size_t kept = 0;

    for (size_t i = 0; i < state.phases_size; i++)
        if (state.phases[i] != field)
            state.phases[kept++] = state.phases[i];
    state.phases[kept] = field;
    state.phases_size = kept + 1;
}

void notify_queue_set(NotifyField field, const char *value)
{
    /* A trigger cannot be taken back by a ping. */
    if (field == FIELD_WATCHDOG && text_equal(notify_queue_newest(field), "trigger") &&
            state.pending[field])
        return;
    (void)snprintf(state.values[field], sizeof(state.values[field]), "%s", value);
    state.pending[field] = true;
    if (is_phase(field))
        note_phase(field);
}

const char *notify_queue_newest(NotifyField field)
{
    return state.values[field];
}

/* 0: `events` or a hang-up; -ETIMEDOUT. `deadline`: CLOCK_MONOTONIC. */
static int wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd ready = { .fd = fd, .events = events };

    for (;;) {
        uint64_t now = now_usec();
        uint64_t left = deadline > now ? deadline - now : 0;
        struct timespec timeout = { .tv_sec = (time_t)(left / USEC_PER_SEC),
            .tv_nsec = (long)(left % USEC_PER_SEC * NSEC_PER_USEC) };
        int n = ppoll(&ready, 1, &timeout, NULL);

        if (n > 0)
            return 0;
        if (n == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

/* sd_notify_barrier(3): the manager closes what came with BARRIER=1 when it has come that far. */
static int send_barrier(int fd)
{
    static char text[] = "BARRIER=1";
    struct iovec content = { .iov_base = text, .iov_len = strlen(text) };
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {
        .header = {
            .cmsg_len = CMSG_LEN(sizeof(int)),
            .cmsg_level = SOL_SOCKET,
            .cmsg_type = SCM_RIGHTS,
        },
    };
    struct msghdr message = {
        .msg_iov = &content,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };

    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    return send_message(&message);
}

int notify_barrier(uint64_t timeout_usec)
{
    uint64_t deadline = now_usec() + timeout_usec;
    _cleanup_close_ int our_end = -1, their_end = -1;
    int fds[2];
    int r;

    if (!notify_is_wanted())
        return 0;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    our_end = fds[0];
    their_end = fds[1];

    for (;;) {
        r = send_pending();
        if (r >= 0)
            r = send_barrier(their_end);
        if (r != -EAGAIN)
            break;
        r = wait_for(state.fd, POLLOUT, deadline);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;

    close_p(&their_end);
    their_end = -1;
    return wait_for(our_end, 0, deadline);
}
