/* SPDX-License-Identifier: Apache-2.0 */

/* What goes wrong between us and an engine, and what is too much of a good thing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine_rig.h"

#define HEAD(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void inspect(Rig *rig, uint64_t timeout_usec, Seen *seen)
{
    unsigned before = seen->ends;

    assert_int_equal(
            0, engine_inspect(rig->engine, "web", timeout_usec, on_seen_end, seen, &seen->call));
    rig_run_until(rig, &seen->ends, before + 1);
}

/* ---- no connection ---- */

static void check_no_connection(const char *address, int error, const char *message)
{
    sd_event *event = NULL;
    Seen seen = { 0 };
    Rig rig = { 0 };
    char *complaint = NULL;

    assert_true(sd_event_new(&event) >= 0);
    rig.event = event;
    assert_int_equal(0, engine_new(event, address, &rig.engine, &complaint));
    inspect(&rig, USEC_INFINITY, &seen);
    assert_int_equal(error, seen.error);
    assert_int_equal(0, seen.status);
    assert_string_equal(message, seen.message);
    seen_clear(&seen);
    rig.engine = engine_free(rig.engine);
    (void)sd_event_unref(event);
}

static void test_no_connection(void **state)
{
    char address[80], message[160];
    Rig rig;

    (void)state;
    check_no_connection("unix:///nowhere/docker.sock", -ENOENT,
            "cannot connect to unix:///nowhere/docker.sock: No such file or directory");
    check_no_connection("unix:///etc/passwd/docker.sock", -ENOTDIR,
            "cannot connect to unix:///etc/passwd/docker.sock: Not a directory");
    check_no_connection("unix:///etc/passwd", -ECONNREFUSED,
            "cannot connect to unix:///etc/passwd: Connection refused");

    for (int tcp = 0; tcp < 2; tcp++) {
        rig_open_at(&rig, tcp, NULL, 0);
        fake_engine_stop_listening(&rig.fake);
        (void)snprintf(address, sizeof(address), "%s", rig.fake.address);
        (void)snprintf(message, sizeof(message), "cannot connect to %s: Connection refused",
                rig.fake.address);
        check_no_connection(address, -ECONNREFUSED, message);
        rig_close(&rig);
    }
}

/* ---- broken replies ---- */

static const struct {
    const char *name, *reply;
    int error, status;
    FakeEnd end;
} faults[] = {
    { "nothing", "", -ECONNRESET, 0, FAKE_CLOSE },
    { "half a line", "HTTP/1.1 2", -ECONNRESET, 0, FAKE_CLOSE },
    { "half the headers", "HTTP/1.1 200 OK\r\nContent-Le", -ECONNRESET, 0, FAKE_CLOSE },
    { "interim only", "HTTP/1.1 100 Continue\r\n\r\n", -ECONNRESET, 0, FAKE_CLOSE },
    { "half the body", HEAD("9") "{", -ECONNRESET, 200, FAKE_CLOSE },
    { "half a chunk", CHUNKED "9\r\n{", -ECONNRESET, 200, FAKE_CLOSE },
    { "no last chunk", CHUNKED "2\r\n{}\r\n", -ECONNRESET, 200, FAKE_CLOSE },
    { "half an error", "HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n{", -ECONNRESET, 404,
            FAKE_CLOSE },
    { "no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", -EBADMSG, 0, FAKE_CLOSE },
    { "no HTTP, and goes on", "SSH-2.0-OpenSSH_9.2\r\n", -EBADMSG, 0, FAKE_KEEP },
    { "noise", "\x16\x03\x01\x02\x03\x04\x05\x06\x07\x08", -EBADMSG, 0, FAKE_KEEP },
    { "status 42", "HTTP/1.1 042 What\r\n\r\n", -EBADMSG, 0, FAKE_KEEP },
    { "status 999", "HTTP/1.1 999 What\r\n\r\n", -EBADMSG, 0, FAKE_KEEP },
    { "another protocol", "HTTP/1.1 101 Switching\r\nUpgrade: tcp\r\n\r\n", -EBADMSG, 0,
            FAKE_KEEP },
    { "no header", "HTTP/1.1 200 OK\r\nContent\rLength: 2\r\n\r\n{}", -EBADMSG, 0, FAKE_KEEP },
    { "no chunk", CHUNKED "xyz\r\n", -EBADMSG, 200, FAKE_KEEP },
    { "no number", HEAD("x9") "{}", -EBADMSG, 0, FAKE_KEEP },
};

static void check_fault(size_t i, bool tcp, size_t piece)
{
    FakeReply reply = {
        .request = "", .text = faults[i].reply, .piece = piece, .end = faults[i].end
    };
    Seen seen = { 0 };
    Rig rig;

    rig_open_at(&rig, tcp, &reply, 1);
    inspect(&rig, USEC_INFINITY, &seen);
    if (getenv("VERBOSE"))
        print_message("%s, pieces of %zu: %s\n", faults[i].name, piece, seen.message);
    assert_int_equal(faults[i].error, seen.error);
    assert_int_equal(faults[i].status, seen.status);
    assert_non_null(strstr(seen.message, rig.fake.address));
    assert_null(seen.body);
    assert_int_equal(1, rig.fake.requests_size);
    seen_clear(&seen);
    rig_close(&rig);
}

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(faults); i++)
        for (unsigned n = 0; n < 4; n++)
            check_fault(i, n & 1, n >> 1);
}

static void test_reset(void **state)
{
    static const char *const replies[] = { "", "HTTP/1.1 200 OK\r\n", HEAD("9") "{" };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(replies); i++) {
        FakeReply reply = { .request = "", .text = replies[i], .end = FAKE_RESET };
        Seen seen = { 0 };
        Rig rig;

        rig_open_at(&rig, true, &reply, 1);
        inspect(&rig, USEC_INFINITY, &seen);
        assert_int_equal(-ECONNRESET, seen.error);
        seen_clear(&seen);
        rig_close(&rig);
    }
}

static void test_timeout(void **state)
{
    static const char *const replies[] = { "", "HTTP/1.1 200 OK\r\n", HEAD("9") "{" };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(replies); i++) {
        FakeReply reply = { .request = "", .text = replies[i] };
        uint64_t start, end;
        Seen seen = { 0 };
        Rig rig;

        rig_open(&rig, &reply, 1);
        assert_true(sd_event_now(rig.event, CLOCK_MONOTONIC, &start) >= 0);
        inspect(&rig, 50 * USEC_PER_MSEC, &seen);
        assert_true(sd_event_now(rig.event, CLOCK_MONOTONIC, &end) >= 0);
        assert_int_equal(-ETIMEDOUT, seen.error);
        assert_non_null(strstr(seen.message, "in time"));
        assert_true(end - start >= 49 * USEC_PER_MSEC);
        seen_clear(&seen);
        rig_close(&rig);
    }
}

/* ---- too much ---- */

/* `before` + `fill` bytes of `with` + `after`. The caller's. */
static char *padded(const char *before, size_t fill, char with, const char *after)
{
    size_t head = strlen(before);
    char *text = malloc(head + fill + strlen(after) + 1);

    assert_non_null(text);
    memcpy(text, before, head);
    memset(text + head, with, fill);
    memcpy(text + head + fill, after, strlen(after) + 1);
    return text;
}

static void check_inspect(char *text, int error)
{
    FakeReply reply = { .request = "", .text = text, .end = FAKE_CLOSE };
    Seen seen = { 0 };
    Rig rig;

    rig_open(&rig, &reply, 1);
    inspect(&rig, USEC_INFINITY, &seen);
    assert_int_equal(error, seen.error);
    seen_clear(&seen);
    rig_close(&rig);
    free(text);
}

static void check_event(char *text, int error, unsigned items)
{
    static const char *const actions[] = { "die", NULL };
    FakeReply reply = { .request = "", .text = text, .end = FAKE_CLOSE };
    Seen seen = { 0 };
    const EngineStream stream = seen_stream(&seen);
    Rig rig;

    rig_open(&rig, &reply, 1);
    assert_int_equal(0, engine_events(rig.engine, "a", actions, &stream, NULL));
    rig_run_until(&rig, &seen.ends, 1);
    assert_int_equal(error, seen.error);
    assert_int_equal(items, seen.items);
    seen_clear(&seen);
    rig_close(&rig);
    free(text);
}

static void test_bounds(void **state)
{
    static const char bare[] = "HTTP/1.1 200 OK\r\n\r\n", page[] = "HTTP/1.1 404 No\r\n\r\n";
    char deep[64];

    (void)state;
    check_inspect(padded("HTTP/1.1 200 OK\r\nX: ", HTTP_HEADERS_MAX - 25, 'x', "\r\n\r\n{}"), 0);
    check_inspect(padded("HTTP/1.1 200 OK\r\nX: ", HTTP_HEADERS_MAX, 'x', "\r\n\r\n{}"), -EBADMSG);
    check_inspect(padded("HTTP/1.1 200 OK\r\nX: ", 300000, 'x', "\r\n\r\n{}"), -EBADMSG);

    check_inspect(padded(bare, ENGINE_REPLY_MAX - 2, ' ', "{}"), 0);
    check_inspect(padded(bare, ENGINE_REPLY_MAX - 1, ' ', "{}"), -EBADMSG);
    check_inspect(padded(page, ENGINE_REPLY_MAX, 'x', ""), 0);
    check_inspect(padded(page, ENGINE_REPLY_MAX + 1, 'x', ""), -EBADMSG);

    check_event(padded("HTTP/1.1 200 OK\r\n\r\n{\"a\":\"", ENGINE_LINE_MAX - 8, 'x', "\"}\n"),
            -ECONNRESET, 1);
    check_event(padded("HTTP/1.1 200 OK\r\n\r\n{\"a\":\"", ENGINE_LINE_MAX - 7, 'x', "\"}\n"),
            -EBADMSG, 0);
    (void)snprintf(deep, sizeof(deep), "%s{\"a\":", bare);
    check_event(padded(deep, 2 * JSON_DEPTH_MAX, '[', "}\n"), -EBADMSG, 0);
}

/* ---- kept connections ---- */

static void test_reuse(void **state)
{
    FakeReply replies[] = {
        { .request = "GET", .text = HEAD("2") "{}" },
        { .request = "GET", .text = HEAD("2") "{}", .end = FAKE_CLOSE },
        { .request = "GET", .text = HEAD("2") "{}" },
    };
    Seen seen = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, replies, ELEMENTS(replies));
    for (size_t i = 0; i < ELEMENTS(replies); i++) {
        inspect(&rig, USEC_INFINITY, &seen);
        assert_true(seen.ok);
        /* Lets the fake engine close what it wants to. */
        rig_run_idle(&rig, 1);
    }
    assert_int_equal(0, rig.fake.requests_connection[0]);
    assert_int_equal(0, rig.fake.requests_connection[1]);
    assert_int_equal(1, rig.fake.requests_connection[2]);
    seen_clear(&seen);
    rig_close(&rig);
}

/* The engine goes just when a kept connection is used: what only asks is asked again. */
static void test_retry(void **state)
{
    FakeReply replies[] = {
        { .request = "GET", .text = HEAD("2") "{}" },
        { .request = "GET", .text = "", .end = FAKE_CLOSE },
        { .request = "GET", .text = HEAD("2") "{}" },
    };
    Seen seen = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, replies, ELEMENTS(replies));
    inspect(&rig, USEC_INFINITY, &seen);
    inspect(&rig, USEC_INFINITY, &seen);
    assert_true(seen.ok);
    assert_int_equal(3, rig.fake.requests_size);
    seen_clear(&seen);
    rig_close(&rig);
}

/* And what does something is never sent twice. */
static void test_no_retry(void **state)
{
    FakeReply replies[] = {
        { .request = "GET", .text = HEAD("2") "{}" },
        { .request = "POST", .text = "", .end = FAKE_CLOSE },
        { .request = "DELETE", .text = "", .end = FAKE_CLOSE },
        { .request = "POST", .text = "HTTP/1.1 204 No Content\r\n\r\n" },
        { .request = "GET", .text = HEAD("2") "{}" },
    };
    Seen seen = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, replies, ELEMENTS(replies));
    inspect(&rig, USEC_INFINITY, &seen);
    assert_int_equal(0, engine_start(rig.engine, "web", on_seen_end, &seen, NULL));
    rig_run_until(&rig, &seen.ends, 2);
    assert_int_equal(-ECONNRESET, seen.error);
    assert_int_equal(0,
            engine_remove(rig.engine, "web", ENGINE_REMOVE_FORCE | ENGINE_REMOVE_VOLUMES,
                    on_seen_end, &seen, NULL));
    rig_run_until(&rig, &seen.ends, 3);
    assert_int_equal(-ECONNRESET, seen.error);
    assert_int_equal(3, rig.fake.requests_size);

    assert_int_equal(0, engine_start(rig.engine, "web", on_seen_end, &seen, NULL));
    rig_run_until(&rig, &seen.ends, 4);
    assert_true(seen.ok);
    inspect(&rig, USEC_INFINITY, &seen);
    assert_true(seen.ok);
    assert_int_equal(5, rig.fake.requests_size);
    /* Each had a connection of its own; the last one took a kept one. */
    assert_int_equal(4, rig.fake.connections_size);
    seen_clear(&seen);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_connection),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_no_retry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
