/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/parse.h"
#include "base/text.h"

/*
 * sd_notify(3) of libsystemd sends with a blocking socket: once the manager's queue is full (11
 * messages on a kernel that nobody tuned), the call waits for as long as the manager does not read.
 * The supervisor may not stand still for that, so we speak the protocol, which sd_notify(3)
 * declares stable, on a socket of our own that does not block.
 */

typedef enum Field {
    FIELD_MAIN_PID,
    FIELD_READY,
    FIELD_STOPPING,
    FIELD_EXTEND_TIMEOUT,
    FIELD_WATCHDOG,
    FIELD_EXIT_STATUS,
    FIELD_ERRNO,
    FIELD_STATUS,
    FIELD_COUNT_,
} Field;

static const char *const field_names[FIELD_COUNT_] = {
    [FIELD_MAIN_PID] = "MAINPID",
    [FIELD_READY] = "READY",
    [FIELD_STOPPING] = "STOPPING",
    [FIELD_EXTEND_TIMEOUT] = "EXTEND_TIMEOUT_USEC",
    [FIELD_WATCHDOG] = "WATCHDOG",
    [FIELD_EXIT_STATUS] = "EXIT_STATUS",
    [FIELD_ERRNO] = "ERRNO",
    [FIELD_STATUS] = "STATUS",
};

#define MESSAGE_MAX (FIELD_COUNT_ * 64 + NOTIFY_STATUS_MAX)

/* There is one unit and one environment for a process, and so one of this. */
static struct {
    int fd; /* connected, or -1 */
    sd_event *event;
    sd_event_source *source; /* of `fd`; on while something is pending */
    bool pending[FIELD_COUNT_];
    char values[FIELD_COUNT_][NOTIFY_STATUS_MAX + 1];
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

static void flush(void);

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    (void)source, (void)fd, (void)revents, (void)userdata;
    flush();
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

static int send_pending(void)
{
    char text[MESSAGE_MAX];
    struct iovec content = { .iov_base = text };
    struct msghdr message = { .msg_iov = &content, .msg_iovlen = 1 };
    int r;

    for (Field field = 0; field < FIELD_COUNT_; field++)
        if (state.pending[field])
            content.iov_len +=
                    (size_t)snprintf(text + content.iov_len, sizeof(text) - content.iov_len,
                            "%s=%s\n", field_names[field], state.values[field]);
    if (content.iov_len == 0)
        return 0;

    r = send_message(&message);
    if (r >= 0)
        memset(state.pending, 0, sizeof(state.pending));
    return r;
}

/* What could not be sent stays pending. Only a full queue is waited for: nobody tells when a
 * manager that is not there comes back, so that is tried again with the next call. */
static void flush(void)
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
    flush();
}

void notify_close(void)
{
    close_socket();
    state.event = sd_event_unref(state.event);
    memset(state.pending, 0, sizeof(state.pending));
    memset(state.values, 0, sizeof(state.values));
}

static void set(Field field, const char *value)
{
    (void)snprintf(state.values[field], sizeof(state.values[field]), "%s", value);
    state.pending[field] = true;
}

static void set_number(Field field, uint64_t number)
{
    (void)snprintf(
            state.values[field], sizeof(state.values[field]), "%llu", (unsigned long long)number);
    state.pending[field] = true;
}

/* `text` may hold anything, and is made into what one line of a message can carry. */
static void set_status(char *text)
{
    size_t size;

    text_make_printable(text);
    size = strlen(text);
    if (size > NOTIFY_STATUS_MAX) {
        size = NOTIFY_STATUS_MAX;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
            size--;
        text[size] = '\0';
    }
    if (!text_equal(text, state.values[FIELD_STATUS]))
        set(FIELD_STATUS, text);
}

static _printf_(1, 0) void set_status_from(const char *format, va_list arguments)
{
    /* Longer than what is sent: a sequence that is cut here is none that is shown. */
    char text[NOTIFY_STATUS_MAX + 8];

    if (vsnprintf(text, sizeof(text), format, arguments) >= 0)
        set_status(text);
}

static _printf_(1, 2) void set_status_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_status_from(format, arguments);
    va_end(arguments);
}

/* For those that carry a status line or NULL. */
static void add_status(const char *status)
{
    if (status)
        set_status_line("%s", status);
}

void notify_ready(const char *status)
{
    set(FIELD_READY, "1");
    add_status(status);
    flush();
}

void notify_status(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_status_from(format, arguments);
    va_end(arguments);
    flush();
}

void notify_stopping(const char *status)
{
    set(FIELD_STOPPING, "1");
    add_status(status);
    flush();
}

void notify_watchdog(void)
{
    set(FIELD_WATCHDOG, "1");
    flush();
}

void notify_watchdog_trigger(void)
{
    set(FIELD_WATCHDOG, "trigger");
    flush();
}

void notify_extend_timeout(uint64_t usec)
{
    set_number(FIELD_EXTEND_TIMEOUT, usec);
    flush();
}

void notify_main_pid(pid_t pid)
{
    set_number(FIELD_MAIN_PID, (uint64_t)pid);
    flush();
}

void notify_exit(int exit_status, int error, const char *status)
{
    set_number(FIELD_EXIT_STATUS, (uint64_t)exit_status);
    if (error < 0)
        set_number(FIELD_ERRNO, (uint64_t)-error);
    add_status(status);
    flush();
}

static uint64_t monotonic_usec(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

/* 0: `events` or a hang-up; -ETIMEDOUT. `deadline`: CLOCK_MONOTONIC. */
static int wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd ready = { .fd = fd, .events = events };

    for (;;) {
        uint64_t now = monotonic_usec();
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
    uint64_t deadline = monotonic_usec() + timeout_usec;
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

int notify_watchdog_period(uint64_t *ret_usec)
{
    return sd_watchdog_enabled(false, ret_usec);
}
