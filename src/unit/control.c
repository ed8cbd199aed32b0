/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

/* To send a question and to take the answer. */
#define CONNECTION_USEC (5 * USEC_PER_SEC)
#define SOCKET_NAME "control"
#define QUEUE_LENGTH 128
#define ACCEPTED_PER_SEC_MAX 1000

typedef struct Connection {
    Control *control;
    struct Connection *next;
    int fd;
    sd_event_source *readable;
    sd_event_source *timeout;
} Connection;

struct Control {
    sd_event *event;
    int directory; /* O_PATH */
    int fd;
    sd_event_source *source;
    Connection *connections;
    unsigned connections_size;
    ControlHandler handler;
    void *userdata;
};

static int open_directory(const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static int check_peer(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;
    return peer.uid == 0 || peer.uid == geteuid() ? 0 : -EPERM;
}

/* One message. Descriptors that come along are none of ours: without room for them the kernel
 * closes them. -ECONNRESET: the other end is closed. */
static int receive(int fd, JsonValue **ret)
{
    _cleanup_free_ char *text = malloc(CONTROL_MESSAGE_MAX);
    _cleanup_json_ JsonValue *value = NULL;
    struct iovec content = { text, CONTROL_MESSAGE_MAX };
    struct msghdr message = { .msg_iov = &content, .msg_iovlen = 1 };
    ssize_t n;
    int r;

    if (!text)
        return -ENOMEM;
    n = recvmsg(fd, &message, 0);
    if (n < 0)
        return -errno;
    if (n == 0)
        return -ECONNRESET;
    if (message.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    r = json_value_parse(text, (size_t)n, &value);
    if (r < 0)
        return r;
    if (!json_value_is_object(value))
        return -EBADMSG;
    *ret = TAKE_PTR(value);
    return 0;
}

static int send_value(int fd, JsonValue *value)
{
    const char *text = json_value_format(value);
    size_t size = text ? strlen(text) : 0;

    if (!text)
        return -ENOMEM;
    if (size > CONTROL_MESSAGE_MAX)
        return -EMSGSIZE;
    return send(fd, text, size, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void connection_free(Connection *connection)
{
    Control *control = connection->control;
    Connection **link = &control->connections;

    while (*link != connection)
        link = &(*link)->next;
    *link = connection->next;
    control->connections_size--;

    (void)sd_event_source_disable_unref(connection->readable);
    (void)sd_event_source_disable_unref(connection->timeout);
    close_p(&connection->fd);
    free(connection);
    /* There is room for one more. */
    (void)sd_event_source_set_enabled(control->source, SD_EVENT_ON);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source, (void)usec;
    connection_free(userdata);
    return 0;
}

static int on_question(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Connection *connection = userdata;
    Control *control = connection->control;
    _cleanup_json_ JsonValue *question = NULL, *answer = NULL;
    int r;

    (void)source, (void)revents;
    r = receive(fd, &question);
    if (r == -EAGAIN || r == -EINTR)
        return 0;
    if (r >= 0)
        answer = control->handler(question, control->userdata);
    /* The queue of a fresh connection has room; whoever has closed it does not want to know. */
    if (answer)
        (void)send_value(fd, answer);
    connection_free(connection);
    return 0;
}

static int connection_new(Control *control, int fd)
{
    Connection *connection = malloc(sizeof(*connection));
    int r;

    if (!connection) {
        (void)close(fd);
        return -ENOMEM;
    }
    *connection = (Connection){ .control = control, .next = control->connections, .fd = fd };
    control->connections = connection;
    control->connections_size++;

    r = check_peer(fd);
    if (r >= 0)
        r = sd_event_add_io(
                control->event, &connection->readable, fd, EPOLLIN, on_question, connection);
    if (r >= 0)
        r = sd_event_add_time_relative(control->event, &connection->timeout, CLOCK_MONOTONIC,
                CONNECTION_USEC, 0, on_timeout, connection);
    if (r < 0)
        connection_free(connection);
    return r;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Control *control = userdata;
    int connected;

    (void)revents;
    connected = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connected >= 0)
        (void)connection_new(control, connected);
    /* The others wait in the queue until a connection ends. */
    if (control->connections_size >= CONTROL_CONNECTIONS_MAX)
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
    return 0;
}

static int bind_in(int directory, int fd)
{
    struct sockaddr_un address = file_socket_address(directory, SOCKET_NAME);

    /* One wrapper at a time has this container: what lies here is a dead one's. */
    if (unlinkat(directory, SOCKET_NAME, 0) < 0 && errno != ENOENT)
        return -errno;
    /* unix(7): the socket's mode, less the umask, becomes the file's. So nobody gets in before. */
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return listen(fd, QUEUE_LENGTH) < 0 ? -errno : 0;
}

int control_listen(sd_event *event, const char *directory, ControlHandler handler, void *userdata,
        Control **ret)
{
    _cleanup_(control_free_p) Control *control = malloc(sizeof(*control));
    int r;

    if (!control)
        return -ENOMEM;
    *control = (Control){ .event = sd_event_ref(event),
        .directory = -1,
        .fd = -1,
        .handler = handler,
        .userdata = userdata };
    control->directory = open_directory(directory);
    if (control->directory < 0)
        return control->directory;
    control->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->fd < 0)
        return -errno;
    r = bind_in(control->directory, control->fd);
    if (r < 0)
        return r;
    r = sd_event_add_io(event, &control->source, control->fd, EPOLLIN, on_connection, control);
    if (r >= 0)
        /* Where accept4(2) fails for want of descriptors, the loop must not spin. */
        r = sd_event_source_set_ratelimit(control->source, USEC_PER_SEC, ACCEPTED_PER_SEC_MAX);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(control);
    return 0;
}

Control *control_free(Control *control)
{
    if (!control)
        return NULL;
    while (control->connections)
        connection_free(control->connections);
    (void)sd_event_source_disable_unref(control->source);
    (void)sd_event_unref(control->event);
    if (control->fd >= 0) {
        (void)close(control->fd);
        (void)unlinkat(control->directory, SOCKET_NAME, 0);
    }
    close_p(&control->directory);
    free(control);
    return NULL;
}

/* connect(2), send(2) and recv(2) keep to it, connect(2) also while the queue is full. */
static int set_timeouts(int fd, uint64_t usec)
{
    const struct timeval timeout = { .tv_sec = (time_t)(usec / USEC_PER_SEC),
        .tv_usec = (suseconds_t)(usec % USEC_PER_SEC) };

    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
        return -errno;
    return 0;
}

static int ask(int directory, int fd, JsonValue *question, JsonValue **ret)
{
    struct sockaddr_un address = file_socket_address(directory, SOCKET_NAME);
    int r;

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    r = check_peer(fd);
    if (r >= 0)
        r = send_value(fd, question);
    if (r >= 0)
        r = receive(fd, ret);
    return r == -EPIPE ? -ECONNRESET : r;
}

int control_ask(const char *directory, JsonValue *question, uint64_t timeout_usec, JsonValue **ret)
{
    _cleanup_close_ int parent = open_directory(directory);
    _cleanup_close_ int fd = -1;
    int r;

    if (parent < 0)
        return parent;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    r = set_timeouts(fd, timeout_usec);
    if (r >= 0)
        r = ask(parent, fd, question, ret);
    return r == -EAGAIN || r == -EINPROGRESS ? -ETIMEDOUT : r;
}
