/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A server for probes on the test's own event loop, friendly or not. Includers include cmocka.h
 * first. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

typedef struct ProbeServer {
    /* Sent to who connects; without one the connection is closed at once. */
    const char *reply;
    bool is_silent;     /* sends nothing */
    bool stays;         /* does not close */
    const char *repeat; /* sent after it, for ever */
    uint64_t drip_usec; /* between two pieces of it; 0: as fast as they are taken */

    sd_event *event;
    int fd, client;
    uint16_t port;
    sd_event_source *accepting, *sending, *dripping, *reading;
    unsigned connections;
    size_t sent;
    char request[4096];
    size_t request_size;
} ProbeServer;

static inline void probe_server_hang_up(ProbeServer *server)
{
    server->sending = sd_event_source_disable_unref(server->sending);
    server->dripping = sd_event_source_disable_unref(server->dripping);
    server->reading = sd_event_source_disable_unref(server->reading);
    if (server->client >= 0)
        (void)close(server->client);
    server->client = -1;
}

static inline int probe_server_on_drip(sd_event_source *source, uint64_t usec, void *userdata)
{
    ProbeServer *server = userdata;

    (void)usec;
    (void)send(server->client, server->repeat, strlen(server->repeat), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sd_event_source_set_time_relative(source, server->drip_usec);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static inline int probe_server_on_send(
        sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    ProbeServer *server = userdata;

    (void)events;
    if (server->repeat) {
        if (send(fd, server->repeat, strlen(server->repeat), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        server->sent += strlen(server->repeat);
        return 0;
    }
    probe_server_hang_up(server);
    return 0;
}

/* The request is here: one piece on loopback. */
static inline int probe_server_on_read(
        sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    ProbeServer *server = userdata;
    ssize_t n = recv(fd, server->request, sizeof(server->request) - 1, MSG_DONTWAIT);

    (void)events;
    server->request_size = n > 0 ? (size_t)n : 0;
    server->request[server->request_size] = '\0';
    (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
    if (server->is_silent)
        return 0;
    (void)send(fd, server->reply, strlen(server->reply), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (server->repeat && server->drip_usec > 0)
        return sd_event_add_time_relative(server->event, &server->dripping, CLOCK_MONOTONIC,
                server->drip_usec, 1, probe_server_on_drip, server);
    if (server->repeat)
        return sd_event_add_io(
                server->event, &server->sending, fd, EPOLLOUT, probe_server_on_send, server);
    if (!server->stays)
        probe_server_hang_up(server);
    return 0;
}

static inline int probe_server_on_accept(
        sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    ProbeServer *server = userdata;

    (void)source;
    (void)events;
    probe_server_hang_up(server);
    server->client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    server->connections++;
    if (!server->reply && !server->is_silent) {
        probe_server_hang_up(server);
        return 0;
    }
    return sd_event_add_io(
            server->event, &server->reading, server->client, EPOLLIN, probe_server_on_read, server);
}

/* Listens on a port of the loopback address of `family`; on *server->port if that is set. */
static inline bool probe_server_listen(ProbeServer *server, int family)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
        .sin6_port = htons(server->port) };
    struct sockaddr_in in4 = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(server->port) };
    const struct sockaddr *address = family == AF_INET6 ? (void *)&in6 : (void *)&in4;
    struct sockaddr_storage bound;
    socklen_t size = family == AF_INET6 ? sizeof(in6) : sizeof(in4);
    int one = 1;

    server->client = -1;
    server->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->fd < 0)
        return false;
    (void)setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(server->fd, address, size) < 0 || listen(server->fd, 8) < 0)
        return false;
    size = sizeof(bound);
    (void)getsockname(server->fd, (struct sockaddr *)&bound, &size);
    server->port = ntohs(((struct sockaddr_in *)&bound)->sin_port); /* at the same place in both */
    return true;
}

static inline void probe_server_open(ProbeServer *server, sd_event *event, int family)
{
    server->event = event;
    assert_true(probe_server_listen(server, family));
    assert_true(sd_event_add_io(event, &server->accepting, server->fd, EPOLLIN,
                        probe_server_on_accept, server) >= 0);
}

static inline void probe_server_close(ProbeServer *server)
{
    probe_server_hang_up(server);
    server->accepting = sd_event_source_disable_unref(server->accepting);
    (void)close(server->fd);
}
