/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/notify_proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

/*
 * What a container that floods the socket costs: 640 datagrams a second are read, and at most two
 * messages for each wake-up go on. What comes faster waits in the socket, whose queue is bounded
 * (net.unix.max_dgram_qlen), and then in its sender.
 */
#define WAKE_UPS_IN_INTERVAL 20
#define INTERVAL_USEC USEC_PER_SEC
#define CLOSE_MAX_USEC 50000
#define DATAGRAMS_AT_ONCE 32
/* More than a queue of systemd's usual length (512) has. */
#define DRAINS_MAX 17

struct NotifyProxy {
    NotifyProxyHandlers handlers;
    char *directory;
    int directory_fd;
    int fd;
    struct stat socket; /* ours, to be known again */
    sd_event_source *source;
};

/* The PID of SCM_CREDENTIALS, which the kernel vouches for; 0: of another PID namespace. */
static int sender_of(struct msghdr *header, pid_t *ret)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    struct ucred credentials;

    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS ||
            control->cmsg_len != CMSG_LEN(sizeof(credentials)))
        return -EBADMSG;
    (void)memcpy(&credentials, CMSG_DATA(control), sizeof(credentials));
    *ret = credentials.pid;
    return 0;
}

/*
 * A sender that is gone is believed: who sends one message and ends, as systemd-notify(1) did, is
 * often gone by the time it is read, and has no cgroup any more. That gives nothing away. The
 * socket can be reached by root of the host, and by who has the mount of its directory: the
 * container. What the check is for is another process of the host that was given this socket by
 * mistake, say by a NOTIFY_SOCKET that was passed on.
 *
 * The PID could have a new owner by now. That one would be asked for its cgroup and the message
 * dropped, or belong to the container as well. SCM_PIDFD would settle it, from Linux 6.5 on, and
 * would put a descriptor into our table for each datagram.
 */
static bool is_welcome(const NotifyProxy *proxy, pid_t pid)
{
    NotifySender sender = NOTIFY_SENDER_GONE;

    if (pid > 0)
        sender = proxy->handlers.identify(pid, proxy->handlers.userdata);
    return sender != NOTIFY_SENDER_OTHER;
}

static volatile sig_atomic_t has_waited;

static void on_alarm(int number)
{
    (void)number;
    has_waited = 1;
}

/* Between these two no system call waits for longer than CLOSE_MAX_USEC, again and again. */
static void limit_wait(bool limited)
{
    const struct itimerval limit = { .it_interval.tv_usec = CLOSE_MAX_USEC,
        .it_value.tv_usec = CLOSE_MAX_USEC };
    const struct itimerval none = { 0 };

    if (limited)
        has_waited = 0;
    (void)setitimer(ITIMER_REAL, limited ? &limit : &none, NULL);
}

/*
 * The control buffer has room for the credentials alone, which come first (unix(7); scm_recv() in
 * the kernel). So descriptors that were sent along are never put into our table: the kernel lets go
 * of them within recvmsg(2). Nothing leaks, whatever is sent. But if ours is the last reference,
 * that is where a file is closed, and closing may wait: a socket with SO_LINGER for its data to go
 * out. A signal ends such a wait.
 *
 * It is also all that BARRIER=1 asks for, as long as everything that was sent before it has been
 * handled by then: take() sees to that.
 *
 * 1: something passes; 0: nothing of it; -EAGAIN: there is none.
 */
static int receive(NotifyProxy *proxy, NotifyMessage *ret)
{
    char datagram[NOTIFY_DATAGRAM_MAX + 1]; /* what fills it is too large for the filter */
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec content = { .iov_base = datagram, .iov_len = sizeof(datagram) };
    struct msghdr header = {
        .msg_iov = &content,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };
    ssize_t size;
    pid_t pid;
    int r;

    limit_wait(true);
    do
        size = recvmsg(proxy->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    r = size < 0 ? -errno : 0;
    limit_wait(false);
    if (r < 0)
        return r;
    if (sender_of(&header, &pid) < 0 || !is_welcome(proxy, pid))
        return 0;
    return notify_filter(datagram, (size_t)size, ret);
}

static bool is_barrier_next(const NotifyProxy *proxy)
{
    static const char barrier[] = "BARRIER=1";
    char text[sizeof(barrier) - 1];

    return recv(proxy->fd, text, sizeof(text), MSG_PEEK | MSG_DONTWAIT) == sizeof(text) &&
            memcmp(text, barrier, sizeof(text)) == 0;
}

/* False: the socket is empty. */
static bool take(NotifyProxy *proxy)
{
    NotifyMessage kept = { 0 }, message;
    bool has_kept = false, has_more = true;

    /* If a receive had to wait, so had the others of the loop. */
    has_waited = 0;
    for (unsigned i = 0; i < DATAGRAMS_AT_ONCE && !has_waited; i++) {
        int r;

        if (has_kept && is_barrier_next(proxy))
            break;
        r = receive(proxy, &message);
        has_more = r >= 0;
        if (!has_more)
            break;
        if (r == 0)
            continue;
        if (!has_kept) {
            kept = message;
            has_kept = true;
        } else if (!notify_message_merge(&kept, &message)) {
            proxy->handlers.on_message(&kept, proxy->handlers.userdata);
            kept = message;
            break;
        }
    }
    if (has_kept)
        proxy->handlers.on_message(&kept, proxy->handlers.userdata);
    return has_more;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)fd;
    (void)events;
    (void)take(userdata);
    return 0;
}

void notify_proxy_drain(NotifyProxy *proxy)
{
    for (unsigned i = 0; proxy && i < DRAINS_MAX; i++)
        if (!take(proxy))
            return;
}

/* With this very mode, whatever the umask is and whoever made it. */
static int make_directory(const char *path, mode_t mode)
{
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return -errno;
    return chmod(path, mode) < 0 ? -errno : 0;
}

static int open_directory(const char *path, int *ret)
{
    _cleanup_free_ char *parent = strdup(path), *above = NULL;
    char *slash;
    int r, fd;

    slash = parent ? strrchr(parent, '/') : NULL;
    if (!slash)
        return -ENOMEM;
    *slash = '\0';
    above = strdup(parent);
    slash = above ? strrchr(above, '/') : NULL;
    if (!slash)
        return above ? -EINVAL : -ENOMEM;
    *slash = '\0';

    r = *above ? directory_make(above, 0700) : 0;
    if (r >= 0)
        r = make_directory(parent, 0700);
    if (r >= 0)
        r = make_directory(path, 0755);
    if (r < 0)
        return r;
    fd = open(path, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret = fd;
    return 0;
}

bool notify_proxy_is_there(const char *directory)
{
    _cleanup_close_ int fd = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    _cleanup_close_ int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = file_socket_address(fd, NOTIFY_PROXY_SOCKET);

    return fd >= 0 && socket_fd >= 0 &&
            connect(socket_fd, (struct sockaddr *)&address, sizeof(address)) >= 0;
}

/* What a privileged container may have put there is replaced, never followed: hence no
 * chmod(2). */
static int bind_socket(NotifyProxy *proxy)
{
    struct sockaddr_un address = file_socket_address(proxy->directory_fd, NOTIFY_PROXY_SOCKET);
    mode_t mask;
    int one = 1, r;

    if (unlinkat(proxy->directory_fd, NOTIFY_PROXY_SOCKET, 0) < 0 && errno != ENOENT)
        return -errno;
    proxy->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (proxy->fd < 0)
        return -errno;
    if (setsockopt(proxy->fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0)
        return -errno;
    mask = umask(0111);
    r = bind(proxy->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    (void)umask(mask);
    if (r >= 0 &&
            fstatat(proxy->directory_fd, NOTIFY_PROXY_SOCKET, &proxy->socket, AT_SYMLINK_NOFOLLOW) <
                    0)
        r = -errno;
    return r;
}

int notify_proxy_new(sd_event *event, const char *directory, const NotifyProxyHandlers *handlers,
        NotifyProxy **ret)
{
    _cleanup_(notify_proxy_free_p) NotifyProxy *proxy = calloc(1, sizeof(*proxy));
    int r;

    *ret = NULL;
    if (!proxy)
        return -ENOMEM;
    (void)sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
    proxy->handlers = *handlers;
    proxy->directory_fd = proxy->fd = -1;
    r = text_replace(&proxy->directory, directory);
    if (r >= 0)
        r = open_directory(directory, &proxy->directory_fd);
    if (r >= 0)
        r = bind_socket(proxy);
    if (r >= 0)
        r = sd_event_add_io(event, &proxy->source, proxy->fd, EPOLLIN, on_readable, proxy);
    if (r >= 0)
        r = sd_event_source_set_ratelimit(proxy->source, INTERVAL_USEC, WAKE_UPS_IN_INTERVAL);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(proxy);
    return 0;
}

NotifyProxy *notify_proxy_free(NotifyProxy *proxy)
{
    struct stat now;

    if (!proxy)
        return NULL;
    (void)sd_event_source_disable_unref(proxy->source);
    if (proxy->socket.st_ino != 0 &&
            fstatat(proxy->directory_fd, NOTIFY_PROXY_SOCKET, &now, AT_SYMLINK_NOFOLLOW) >= 0 &&
            now.st_dev == proxy->socket.st_dev && now.st_ino == proxy->socket.st_ino)
        (void)unlinkat(proxy->directory_fd, NOTIFY_PROXY_SOCKET, 0);
    /* With what nobody received. */
    limit_wait(true);
    close_p(&proxy->fd);
    limit_wait(false);
    close_p(&proxy->directory_fd);
    if (proxy->directory)
        (void)rmdir(proxy->directory);
    free(proxy->directory);
    free(proxy);
    return NULL;
}
