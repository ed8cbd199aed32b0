/* SPDX-License-Identifier: Apache-2.0 */

/* The control socket: a wrapper on its loop, and peers of all kinds as processes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "unit/control.h"

#define PATIENCE_USEC (30 * USEC_PER_SEC)

static char directory[256];
static sd_event *event;
static Control *control;
static int64_t sum;
static unsigned asked;

/* Adds up what it is asked with; "mute" gets no answer, "huge" one that is too large. */
static JsonValue *on_asked(JsonValue *question, void *userdata)
{
    JsonValue *answer;

    assert_ptr_equal(&sum, userdata);
    asked++;
    if (json_value_get(question, "mute"))
        return NULL;
    answer = json_new_object();
    if (json_value_get(question, "huge")) {
        _cleanup_free_ char *text = calloc(1, CONTROL_MESSAGE_MAX + 1);

        assert_non_null(text);
        memset(text, 'x', CONTROL_MESSAGE_MAX);
        assert_int_equal(0, json_set_string(answer, "text", text));
        return answer;
    }
    sum += json_member_integer(question, "n", 0);
    assert_int_equal(0, json_set_integer(answer, "sum", sum));
    return answer;
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/test-control-XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_true(sd_event_new(&event) >= 0);
    sum = 0;
    asked = 0;
    assert_int_equal(0, control_listen(event, directory, on_asked, &sum, &control));
    (void)alarm(60);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    control = control_free(control);
    event = sd_event_unref(event);
    (void)rmdir(directory);
    return 0;
}

static void run_until_ended(pid_t child)
{
    int status;

    while (waitpid(child, &status, WNOHANG) == 0)
        assert_true(sd_event_run(event, 2 * USEC_PER_MSEC) >= 0);
    assert_int_equal(0, status);
}

/* What the wrapper says to this, asked by another process; its exit tells whether it was `r`. */
static void assert_asked(const char *key, int64_t n, int r)
{
    pid_t child = fork();

    if (child == 0) {
        _cleanup_json_ JsonValue *question = json_new_object(), *answer = NULL;

        (void)json_set_integer(question, key, n);
        _exit(control_ask(directory, question, PATIENCE_USEC, &answer) == r &&
                                (r < 0 || json_member_integer(answer, "sum", -1) == n)
                        ? 0
                        : 1);
    }
    run_until_ended(child);
}

static void connect_to(int fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.64s/control", directory);
    assert_int_equal(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static int new_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    return fd;
}

/* Runs the loop until the other end has hung up, and returns what it said before: 0, nothing. */
static ssize_t run_until_hung_up(int fd, char *text, size_t size)
{
    ssize_t n;

    while ((n = recv(fd, text, size, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
        assert_true(sd_event_run(event, 2 * USEC_PER_MSEC) >= 0);
    return n < 0 && errno == ECONNRESET ? 0 : n;
}

static void test_question_and_answer(void **state)
{
    struct stat st;
    char path[300];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/control", directory);
    assert_int_equal(0, stat(path, &st));
    assert_int_equal(S_IFSOCK | 0600, st.st_mode);
    assert_asked("n", 7, 0);
    assert_int_equal(7, sum);
    assert_asked("mute", 1, -ECONNRESET);
    assert_asked("huge", 1, -ECONNRESET);
    control = control_free(control);
    assert_int_equal(-1, access(path, F_OK));
}

static void test_concurrent_askers_lose_none(void **state)
{
    pid_t children[3 * CONTROL_CONNECTIONS_MAX];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _cleanup_json_ JsonValue *question = json_new_object(), *answer = NULL;

            (void)json_set_integer(question, "n", 1);
            _exit(control_ask(directory, question, PATIENCE_USEC, &answer) < 0);
        }
    }
    for (size_t i = 0; i < ELEMENTS(children); i++)
        run_until_ended(children[i]);
    assert_int_equal(ELEMENTS(children), sum);
}

static void test_idle_peers_keep_nobody_out(void **state)
{
    int idle[CONTROL_CONNECTIONS_MAX];
    char text[64];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(idle); i++) {
        idle[i] = new_socket();
        connect_to(idle[i]);
    }
    /* Once their time is over. */
    assert_asked("n", 3, 0);
    for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
        assert_int_equal(0, run_until_hung_up(idle[i], text, sizeof(text)));
    for (size_t i = 0; i < ELEMENTS(idle); i++)
        (void)close(idle[i]);
    assert_int_equal(3, sum);
}

static void test_what_is_no_question_is_hung_up_on(void **state)
{
    static const char *const messages[] = { "x", "[]", "{", "{\"n\":1} {}", "null", "" };
    _cleanup_free_ char *large = malloc(CONTROL_MESSAGE_MAX + 1);
    char text[64];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(messages); i++) {
        int fd = new_socket();

        connect_to(fd);
        assert_true(send(fd, messages[i], strlen(messages[i]), 0) >= 0);
        assert_int_equal(0, run_until_hung_up(fd, text, sizeof(text)));
        (void)close(fd);
    }
    assert_non_null(large);
    for (size_t size = CONTROL_MESSAGE_MAX; size <= CONTROL_MESSAGE_MAX + 1; size++) {
        int fd = new_socket();

        memset(large, ' ', size);
        memcpy(large, "{}", 2);
        connect_to(fd);
        assert_int_equal(size, send(fd, large, size, 0));
        assert_int_equal(
                size == CONTROL_MESSAGE_MAX, run_until_hung_up(fd, text, sizeof(text)) > 0);
        (void)close(fd);
    }
    assert_int_equal(1, asked);
}

static void test_descriptors_are_not_taken(void **state)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } space = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS } };
    char question[] = "{\"n\":1}", text[64];
    struct iovec content = { question, strlen(question) };
    struct msghdr message = {
        .msg_iov = &content, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof(space)
    };
    int fds[2], fd = new_socket();

    (void)state;
    assert_int_equal(0, pipe2(fds, O_CLOEXEC | O_NONBLOCK));
    memcpy(CMSG_DATA(&space.header), &fds[1], sizeof(int));
    connect_to(fd);
    assert_int_equal(strlen(question), sendmsg(fd, &message, 0));
    (void)close(fds[1]);
    assert_true(run_until_hung_up(fd, text, sizeof(text)) > 0);
    /* Nobody has the pipe's other end any more. */
    assert_int_equal(0, read(fds[0], text, 1));
    (void)close(fds[0]);
    (void)close(fd);
}

static void test_peer_that_died_hurts_nobody(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        int fd = new_socket();

        connect_to(fd);
        if (i % 2)
            assert_int_equal(7, send(fd, "{\"n\":0}", 7, 0));
        (void)close(fd);
        assert_true(sd_event_run(event, 0) >= 0);
    }
    assert_asked("n", 2, 0);
}

static void test_strangers_are_not_heard(void **state)
{
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip();
    /* As if somebody had opened the folder to all. */
    assert_int_equal(0, chmod(directory, 0777));
    {
        char path[300];

        (void)snprintf(path, sizeof(path), "%s/control", directory);
        assert_int_equal(0, chmod(path, 0666));
    }
    child = fork();
    if (child == 0) {
        _cleanup_json_ JsonValue *question = json_new_object(), *answer = NULL;

        (void)json_set_integer(question, "n", 1);
        if (setresuid(65534, 65534, 65534) < 0)
            _exit(2);
        _exit(control_ask(directory, question, PATIENCE_USEC, &answer) == -ECONNRESET ? 0 : 1);
    }
    run_until_ended(child);
    assert_int_equal(0, asked);
}

static void test_without_a_wrapper(void **state)
{
    _cleanup_json_ JsonValue *question = json_new_object(), *answer = NULL;
    Control *other = NULL;
    char path[300];
    int fd = new_socket();
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    (void)state;
    control = control_free(control);
    assert_int_equal(-ENOENT, control_ask(directory, question, PATIENCE_USEC, &answer));
    assert_int_equal(-ENOENT, control_ask("/nowhere", question, PATIENCE_USEC, &answer));

    /* What one that was killed leaves. */
    (void)snprintf(path, sizeof(path), "%s/control", directory);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.64s/control", directory);
    assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
    (void)close(fd);
    assert_int_equal(-ECONNREFUSED, control_ask(directory, question, PATIENCE_USEC, &answer));
    assert_int_equal(0, control_listen(event, directory, on_asked, &sum, &control));
    assert_asked("n", 1, 0);
    assert_int_equal(-ENOENT, control_listen(event, "/nowhere", on_asked, &sum, &other));
}

/* One that does not answer: stopped, or stuck. */
static void test_asking_has_a_timeout(void **state)
{
    _cleanup_json_ JsonValue *question = json_new_object(), *answer = NULL;

    (void)state;
    assert_int_equal(-ETIMEDOUT, control_ask(directory, question, 50 * USEC_PER_MSEC, &answer));
}

static void test_long_path(void **state)
{
    char deep[600];
    size_t size;

    (void)state;
    control = control_free(control);
    (void)snprintf(deep, sizeof(deep), "%s/", directory);
    size = strlen(deep);
    memset(deep + size, 'x', 200);
    deep[size + 200] = '\0';
    assert_int_equal(0, mkdir(deep, 0700));
    assert_int_equal(0, control_listen(event, deep, on_asked, &sum, &control));
    {
        char before[sizeof(directory)];

        memcpy(before, directory, sizeof(directory));
        assert_true(strlen(deep) < sizeof(directory));
        memcpy(directory, deep, strlen(deep) + 1);
        assert_asked("n", 5, 0);
        memcpy(directory, before, sizeof(directory));
    }
    control = control_free(control);
    assert_int_equal(0, rmdir(deep));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_question_and_answer),
        TEST(test_concurrent_askers_lose_none),
        TEST(test_idle_peers_keep_nobody_out),
        TEST(test_what_is_no_question_is_hung_up_on),
        TEST(test_descriptors_are_not_taken),
        TEST(test_peer_that_died_hurts_nobody),
        TEST(test_strangers_are_not_heard),
        TEST(test_without_a_wrapper),
        TEST(test_asking_has_a_timeout),
        TEST(test_long_path),
    };

    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
