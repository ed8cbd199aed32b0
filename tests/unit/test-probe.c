/* SPDX-License-Identifier: Apache-2.0 */

/* http and tcp probes against servers of all manners, in our own network. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "health/probe.h"
#include "probe_server.h"

#define PATIENCE_USEC (10 * USEC_PER_SEC)
/* For what ends in time: far away. And for what does not: soon. */
#define TIMEOUT_USEC (8 * USEC_PER_SEC)
#define SHORT_USEC (150 * USEC_PER_MSEC)

typedef struct Seen {
    unsigned ends;
    int result;
    char *output;
    Probe *to_cancel; /* in the handler */
} Seen;

static void on_end(int result, const char *output, size_t size, void *userdata)
{
    Seen *seen = userdata;

    assert_int_equal(strlen(output), size);
    assert_true(size <= PROBE_OUTPUT_MAX);
    assert_null(strpbrk(output, "\r\n"));
    seen->ends++;
    seen->result = result;
    free(seen->output);
    seen->output = strdup(output);
    (void)probe_cancel(seen->to_cancel);
}

static void run_until_end(sd_event *event, Seen *seen)
{
    uint64_t start, now;

    assert_true(sd_event_now(event, CLOCK_MONOTONIC, &start) >= 0);
    while (seen->ends == 0) {
        assert_true(sd_event_run(event, PATIENCE_USEC) >= 0);
        assert_true(sd_event_now(event, CLOCK_MONOTONIC, &now) >= 0);
        assert_true(now - start < PATIENCE_USEC);
    }
}

/* The probe `before`PORT`after`. */
static ProbeSpec *parse(const char *before, unsigned port, const char *after)
{
    _cleanup_free_ char *text = text_format("%s%u%s", before, port, after), *message = NULL;
    ProbeSpec *spec = NULL;

    assert_int_equal(0, probe_spec_parse(text, &spec, &message));
    return spec;
}

static void probe(sd_event *event, const ProbeSpec *spec, uint64_t timeout_usec, Seen *seen)
{
    Probe *started;

    assert_int_equal(0, probe_start(event, spec, 0, -1, timeout_usec, on_end, seen, &started));
    assert_int_equal(0, seen->ends);
    seen->to_cancel = started;
    run_until_end(event, seen);
}

/* ---- what servers say ---- */

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define KIB_OF_A                                                                                   \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    ProbeServer server;
    int result;
    const char *output; /* its beginning */
} replies[] = {
    { { .reply = OK_EMPTY }, 0, "HTTP 200 OK" },
    { { .reply = OK_EMPTY, .stays = true }, 0, "HTTP 200 OK" },
    { { .reply = "HTTP/1.0 200 Fine\r\n\r\nwell" }, 0, "HTTP 200 OK" },
    { { .reply = "HTTP/1.1 204 \r\n\r\n", .stays = true }, 0, "HTTP 204 No Content" },
    { { .reply = "HTTP/1.1 399 x\r\nContent-Length: 0\r\n\r\n" }, 0, "HTTP 399" },
    { { .reply = "HTTP/1.1 100 Continue\r\n\r\n" OK_EMPTY }, 0, "HTTP 200 OK" },
    { { .reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" }, 0,
            "HTTP 200 OK" },
    /* Not followed: there is nobody at that place. */
    { { .reply = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n"
                 "\r\n" },
            0, "HTTP 302 Found" },
    { { .reply = "HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n" }, 1, "HTTP 400 Bad Request" },
    { { .reply = "HTTP/1.1 503 no\r\n\r\n  the   database\r\n\tis\x01 away\xff\r\n" }, 1,
            "HTTP 503 Service Unavailable: the database is? away?" },
    { { .reply = "HTTP/1.1 599 x\r\nContent-Length: 2\r\n\r\n \n" }, 1, "HTTP 599:" },
    /* It is the verdict that matters, not the body; but a body that is cut is no answer. */
    { { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf" }, 1,
            "HTTP 200 OK, but the reply is not whole: " },
    { { .reply = "HTTP/1.1 200 OK\r\n\r\n", .repeat = KIB_OF_A }, 0, "HTTP 200 OK" },
    { { .reply = "HTTP/1.1 500 x\r\n\r\n", .repeat = KIB_OF_A }, 1,
            "HTTP 500 Internal Server Error: aaaa" },
    { { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", .repeat = KIB_OF_A },
            0, "HTTP 200 OK" },
    /* Headers without end, and what is no HTTP. */
    { { .reply = "HTTP/1.1 200 OK\r\n", .repeat = "X: " KIB_OF_A "\r\n" }, 1,
            "no HTTP reply from " },
    { { .reply = "HTTP/1.1 200 OK\r\n", .repeat = KIB_OF_A }, 1, "no HTTP reply from " },
    { { .reply = "HTTP/1.1 100 x\r\n\r\n", .repeat = "HTTP/1.1 100 x\r\n\r\n" }, 1,
            "no HTTP reply from " },
    { { .reply = NULL }, 1, "no HTTP reply from " },
    { { .reply = "" }, 1, "no HTTP reply from " },
    { { .reply = "SSH-2.0-OpenSSH_9.2\r\n", .stays = true }, 1, "no HTTP reply from " },
    { { .reply = "HTTP/1.1 99 x\r\n\r\n" }, 1, "no HTTP reply from " },
    { { .reply = "HTTP/1.1 101 x\r\n\r\n" }, 1, "no HTTP reply from " },
    { { .reply = "HTTP/1.1 200 OK\r\n" }, 1, "no HTTP reply from " },
    { { .reply = "HTTP/1.1 2", .is_silent = false }, 1, "no HTTP reply from " },
    /* Out of time. */
    { { .is_silent = true }, -ETIMEDOUT, "no HTTP reply from 127.0.0.1:" },
    { { .reply = "HTTP/1.1 200 OK\r\n", .repeat = "X: y\r\n", .drip_usec = 5000 }, -ETIMEDOUT,
            "no HTTP reply from 127.0.0.1:" },
    { { .reply = "H", .repeat = "T", .drip_usec = 5000 }, 1, "no HTTP reply from 127.0.0.1:" },
    { { .reply = "HTTP/1.1 200 OK\r\n\r\n", .repeat = "x", .drip_usec = 5000 }, -ETIMEDOUT,
            "HTTP 200 OK, but the reply is not whole: timed out after 150ms" },
};

static void test_replies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(replies); i++) {
        _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
        ProbeServer server = replies[i].server;
        sd_event *event;
        Seen seen = { 0 };

        assert_true(sd_event_new(&event) >= 0);
        probe_server_open(&server, event, AF_INET);
        spec = parse("http://127.0.0.1:", server.port, "/ready?full=1");
        probe(event, spec, replies[i].result == -ETIMEDOUT ? SHORT_USEC : TIMEOUT_USEC, &seen);
        if (seen.result != replies[i].result || !text_starts_with(seen.output, replies[i].output))
            fail_msg("reply %zu: %d %s", i, seen.result, seen.output);
        assert_int_equal(1, server.connections);
        probe_server_close(&server);
        (void)sd_event_unref(event);
        free(seen.output);
    }
}

/* What the server gets to see of us. */
static void test_request(void **state)
{
    static const struct {
        const char *before, *host;
        int family;
    } hosts[] = {
        { "http://127.0.0.1:", "127.0.0.1", AF_INET },
        { "http://[::1]:", "[::1]", AF_INET6 },
        { "http://localhost:", "localhost", AF_INET },
        /* Nobody listens on 127.0.0.1. */
        { "http://localhost:", "localhost", AF_INET6 },
    };

    (void)state;
    /* What people have in their environment is for what goes out. */
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    for (size_t i = 0; i < ELEMENTS(hosts); i++) {
        _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
        _cleanup_free_ char *wanted = NULL;
        ProbeServer server = { .reply = OK_EMPTY };
        sd_event *event;
        Seen seen = { 0 };

        assert_true(sd_event_new(&event) >= 0);
        probe_server_open(&server, event, hosts[i].family);
        spec = parse(hosts[i].before, server.port, "/a/../b%20?c=d");
        probe(event, spec, TIMEOUT_USEC, &seen);
        assert_int_equal(0, seen.result);
        assert_string_equal("HTTP 200 OK", seen.output);
        wanted = text_format("GET /a/../b%%20?c=d HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: "
                             "systemd-ctr/" VERSION "\r\nAccept: */*\r\nConnection: close\r\n\r\n",
                hosts[i].host, server.port);
        assert_string_equal(wanted, server.request);
        probe_server_close(&server);
        (void)sd_event_unref(event);
        free(seen.output);
    }
    (void)unsetenv("http_proxy");
}

/* ---- connections ---- */

static void test_tcp(void **state)
{
    static const struct {
        const char *before;
        int family;
        int result;
        const char *before_port, *after_port; /* of the output */
    } cases[] = {
        { "tcp://127.0.0.1:", AF_INET, 0, "connected to 127.0.0.1:", "" },
        { "tcp://[::1]:", AF_INET6, 0, "connected to [::1]:", "" },
        { "tcp://localhost:", AF_INET, 0, "connected to 127.0.0.1:", "" },
        { "tcp://localhost:", AF_INET6, 0, "connected to [::1]:", "" },
        { "tcp://127.0.0.1:", AF_INET6, 1, "connect to 127.0.0.1:", ": Connection refused" },
        { "http://127.0.0.1:", AF_INET6, 1, "connect to 127.0.0.1:", ": Connection refused" },
        { "https://[::1]:", AF_INET, 1, "connect to [::1]:", ": Connection refused" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
        _cleanup_free_ char *output = NULL;
        /* Never sends a byte: to tcp that is all the same. */
        ProbeServer server = { .is_silent = true };
        sd_event *event;
        Seen seen = { 0 };

        assert_true(sd_event_new(&event) >= 0);
        probe_server_open(&server, event, cases[i].family);
        spec = parse(cases[i].before, server.port, "");
        probe(event, spec, TIMEOUT_USEC, &seen);
        output = text_format("%s%u%s", cases[i].before_port, server.port, cases[i].after_port);
        assert_string_equal(output, seen.output);
        assert_int_equal(cases[i].result, seen.result);
        probe_server_close(&server);
        (void)sd_event_unref(event);
        free(seen.output);
    }
}

static void test_both_refused(void **state)
{
    _cleanup_(probe_spec_free_p) ProbeSpec *spec = parse("tcp://localhost:", 1, "");
    sd_event *event;
    Seen seen = { 0 };

    (void)state;
    assert_true(sd_event_new(&event) >= 0);
    probe(event, spec, TIMEOUT_USEC, &seen);
    assert_int_equal(1, seen.result);
    assert_string_equal(
            "connect to 127.0.0.1:1: Connection refused; to [::1]:1: Connection refused",
            seen.output);
    (void)sd_event_unref(event);
    free(seen.output);
}

/* The kernel takes as many as the backlog has room for; the next one waits. */
static void test_never_accepts(void **state)
{
    _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
    ProbeServer server = { 0 };
    int waiting[4];
    sd_event *event;
    Seen seen = { 0 };

    (void)state;
    assert_true(sd_event_new(&event) >= 0);
    assert_true(probe_server_listen(&server, AF_INET));
    assert_int_equal(0, listen(server.fd, 0));
    spec = parse("tcp://127.0.0.1:", server.port, "");
    for (size_t i = 0; i < ELEMENTS(waiting); i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(waiting[i], &spec->addresses[0].socket.any, spec->addresses[0].size);
    }
    probe(event, spec, SHORT_USEC, &seen);
    assert_int_equal(-ETIMEDOUT, seen.result);
    assert_non_null(strstr(seen.output, ": timed out after 150ms"));
    assert_true(text_starts_with(seen.output, "connect to 127.0.0.1:"));
    for (size_t i = 0; i < ELEMENTS(waiting); i++)
        (void)close(waiting[i]);
    (void)close(server.fd);
    (void)sd_event_unref(event);
    free(seen.output);
}

static unsigned descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Given up at any point, it leaves nothing, and its handler does not run. */
static void test_cancel(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 12; steps++) {
        _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
        ProbeServer server = { .reply = "HTTP/1.1 200 OK\r\n\r\n", .repeat = "x", .drip_usec = 99 };
        unsigned before;
        sd_event_source *timer;
        sd_event *event;
        Seen seen = { 0 };
        Probe *started;

        assert_true(sd_event_new(&event) >= 0);
        /* With the first timer the loop gets a descriptor, and keeps it. */
        assert_true(sd_event_add_time(event, &timer, CLOCK_MONOTONIC, 0, 1, NULL, NULL) >= 0);
        (void)sd_event_source_unref(timer);
        probe_server_open(&server, event, AF_INET);
        before = descriptors();
        spec = parse("http://localhost:", server.port, "/");
        assert_int_equal(0, probe_start(event, spec, 0, -1, TIMEOUT_USEC, on_end, &seen, &started));
        for (unsigned i = 0; i < steps; i++)
            assert_true(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
        assert_null(probe_cancel(started));
        probe_server_hang_up(&server);
        while (sd_event_run(event, 0) > 0)
            ;
        probe_server_hang_up(&server);
        assert_int_equal(0, seen.ends);
        assert_int_equal(before, descriptors());
        probe_server_close(&server);
        (void)sd_event_unref(event);
    }
    assert_null(probe_cancel(NULL));
}

static void test_exec_is_not_ours(void **state)
{
    _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
    _cleanup_free_ char *message = NULL;
    sd_event *event;
    Probe *started;

    (void)state;
    assert_true(sd_event_new(&event) >= 0);
    assert_int_equal(0, probe_spec_parse("exec:true", &spec, &message));
    assert_int_equal(-EINVAL, probe_start(event, spec, 0, -1, 1, on_end, NULL, &started));
    (void)sd_event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_both_refused),
        cmocka_unit_test(test_never_accepts),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_exec_is_not_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
