/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A service manager as a unit's process sees it: the socket of NOTIFY_SOCKET.
 * Includers include cmocka.h and what it needs first.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct Manager {
    int fd;
    char directory[64];
    char path[96];
    char message[4096];
} Manager;

/* Listens anew at `path`: what was queued before is gone. */
static inline void manager_listen(Manager *manager)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    (void)unlink(manager->path);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", manager->path);
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(manager->fd >= 0);
    assert_int_equal(0, bind(manager->fd, (struct sockaddr *)&address, sizeof(address)));
}

static inline void manager_go(Manager *manager)
{
    (void)close(manager->fd);
    manager->fd = -1;
}

static inline void manager_open(Manager *manager)
{
    (void)snprintf(manager->directory, sizeof(manager->directory), "/tmp/test-notify-XXXXXX");
    assert_non_null(mkdtemp(manager->directory));
    (void)snprintf(manager->path, sizeof(manager->path), "%s/notify", manager->directory);
    manager_listen(manager);
    assert_int_equal(0, setenv("NOTIFY_SOCKET", manager->path, 1));
}

static inline void manager_close(Manager *manager)
{
    (void)unsetenv("NOTIFY_SOCKET");
    if (manager->fd >= 0)
        (void)close(manager->fd);
    (void)unlink(manager->path);
    (void)rmdir(manager->directory);
}

/* The oldest message, or "" where there is none. *ret_fd: the descriptor that came with it or -1,
 * the caller's; NULL: it is closed. */
static inline const char *manager_read_fd(Manager *manager, int *ret_fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec content = { manager->message, sizeof(manager->message) - 1 };
    struct msghdr message = { .msg_iov = &content,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control) };
    struct cmsghdr *header;
    int fd = -1;
    ssize_t n = recvmsg(manager->fd, &message, MSG_CMSG_CLOEXEC);

    assert_true(n >= 0 || errno == EAGAIN);
    manager->message[n < 0 ? 0 : n] = '\0';
    header = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    if (ret_fd)
        *ret_fd = fd;
    else if (fd >= 0)
        (void)close(fd);
    return manager->message;
}

static inline const char *manager_read(Manager *manager)
{
    return manager_read_fd(manager, NULL);
}

/* Fills the queue up: not one message more has room. How many there are. */
static inline unsigned manager_fill(Manager *manager)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    unsigned n = 0, before;

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", manager->path);
    /* A long queue (systemd sets net.unix.max_dgram_qlen to 512) takes more than one sender has
     * buffer for. */
    do {
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        before = n;
        while (sendto(fd, "X=1", 3, 0, (struct sockaddr *)&address, sizeof(address)) == 3)
            n++;
        assert_int_equal(EAGAIN, errno);
        (void)close(fd);
    } while (n > before);
    return n;
}
