/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manager PATH: a service manager's notify socket at PATH. Prints each message
 * on a line of its own, "|" between its fields, and how many file descriptors
 * came with it if any did.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static size_t close_descriptors(struct msghdr *message)
{
    size_t n = 0;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
            header = CMSG_NXTHDR(message, header)) {
        int fds[253];

        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(header), n * sizeof(int));
        for (size_t i = 0; i < n; i++)
            (void)close(fds[i]);
    }
    return n;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path))
        return 2;
    strcpy(address.sun_path, argv[1]);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        perror(argv[1]);
        return 1;
    }
    for (;;) {
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))];
        char text[8192];
        struct iovec content = { text, sizeof(text) - 1 };
        struct msghdr message = { .msg_iov = &content,
            .msg_iovlen = 1,
            .msg_control = control,
            .msg_controllen = sizeof(control) };
        ssize_t size = recvmsg(fd, &message, 0);
        size_t fds;

        if (size < 0)
            return 1;
        fds = close_descriptors(&message);
        while (size > 0 && text[size - 1] == '\n')
            size--;
        text[size] = '\0';
        for (char *newline = text; (newline = strchr(newline, '\n'));)
            *newline = '|';
        printf("%s", text);
        if (fds > 0)
            printf(" with %zu file descriptors", fds);
        printf("\n");
        fflush(stdout);
    }
}
