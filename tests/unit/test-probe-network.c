/* SPDX-License-Identifier: Apache-2.0 */

/* Probes into another network namespace, for which one is root; and TLS. What cannot be had here is
 * skipped. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/text.h"
#include "health/network_namespace.h"
#include "health/probe.h"
#include "probe_server.h"

#define TIMEOUT_USEC (8 * USEC_PER_SEC)
#define PORT 8080U
/* The only port that a client gets there. */
#define CLIENT_PORT 40000U

typedef struct Seen {
    int result;
    char *output;
    sd_event *event;
} Seen;

static void on_end(int result, const char *output, size_t size, void *userdata)
{
    Seen *seen = userdata;

    (void)size;
    seen->result = result;
    free(seen->output);
    seen->output = strdup(output);
    (void)sd_event_exit(seen->event, 0);
}

static int probe(const char *text, pid_t pid, int pidfd, char **ret_output)
{
    _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
    _cleanup_free_ char *message = NULL;
    Seen seen = { 0 };
    Probe *started;

    assert_int_equal(0, probe_spec_parse(text, &spec, &message));
    assert_true(sd_event_new(&seen.event) >= 0);
    assert_int_equal(
            0, probe_start(seen.event, spec, pid, pidfd, TIMEOUT_USEC, on_end, &seen, &started));
    assert_int_equal(0, sd_event_loop(seen.event));
    (void)sd_event_unref(seen.event);
    *ret_output = seen.output;
    return seen.result;
}

static ino_t network(void)
{
    struct stat st;

    assert_int_equal(0, stat("/proc/self/ns/net", &st));
    return st.st_ino;
}

static void check(const char *text, pid_t pid, int pidfd, int result, const char *output)
{
    _cleanup_free_ char *said = NULL;
    ino_t before = network();
    int r = probe(text, pid, pidfd, &said);

    if (r != result || !text_starts_with(said, output))
        fail_msg("%s: %d %s", text, r, said);
    assert_true(before == network());
}

/* ---- a network of its own, with a server in it ---- */

static bool raise_loopback(void)
{
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) >= 0 && close(fd) >= 0;
}

static bool limit_ports(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "we");

    return file && fprintf(file, "%u %u", CLIENT_PORT, CLIENT_PORT) > 0 && fclose(file) == 0;
}

static void serve(int ready, bool limited)
{
    ProbeServer server = { .port = PORT };
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char request[1024];

    if (!raise_loopback() || !probe_server_listen(&server, AF_INET) ||
            fcntl(server.fd, F_SETFL, 0) < 0 || (limited && !limit_ports()) ||
            write(ready, "", 1) != 1)
        return;
    for (;;) {
        int fd = accept(server.fd, NULL, NULL);

        if (read(fd, request, sizeof(request)) > 0)
            (void)!write(fd, reply, sizeof(reply) - 1);
        (void)close(fd);
    }
}

/* -1: there is no such child to be had. `limited`: it has one port for clients. */
static pid_t start_child(bool limited)
{
    int ends[2];
    char said;
    pid_t pid;

    assert_int_equal(0, pipe2(ends, O_CLOEXEC));
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(ends[0]);
        if (unshare(CLONE_NEWNET) >= 0)
            serve(ends[1], limited);
        _exit(1);
    }
    (void)close(ends[1]);
    if (read(ends[0], &said, 1) != 1) {
        (void)waitpid(pid, NULL, 0);
        pid = -1;
    }
    (void)close(ends[0]);
    return pid;
}

static void end_child(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void test_other_network(void **state)
{
    pid_t pid = start_child(false);
    int pidfd;

    (void)state;
    if (pid < 0)
        skip();
    pidfd = pidfd_open(pid, 0);
    assert_true(pidfd >= 0);

    check("http://127.0.0.1:8080/", pid, pidfd, 0, "HTTP 200 OK");
    check("tcp://127.0.0.1:8080", pid, pidfd, 0, "connected to 127.0.0.1:8080");
    check("tcp://localhost:8080", pid, pidfd, 0, "connected to 127.0.0.1:8080");
    check("tcp://127.0.0.1:8081", pid, pidfd, 1, "connect to 127.0.0.1:8081: Connection refused");
    check("tcp://192.0.2.1:80", pid, pidfd, 1, "connect to 192.0.2.1:80: Network is unreachable");
    /* In ours it is not there. */
    check("tcp://127.0.0.1:8080", getpid(), pidfd, 1, "connect to 127.0.0.1:8080");

    /* The number is that of a process that lives, but not the one that was meant. */
    end_child(pid);
    check("tcp://127.0.0.1:8080", getpid(), pidfd, -ESRCH, "the container's first process is gone");
    check("tcp://127.0.0.1:8080", pid, pidfd, -ESRCH, "the container's first process is gone");
    (void)close(pidfd);
}

/* Nobody listens on the only port that clients get: the kernel connects the socket to itself. */
static void test_connects_to_itself(void **state)
{
    pid_t pid = start_child(true);
    int pidfd;

    (void)state;
    if (pid < 0)
        skip();
    pidfd = pidfd_open(pid, 0);
    check("tcp://127.0.0.1:40000", pid, pidfd, 1, "connect to 127.0.0.1:40000: Connection refused");
    end_child(pid);
    (void)close(pidfd);
}

/* ---- networks that we may not enter ---- */

/* In a process of its own, made by `become`: 0 if the socket is refused with -EPERM and the process
 * is where it was; 77 if it could not be made. */
static int refused_after(bool (*become)(void), pid_t pid)
{
    int status, pidfd, fd;
    const char *message;
    ino_t before;
    pid_t child = fork();

    if (child == 0) {
        pidfd = pidfd_open(pid, 0);
        if (!become())
            _exit(77);
        before = network();
        fd = network_namespace_open_socket(AF_INET, pid, pidfd, &message);
        _exit(fd == -EPERM && message && before == network() ? 0 : 1);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool become_nobody(void)
{
    return setresgid(65534, 65534, 65534) >= 0 && setresuid(65534, 65534, 65534) >= 0;
}

/* Root of a user namespace of its own: the way into a network made there is open, the way back is
 * not. */
static bool become_root_elsewhere(void)
{
    return unshare(CLONE_NEWUSER) >= 0;
}

static void test_unprivileged(void **state)
{
    pid_t pid = start_child(false);
    int r;

    (void)state;
    if (pid < 0)
        skip();
    r = refused_after(become_nobody, pid);
    end_child(pid);
    if (r == 77)
        skip();
    assert_int_equal(0, r);
}

static void test_no_way_back(void **state)
{
    int status, r;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        const char *message;
        ino_t before;
        pid_t pid;

        if (!become_root_elsewhere())
            _exit(77);
        pid = start_child(false);
        if (pid < 0)
            _exit(77);
        before = network();
        r = network_namespace_open_socket(AF_INET, pid, pidfd_open(pid, 0), &message);
        end_child(pid);
        _exit(r == -EPERM && message && before == network() ? 0 : 1);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(0, WEXITSTATUS(status));
}

/* ---- TLS ---- */

/* A server that shows a certificate that nobody has signed; -1: there is no openssl here. */
static pid_t start_tls_server(char *directory, unsigned *ret_port)
{
    static const char script[] =
            "cd \"$0\" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
            "-nodes "
            "-keyout key -out cert -subj /CN=elsewhere.example -days 1 2>/dev/null && "
            "exec openssl s_server -accept 127.0.0.1:0 -cert cert -key key -www 2>/dev/null";
    int ends[2];
    char line[128];
    FILE *output;
    pid_t pid;

    assert_int_equal(0, pipe2(ends, O_CLOEXEC));
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execl("/bin/sh", "sh", "-c", script, directory, NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    output = fdopen(ends[0], "r");
    *ret_port = 0;
    while (*ret_port == 0 && fgets(line, sizeof(line), output))
        (void)sscanf(line, "ACCEPT 127.0.0.1:%u", ret_port);
    (void)fclose(output);
    if (*ret_port > 0)
        return pid;
    end_child(pid);
    return -1;
}

static void test_tls(void **state)
{
    char directory[] = "/tmp/test-probe-XXXXXX";
    _cleanup_free_ char *https = NULL, *http = NULL, *files = NULL;
    unsigned port;
    pid_t pid;

    (void)state;
    assert_non_null(mkdtemp(directory));
    pid = start_tls_server(directory, &port);
    if (pid > 0) {
        https = text_format("https://localhost:%u/", port);
        http = text_format("http://127.0.0.1:%u/", port);
        check(https, 0, -1, 0, "HTTP 200 OK");
        check(http, 0, -1, 1, "no HTTP reply from 127.0.0.1:");
        end_child(pid);
    }
    files = text_format("rm -r %s", directory);
    assert_int_equal(0, system(files));
    if (pid < 0)
        skip();
}

static void test_tls_with_who_speaks_none(void **state)
{
    ProbeServer server = { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" };
    _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
    _cleanup_free_ char *text = NULL, *message = NULL;
    Seen seen = { 0 };
    Probe *started;

    (void)state;
    assert_true(sd_event_new(&seen.event) >= 0);
    probe_server_open(&server, seen.event, AF_INET);
    text = text_format("https://127.0.0.1:%u/", server.port);
    assert_int_equal(0, probe_spec_parse(text, &spec, &message));
    assert_int_equal(
            0, probe_start(seen.event, spec, 0, -1, TIMEOUT_USEC, on_end, &seen, &started));
    assert_int_equal(0, sd_event_loop(seen.event));
    assert_int_equal(1, seen.result);
    assert_true(text_starts_with(seen.output, "no HTTP reply from 127.0.0.1:"));
    probe_server_close(&server);
    (void)sd_event_unref(seen.event);
    free(seen.output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_network),
        cmocka_unit_test(test_connects_to_itself),
        cmocka_unit_test(test_unprivileged),
        cmocka_unit_test(test_no_way_back),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tls_with_who_speaks_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
