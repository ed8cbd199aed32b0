/* SPDX-License-Identifier: Apache-2.0 */
/*
 * say [OPTION]... FIELD...: sends the fields, a line each, as one message to
 * $NOTIFY_SOCKET, as a service would, or one would that means ill. Static, since
 * it runs in containers of any image. Exits with 1 if it cannot send.
 *
 *   -f N   sends N file descriptors along
 *   -b     then BARRIER=1, and waits until it is let go of, for 5 s at most
 *   -n N   sends the message N times; the first field may have a %d for which
 *   -d MS  waits between them
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_MAX 253 /* SCM_MAX_FD */

static void fail(const char *what)
{
    fprintf(stderr, "say: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void send_message(const char *text, size_t size, const int *fds, size_t fds_size)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = { 0 };
    struct iovec content = { (void *)text, size };
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &content, .msg_iovlen = 1
    };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    if (fd < 0 || !path || strlen(path) >= sizeof(address.sun_path))
        fail("no socket");
    strcpy(address.sun_path, path);
    if (fds_size > 0) {
        struct cmsghdr *header = (struct cmsghdr *)control;

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds_size * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fds_size * sizeof(int));
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds_size * sizeof(int));
    }
    if (sendmsg(fd, &message, 0) < 0)
        fail(path);
    close(fd);
}

static void wait_for_barrier(void)
{
    struct pollfd end;
    int fds[2];

    if (pipe(fds) < 0)
        fail("pipe");
    send_message("BARRIER=1", 9, &fds[1], 1);
    close(fds[1]);
    end = (struct pollfd){ .fd = fds[0], .events = 0 };
    if (poll(&end, 1, 5000) != 1) {
        errno = ETIMEDOUT;
        fail("BARRIER=1");
    }
}

int main(int argc, char **argv)
{
    static char format[8192], text[8192];
    int option, times = 1, delay = 0, fds[FDS_MAX];
    size_t fds_size = 0, size = 0;
    bool barrier = false;

    while ((option = getopt(argc, argv, "f:bn:d:")) != -1)
        switch (option) {
        case 'f':
            fds_size = (size_t)atoi(optarg) % (FDS_MAX + 1);
            break;
        case 'b':
            barrier = true;
            break;
        case 'n':
            times = atoi(optarg);
            break;
        case 'd':
            delay = atoi(optarg);
            break;
        default:
            return 2;
        }
    for (size_t i = 0; i < fds_size; i++)
        fds[i] = open("/dev/null", O_RDONLY);
    for (; optind < argc && size < sizeof(format); optind++)
        size += (size_t)snprintf(
                format + size, sizeof(format) - size, "%s%s", size ? "\n" : "", argv[optind]);
    for (int i = 0; i < times; i++) {
        const char *number = strstr(format, "%d");

        /* No more of printf(3) than that. */
        if (number)
            snprintf(text, sizeof(text), "%.*s%d%s", (int)(number - format), format, i, number + 2);
        send_message(number ? text : format, strlen(number ? text : format), fds, fds_size);
        if (delay > 0)
            usleep((unsigned)delay * 1000);
    }
    if (barrier)
        wait_for_barrier();
    return 0;
}
