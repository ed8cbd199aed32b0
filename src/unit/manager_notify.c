/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/manager_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define TAKEN_SEC 5

int manager_notify_socket(char **ret)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (geteuid() == 0)
        *ret = strdup("/run/systemd/notify");
    else if (runtime)
        *ret = text_format("%s/systemd/notify", runtime);
    else
        return -ENXIO;
    return *ret ? 0 : -ENOMEM;
}

/* One control message of this type. */
static int send_with(int fd, const char *text, int type, const void *data, size_t size)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(struct ucred))];
    } control = { .header = {
                          .cmsg_len = CMSG_LEN(size),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = type,
                  } };
    struct iovec content = { (void *)text, strlen(text) };
    struct msghdr message = { .msg_iov = &content,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = CMSG_SPACE(size) };

    memcpy(CMSG_DATA(&control.header), data, size);
    return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* sd_notify_barrier(3): the manager closes our pipe when it has come that far. */
static int wait_until_taken(int fd)
{
    _cleanup_close_ int our_end = -1, their_end = -1;
    struct pollfd closed;
    int fds[2];
    int r;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    our_end = fds[0];
    their_end = fds[1];
    r = send_with(fd, "BARRIER=1", SCM_RIGHTS, &their_end, sizeof(their_end));
    if (r < 0)
        return r;
    close_p(&their_end);
    their_end = -1;

    closed = (struct pollfd){ .fd = our_end };
    r = poll(&closed, 1, TAKEN_SEC * 1000);
    return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

int manager_notify_as(const char *socket_path, pid_t pid, const char *message)
{
    const struct ucred sender = {
        .pid = pid > 0 ? pid : getpid(), .uid = geteuid(), .gid = getegid()
    };
    const struct timeval timeout = { .tv_sec = TAKEN_SEC };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd = -1;
    int r;

    if (strlen(socket_path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
            connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    r = send_with(fd, message, SCM_CREDENTIALS, &sender, sizeof(sender));
    return r < 0 ? r : wait_until_taken(fd);
}
