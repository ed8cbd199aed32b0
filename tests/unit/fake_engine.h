/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An engine that says what a test wants, on the test's own event loop: for
 * faults that a real one cannot be made to show.
 *
 * Replies are a list. A request gets the first unused one whose `request`
 * its request line begins with; without one it gets a 404 that says so. Replies
 * go out in pieces, each only when the loop has nothing else to do: so every
 * piece is read by itself.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/text.h"

#define FAKE_CONNECTIONS_MAX 64
#define FAKE_REQUESTS_MAX 64

/* What happens to the connection after a reply. */
typedef enum FakeEnd {
    FAKE_KEEP,
    FAKE_CLOSE,
    FAKE_RESET, /* the client gets ECONNRESET (TCP only) */
} FakeEnd;

typedef struct FakeReply {
    const char *request; /* "GET /v1.41/info" */
    const char *text;
    size_t size;  /* of `text`; 0: up to its NUL */
    size_t piece; /* bytes at once; 0: all */
    FakeEnd end;
    bool used;
} FakeReply;

typedef struct FakeConnection {
    struct FakeEngine *engine;
    int fd;
    sd_event_source *input, *output;
    char request[64 * 1024];
    size_t request_size;
    const FakeReply *reply;
    size_t sent;
} FakeConnection;

typedef struct FakeEngine {
    sd_event *event;
    FakeReply *replies;
    size_t replies_size;
    char directory[32];
    char address[80]; /* for engine_new() */
    int fd;
    sd_event_source *source;
    FakeConnection *connections[FAKE_CONNECTIONS_MAX];
    size_t connections_size;           /* accepted so far */
    char *requests[FAKE_REQUESTS_MAX]; /* whole: line, headers, body */
    size_t requests_connection[FAKE_REQUESTS_MAX];
    size_t requests_size;
} FakeEngine;

static inline void fake_hang_up(FakeConnection *connection)
{
    connection->input = sd_event_source_disable_unref(connection->input);
    connection->output = sd_event_source_disable_unref(connection->output);
    if (connection->fd >= 0)
        (void)close(connection->fd);
    connection->fd = -1;
}

static inline void fake_end_reply(FakeConnection *connection)
{
    struct linger at_once = { .l_onoff = 1 };
    FakeEnd end = connection->reply->end;

    connection->reply = NULL;
    (void)sd_event_source_set_enabled(connection->output, SD_EVENT_OFF);
    if (end == FAKE_RESET)
        (void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    if (end != FAKE_KEEP)
        fake_hang_up(connection);
}

static inline int fake_on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    FakeConnection *connection = userdata;
    const FakeReply *reply = connection->reply;
    size_t size = reply->size ? reply->size : strlen(reply->text);
    size_t n = size - connection->sent;
    ssize_t written;

    (void)source;
    (void)events;
    if (reply->piece > 0 && n > reply->piece)
        n = reply->piece;
    if (n > 0) {
        written = send(fd, reply->text + connection->sent, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written < 0) {
            fake_hang_up(connection);
            return 0;
        }
        connection->sent += (size_t)written;
    }
    if (connection->sent == size)
        fake_end_reply(connection);
    return 0;
}

/* The size of the request that stands whole in the buffer, or 0. */
static inline size_t fake_request_size(const FakeConnection *connection)
{
    const char *end = strstr(connection->request, "\r\n\r\n");
    const char *length = strcasestr(connection->request, "\r\nContent-Length:");
    size_t size;

    if (!end)
        return 0;
    size = (size_t)(end + 4 - connection->request);
    if (length && length < end)
        size += strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    return size <= connection->request_size ? size : 0;
}

static inline void fake_answer(FakeConnection *connection, const char *request)
{
    static const FakeReply unknown = { .text = "HTTP/1.1 404 Not Found\r\nContent-Length: 34\r\n"
                                               "\r\n{\"message\":\"nothing of that kind\"}" };
    FakeEngine *engine = connection->engine;

    connection->reply = &unknown;
    connection->sent = 0;
    for (size_t i = 0; i < engine->replies_size; i++) {
        FakeReply *reply = &engine->replies[i];

        if (!reply->used && text_starts_with(request, reply->request)) {
            reply->used = true;
            connection->reply = reply;
            break;
        }
    }
    (void)sd_event_source_set_enabled(connection->output, SD_EVENT_ON);
}

static inline int fake_on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    FakeConnection *connection = userdata;
    FakeEngine *engine = connection->engine;
    size_t room = sizeof(connection->request) - 1 - connection->request_size, size;
    ssize_t n;

    (void)source;
    (void)events;
    n = recv(fd, connection->request + connection->request_size, room, 0);
    if (n <= 0) {
        fake_hang_up(connection);
        return 0;
    }
    connection->request_size += (size_t)n;
    connection->request[connection->request_size] = '\0';

    size = fake_request_size(connection);
    if (size == 0 || engine->requests_size == FAKE_REQUESTS_MAX)
        return 0;
    engine->requests_connection[engine->requests_size] = engine->connections_size;
    for (size_t i = 0; i < engine->connections_size; i++)
        if (engine->connections[i] == connection)
            engine->requests_connection[engine->requests_size] = i;
    engine->requests[engine->requests_size] = strndup(connection->request, size);
    fake_answer(connection, engine->requests[engine->requests_size++]);
    connection->request_size -= size;
    memmove(connection->request, connection->request + size, connection->request_size + 1);
    return 0;
}

static inline int fake_on_connection(
        sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    FakeEngine *engine = userdata;
    FakeConnection *connection;
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    (void)source;
    (void)events;
    if (accepted < 0 || engine->connections_size == FAKE_CONNECTIONS_MAX)
        abort();
    connection = calloc(1, sizeof(FakeConnection));
    if (!connection)
        abort();
    connection->engine = engine;
    connection->fd = accepted;
    engine->connections[engine->connections_size++] = connection;
    if (sd_event_add_io(engine->event, &connection->input, accepted, EPOLLIN, fake_on_input,
                connection) < 0 ||
            /* epoll takes a descriptor once, and output has a priority of its own. */
            sd_event_add_io(engine->event, &connection->output, dup(accepted), EPOLLOUT,
                    fake_on_output, connection) < 0)
        abort();
    (void)sd_event_source_set_io_fd_own(connection->output, true);
    (void)sd_event_source_set_priority(connection->output, SD_EVENT_PRIORITY_IDLE);
    (void)sd_event_source_set_enabled(connection->output, SD_EVENT_OFF);
    return 0;
}

static inline int fake_listen(FakeEngine *engine, bool tcp)
{
    struct sockaddr_in inet_address = { .sin_family = AF_INET,
        .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_un unix_address = { .sun_family = AF_UNIX };
    socklen_t size = sizeof(inet_address);

    engine->fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (tcp) {
        if (bind(engine->fd, (struct sockaddr *)&inet_address, sizeof(inet_address)) < 0 ||
                getsockname(engine->fd, (struct sockaddr *)&inet_address, &size) < 0)
            return -1;
        (void)snprintf(engine->address, sizeof(engine->address), "tcp://127.0.0.1:%d",
                ntohs(inet_address.sin_port));
    } else {
        (void)snprintf(unix_address.sun_path, sizeof(unix_address.sun_path), "%s/socket",
                engine->directory);
        if (bind(engine->fd, (struct sockaddr *)&unix_address, sizeof(unix_address)) < 0)
            return -1;
        (void)snprintf(
                engine->address, sizeof(engine->address), "unix://%s/socket", engine->directory);
    }
    return listen(engine->fd, FAKE_CONNECTIONS_MAX);
}

/* `replies` must outlive it; their `used` is written. Aborts if the machine does not let it. */
static inline void fake_engine_open(
        FakeEngine *engine, sd_event *event, bool tcp, FakeReply *replies, size_t replies_size)
{
    *engine = (FakeEngine){ .event = event,
        .replies = replies,
        .replies_size = replies_size,
        .directory = "/tmp/fake-engine.XXXXXX" };
    if (!mkdtemp(engine->directory) || fake_listen(engine, tcp) < 0 ||
            sd_event_add_io(
                    event, &engine->source, engine->fd, EPOLLIN, fake_on_connection, engine) < 0)
        abort();
}

/* Says more on a connection that stays open, numbered from 0 as accepted. */
static inline void fake_engine_say(FakeEngine *engine, size_t number, const char *text)
{
    FakeConnection *connection = engine->connections[number];

    if (number >= engine->connections_size || connection->fd < 0 ||
            send(connection->fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        abort();
}

/* From now on connections are refused. */
static inline void fake_engine_stop_listening(FakeEngine *engine)
{
    engine->source = sd_event_source_disable_unref(engine->source);
    if (engine->fd >= 0)
        (void)close(engine->fd);
    engine->fd = -1;
}

static inline void fake_engine_close(FakeEngine *engine)
{
    char path[64];

    fake_engine_stop_listening(engine);
    for (size_t i = 0; i < engine->connections_size; i++) {
        fake_hang_up(engine->connections[i]);
        free(engine->connections[i]);
    }
    for (size_t i = 0; i < engine->requests_size; i++)
        free(engine->requests[i]);
    (void)snprintf(path, sizeof(path), "%s/socket", engine->directory);
    (void)unlink(path);
    (void)rmdir(engine->directory);
}
