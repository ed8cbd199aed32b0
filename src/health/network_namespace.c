/* SPDX-License-Identifier: Apache-2.0 */
#include "health/network_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static int open_socket(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

/* The number of a process may be another's by now; not so if the process lives after we opened what
 * belongs to that number. Signal 0 asks just this; EPERM is an answer as well. */
static int open_namespace_of(pid_t pid, int pidfd)
{
    _cleanup_close_ int fd = -1;
    char path[32];

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    /* A process that is about to end has no namespaces any more. */
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : errno == EACCES ? -EPERM : -errno;
    if (pidfd_send_signal(pidfd, 0, NULL, 0) < 0 && errno != EPERM)
        return -errno;
    return TAKE_FD(fd);
}

/* The inode names the namespace, namespaces(7). */
static bool is_same(int a, int b)
{
    struct stat st_a, st_b;

    return fstat(a, &st_a) >= 0 && fstat(b, &st_b) >= 0 && st_a.st_ino == st_b.st_ino &&
            st_a.st_dev == st_b.st_dev;
}

/* Entering asks for CAP_SYS_ADMIN over the namespace that is entered, setns(2); one may have it
 * over the container's and not over our own, as root of a user namespace, and would not come back.
 * So it is our own that is entered first: that changes nothing, and tells whether the way back is
 * open. */
static int open_socket_in(int theirs, int ours, int family)
{
    int fd;

    if (setns(ours, CLONE_NEWNET) < 0 || setns(theirs, CLONE_NEWNET) < 0)
        return -errno;
    fd = open_socket(family);
    /* It was allowed an instant ago. Whatever makes it fail now, to go on in the container's
     * network would be to give it what we connect to next: better none of us than that. systemd
     * then ends the unit as for any crash. */
    if (setns(ours, CLONE_NEWNET) < 0)
        abort();
    return fd;
}

int network_namespace_open_socket(int family, pid_t pid, int pidfd, const char **ret_message)
{
    _cleanup_close_ int ours = -1, theirs = -1;
    int r;

    *ret_message = NULL;
    if (pid == 0)
        return open_socket(family);

    ours = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (ours < 0)
        return -errno;
    r = theirs = open_namespace_of(pid, pidfd);
    /* As with --network=host: there is nothing to enter, and no capability to have. */
    if (r >= 0)
        r = is_same(ours, theirs) ? open_socket(family) : open_socket_in(theirs, ours, family);
    if (r == -EPERM)
        *ret_message = "the container's network namespace is not ours to enter: that takes "
                       "CAP_SYS_ADMIN over it, which a rootless engine's containers do not give "
                       "(use exec: there)";
    else if (r == -ESRCH)
        *ret_message = "the container's first process is gone";
    return r;
}
