/* SPDX-License-Identifier: Apache-2.0 */

/* The container's socket: who is heard, what becomes of descriptors, of floods, of the files. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/text.h"
#include "unit/notify_proxy.h"

static sd_event *event;
static NotifyProxy *proxy;
static char top[64], directory[512], path[600];

/* What came. */
static unsigned messages;
static NotifyMessage newest;
static char statuses[4096];
/* What to say of senders, and whom it was asked about. */
static NotifySender verdict;
static pid_t asked_for;
static int fds_at_message;
/* The end that hears when a barrier's descriptor is let go of. */
static int barrier = -1;
static bool was_barrier_up;

static int count_fds(void)
{
    DIR *open_fds = opendir("/proc/self/fd");
    int n = 0;

    assert_non_null(open_fds);
    while (readdir(open_fds))
        n++;
    (void)closedir(open_fds);
    return n;
}

/* What was sent along is at its end: nobody else has the other end of the pipe. */
static bool is_let_go(int reader)
{
    struct pollfd end = { .fd = reader, .events = POLLIN };

    return poll(&end, 1, 0) == 1 && (end.revents & POLLHUP);
}

static void on_message(const NotifyMessage *message, void *userdata)
{
    assert_ptr_equal(&newest, userdata);
    messages++;
    newest = *message;
    fds_at_message = count_fds();
    was_barrier_up = barrier >= 0 && !is_let_go(barrier);
    if (message->has_status && strlen(statuses) + strlen(message->status) < sizeof(statuses) - 2) {
        (void)strcat(statuses, message->status);
        (void)strcat(statuses, " ");
    }
}

static NotifySender identify(pid_t pid, void *userdata)
{
    assert_ptr_equal(&newest, userdata);
    asked_for = pid;
    return verdict;
}

static const NotifyProxyHandlers handlers = {
    .on_message = on_message,
    .identify = identify,
    .userdata = &newest,
};

static int set_up(void **state)
{
    (void)state;
    (void)alarm(20);
    (void)snprintf(top, sizeof(top), "/tmp/test-notify-proxy-XXXXXX");
    assert_non_null(mkdtemp(top));
    (void)snprintf(directory, sizeof(directory), "%s/containers/web/notify", top);
    (void)snprintf(path, sizeof(path), "%s/" NOTIFY_PROXY_SOCKET, directory);
    messages = 0;
    statuses[0] = '\0';
    newest = (NotifyMessage){ 0 };
    verdict = NOTIFY_SENDER_CONTAINER;
    assert_true(sd_event_new(&event) >= 0);
    assert_int_equal(0, notify_proxy_new(event, directory, &handlers, &proxy));
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    proxy = notify_proxy_free(proxy);
    event = sd_event_unref(event);
    (void)snprintf(command, sizeof(command), "rm -rf %s", top);
    return system(command);
}

/* By a path that fits into an address, for one that does not. */
static int send_to(const char *to, const void *data, size_t size, const int *fds, size_t fds_size)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
    struct iovec content = { (void *)(uintptr_t)data, size };
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &content, .msg_iovlen = 1
    };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

    assert_true(fd >= 0);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", to);
    if (fds_size > 0) {
        struct cmsghdr *header = (struct cmsghdr *)control;

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds_size * sizeof(int));
        (void)memcpy(CMSG_DATA(header), fds, fds_size * sizeof(int));
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds_size * sizeof(int));
    }
    r = sendmsg(fd, &message, MSG_DONTWAIT) < 0 ? -errno : 0;
    (void)close(fd);
    return r;
}

static int send_text(const char *text)
{
    return send_to(path, text, strlen(text), NULL, 0);
}

/* Lets the loop do what there is to do. */
static void run(void)
{
    while (sd_event_run(event, 20 * USEC_PER_MSEC) > 0)
        ;
}

static void test_message(void **state)
{
    (void)state;
    assert_int_equal(0, send_text("READY=1\nSTATUS=up\nMAINPID=1"));
    run();
    assert_int_equal(1, messages);
    assert_int_equal(NOTIFY_PHASE_READY, newest.phase);
    assert_string_equal("up", newest.status);
    assert_int_equal(getpid(), asked_for);
    /* Nothing of it passes. */
    assert_int_equal(0, send_text("MAINPID=1"));
    assert_int_equal(0, send_text(""));
    run();
    assert_int_equal(1, messages);
}

static void test_modes(void **state)
{
    struct stat st;
    char above[600];
    mode_t mask;

    (void)state;
    /* Whatever the unit's UMask= is. */
    proxy = notify_proxy_free(proxy);
    mask = umask(0077);
    assert_int_equal(0, notify_proxy_new(event, directory, &handlers, &proxy));
    assert_int_equal(0077, umask(mask));
    assert_int_equal(0, stat(path, &st));
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(0666, st.st_mode & 07777);
    assert_int_equal(0, stat(directory, &st));
    assert_int_equal(0755, st.st_mode & 07777);
    (void)snprintf(above, sizeof(above), "%s/containers/web", top);
    assert_int_equal(0, stat(above, &st));
    assert_int_equal(0700, st.st_mode & 07777);

    proxy = notify_proxy_free(proxy);
    assert_int_equal(-1, access(directory, F_OK));
    assert_int_equal(0, access(above, F_OK));
}

static void test_foreign_senders_are_not_heard(void **state)
{
    (void)state;
    verdict = NOTIFY_SENDER_OTHER;
    assert_int_equal(0, send_text("READY=1"));
    run();
    assert_int_equal(0, messages);
    verdict = NOTIFY_SENDER_GONE;
    assert_int_equal(0, send_text("READY=1"));
    run();
    assert_int_equal(1, messages);
}

static void test_credentials_are_those_of_the_sender(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        _exit(send_text("READY=1") == 0 ? 0 : 1);
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, status);
    run();
    assert_int_equal(1, messages);
    assert_int_equal(child, asked_for);
}

static void test_descriptors_never_become_ours(void **state)
{
    static const size_t counts[] = { 1, 2, 3, 16, 253 };
    int pipe_fds[2], many[253], before;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(counts); i++) {
        assert_int_equal(0, pipe2(pipe_fds, O_CLOEXEC));
        for (size_t n = 0; n < counts[i]; n++)
            many[n] = pipe_fds[1];
        assert_int_equal(0, send_to(path, "FDSTORE=1\nSTATUS=x", 18, many, counts[i]));
        (void)close(pipe_fds[1]);
        assert_false(is_let_go(pipe_fds[0]));
        before = count_fds();
        run();
        assert_int_equal(i + 1, messages);
        assert_int_equal(before, fds_at_message);
        assert_int_equal(before, count_fds());
        assert_true(is_let_go(pipe_fds[0]));
        (void)close(pipe_fds[0]);
    }

    /* Those of whom nobody listens to, and of what is no message, too. */
    verdict = NOTIFY_SENDER_OTHER;
    assert_int_equal(0, pipe2(pipe_fds, O_CLOEXEC));
    assert_int_equal(0, send_to(path, "READY=1", 7, &pipe_fds[1], 1));
    assert_int_equal(0, send_to(path, "", 0, &pipe_fds[1], 1));
    (void)close(pipe_fds[1]);
    before = count_fds();
    run();
    assert_int_equal(before, count_fds());
    assert_true(is_let_go(pipe_fds[0]));
    (void)close(pipe_fds[0]);
}

static void test_barrier(void **state)
{
    int pipe_fds[2];

    (void)state;
    assert_int_equal(0, pipe2(pipe_fds, O_CLOEXEC));
    barrier = pipe_fds[0];
    assert_int_equal(0, send_text("STATUS=long"));
    assert_int_equal(0, send_text("STATUS=before"));
    assert_int_equal(0, send_to(path, "BARRIER=1", 9, &pipe_fds[1], 1));
    assert_int_equal(0, send_text("STATUS=after"));
    (void)close(pipe_fds[1]);
    assert_false(is_let_go(barrier));
    /* It falls when what was said before has been heard, not earlier. */
    assert_int_equal(1, sd_event_run(event, USEC_PER_SEC));
    assert_string_equal("before ", statuses);
    assert_true(was_barrier_up);
    run();
    assert_true(is_let_go(barrier));
    assert_string_equal("before after ", statuses);
    (void)close(barrier);
    barrier = -1;
}

static void test_datagrams_of_any_size(void **state)
{
    static char text[100000];

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "READY=1\nSTATUS=", 15);
    assert_int_equal(0, send_to(path, text, NOTIFY_DATAGRAM_MAX, NULL, 0));
    run();
    assert_int_equal(1, messages);
    assert_int_equal(0, send_to(path, text, NOTIFY_DATAGRAM_MAX + 1, NULL, 0));
    assert_int_equal(0, send_to(path, text, NOTIFY_DATAGRAM_MAX + 2, NULL, 0));
    assert_int_equal(0, send_to(path, text, sizeof(text), NULL, 0));
    assert_int_equal(0, send_text("STOPPING=1"));
    run();
    assert_int_equal(2, messages);
    assert_int_equal(NOTIFY_PHASE_STOPPING, newest.phase);
    assert_false(newest.has_status);
}

static uint64_t now(void)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * USEC_PER_SEC + (uint64_t)at.tv_nsec / NSEC_PER_USEC;
}

/* As fast as it goes, for 2.5 s, by a process of its own. */
static void test_flood(void **state)
{
    pid_t child = fork();
    uint64_t end = now() + 2500 * USEC_PER_MSEC;
    struct timespec used;
    unsigned wake_ups = 0;
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        char text[64];

        for (unsigned i = 0; now() < end; i++) {
            (void)snprintf(
                    text, sizeof(text), "STATUS=%u\n%s", i, i % 2 == 0 ? "READY=1" : "RELOADING=1");
            (void)send_text(text);
        }
        _exit(0);
    }
    while (now() < end)
        wake_ups += sd_event_run(event, 50 * USEC_PER_MSEC) > 0;
    assert_int_equal(child, waitpid(child, &status, 0));
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    print_message("# flood: %u messages, %u wake-ups, CPU of the test until now %ld ms\n", messages,
            wake_ups, (long)used.tv_sec * 1000 + used.tv_nsec / 1000000);
    /* 20 wake-ups a second, two messages each, and one interval's slack. */
    assert_in_range(messages, 40, 160);
    assert_true(wake_ups < 160);
}

static void test_statuses_of_a_flood_become_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        char text[32];

        (void)snprintf(text, sizeof(text), "STATUS=%u", i);
        assert_int_equal(0, send_text(text));
    }
    run();
    assert_string_equal("7 ", statuses);
}

static void test_order_of_phases_is_kept(void **state)
{
    (void)state;
    assert_int_equal(0, send_text("STATUS=a"));
    assert_int_equal(0, send_text("RELOADING=1\nMONOTONIC_USEC=7\nSTATUS=b"));
    assert_int_equal(0, send_text("READY=1\nSTATUS=c"));
    assert_int_equal(0, send_text("STOPPING=1\nSTATUS=d"));
    run();
    assert_string_equal("b c d ", statuses);
    assert_int_equal(NOTIFY_PHASE_STOPPING, newest.phase);
}

static void test_last_words(void **state)
{
    (void)state;
    assert_int_equal(0, send_text("RELOADING=1\nSTATUS=a"));
    assert_int_equal(0, send_text("READY=1\nSTATUS=b"));
    assert_int_equal(0, send_text("STOPPING=1\nERRNO=5"));
    notify_proxy_drain(proxy);
    assert_int_equal(3, messages);
    assert_int_equal(5, newest.error);
    notify_proxy_drain(proxy);
    assert_int_equal(3, messages);
    notify_proxy_drain(NULL);
}

static void test_successor_takes_over(void **state)
{
    NotifyProxy *successor;

    (void)state;
    /* The first was killed: its socket lies there. */
    assert_int_equal(0, notify_proxy_new(event, directory, &handlers, &successor));
    assert_int_equal(0, send_text("STATUS=x"));
    run();
    assert_string_equal("x ", statuses);
    /* What is another's by now is left alone. */
    proxy = notify_proxy_free(proxy);
    assert_int_equal(0, send_text("STATUS=y"));
    run();
    assert_string_equal("x y ", statuses);
    (void)notify_proxy_free(successor);
    assert_int_equal(-1, access(directory, F_OK));
}

static void test_socket_is_removed_under_it(void **state)
{
    (void)state;
    assert_int_equal(0, unlink(path));
    assert_int_equal(-ENOENT, send_text("READY=1"));
    run();
    /* A file of somebody else's stays, and so does the directory. */
    assert_int_equal(0, symlink("/etc/passwd", path));
    proxy = notify_proxy_free(proxy);
    assert_int_equal(0, access(directory, F_OK));
    assert_int_equal(0, access("/etc/passwd", F_OK));

    /* A link is replaced, not followed. */
    assert_int_equal(0, notify_proxy_new(event, directory, &handlers, &proxy));
    assert_int_equal(0, send_text("STATUS=z"));
    run();
    assert_string_equal("z ", statuses);
    proxy = notify_proxy_free(proxy);
    assert_int_equal(-1, access(directory, F_OK));
}

static void test_long_path(void **state)
{
    NotifyProxy *other;
    char deep[400], link[80];

    (void)state;
    (void)snprintf(deep, sizeof(deep), "%s/containers/%0200d/notify", top, 0);
    assert_int_equal(0, notify_proxy_new(event, deep, &handlers, &other));
    (void)snprintf(link, sizeof(link), "%s/link", top);
    assert_int_equal(0, symlink(deep, link));
    (void)strcat(link, "/" NOTIFY_PROXY_SOCKET);
    assert_int_equal(0, send_to(link, "STATUS=deep", 11, NULL, 0));
    run();
    assert_string_equal("deep ", statuses);
    (void)notify_proxy_free(other);
    assert_int_equal(-1, access(deep, F_OK));
}

static void test_errors(void **state)
{
    NotifyProxy *other = NULL;
    char below[sizeof(path) + 16];
    int before = count_fds();

    (void)state;
    /* A file where a directory is to be. */
    (void)snprintf(below, sizeof(below), "%s/x/notify", path);
    assert_int_equal(-ENOTDIR, notify_proxy_new(event, below, &handlers, &other));
    assert_null(other);
    assert_int_equal(before, count_fds());
    assert_null(notify_proxy_free(NULL));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_message),
        TEST(test_modes),
        TEST(test_foreign_senders_are_not_heard),
        TEST(test_credentials_are_those_of_the_sender),
        TEST(test_descriptors_never_become_ours),
        TEST(test_barrier),
        TEST(test_datagrams_of_any_size),
        TEST(test_flood),
        TEST(test_statuses_of_a_flood_become_one),
        TEST(test_order_of_phases_is_kept),
        TEST(test_last_words),
        TEST(test_successor_takes_over),
        TEST(test_socket_is_removed_under_it),
        TEST(test_long_path),
        TEST(test_errors),
    };

    return cmocka_run_group_tests_name("notify proxy", tests, NULL, NULL);
}
