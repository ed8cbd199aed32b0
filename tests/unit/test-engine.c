/* SPDX-License-Identifier: Apache-2.0 */

/* The calls: what is asked of the engine, and what becomes of its answers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine_rig.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OK_JSON(length, json) \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " length "\r\n\r\n" json
#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"

/* ---- requests ---- */

typedef int (*Starter)(Engine *engine, Seen *seen);

static int start_inspect(Engine *engine, Seen *seen)
{
    return engine_inspect(engine, "web/../a b", USEC_INFINITY, on_seen_end, seen, NULL);
}

static int start_create(Engine *engine, Seen *seen)
{
    JsonValue *body = json_new_object();
    int r;

    assert_int_equal(0, json_set_string(body, "Image", "a/b"));
    r = engine_create(engine, "web", "linux/arm64", body, on_seen_end, seen, NULL);
    (void)json_value_unref(body);
    return r;
}

static int start_start(Engine *engine, Seen *seen)
{
    return engine_start(engine, ID, on_seen_end, seen, NULL);
}

static int start_stop(Engine *engine, Seen *seen)
{
    return engine_stop(engine, "web", -1, on_seen_end, seen, NULL);
}

static int start_stop_7(Engine *engine, Seen *seen)
{
    return engine_stop(engine, "web", 7, on_seen_end, seen, NULL);
}

static int start_kill(Engine *engine, Seen *seen)
{
    return engine_kill(engine, "web", NULL, on_seen_end, seen, NULL);
}

static int start_kill_hup(Engine *engine, Seen *seen)
{
    return engine_kill(engine, "web", "SIGRTMIN+3", on_seen_end, seen, NULL);
}

static int start_remove(Engine *engine, Seen *seen)
{
    return engine_remove(
            engine, "web", ENGINE_REMOVE_FORCE | ENGINE_REMOVE_VOLUMES, on_seen_end, seen, NULL);
}

static int start_info(Engine *engine, Seen *seen)
{
    return engine_info(engine, USEC_INFINITY, on_seen_end, seen, NULL);
}

static int start_wait(Engine *engine, Seen *seen)
{
    const EngineStream stream = seen_stream(seen);

    return engine_wait(engine, ID, "next-exit", &stream, NULL);
}

static int start_events(Engine *engine, Seen *seen)
{
    static const char *const actions[] = { "die", "health_status", NULL };
    const EngineStream stream = seen_stream(seen);

    return engine_events(engine, "x", actions, &stream, NULL);
}

static int start_attach(Engine *engine, Seen *seen)
{
    const EngineOutput output = seen_output(seen);

    return engine_attach(engine, "web", false, &output, NULL);
}

static int start_attach_tty(Engine *engine, Seen *seen)
{
    const EngineOutput output = seen_output(seen);

    return engine_attach(engine, "web", true, &output, NULL);
}

static int start_pull(Engine *engine, Seen *seen)
{
    const EngineStream stream = seen_stream(seen);

    return engine_pull(engine, "r.io:5000/a/b", "linux/arm64", &stream, NULL);
}

static const struct {
    Starter start;
    const char *line;
    const char *body; /* NULL: none */
} requests[] = {
    { start_inspect, "GET /v1.41/containers/web%2F..%2Fa%20b/json", NULL },
    { start_create, "POST /v1.41/containers/create?name=web&platform=linux%2Farm64",
            "{\"Image\":\"a/b\"}" },
    { start_start, "POST /v1.41/containers/" ID "/start", NULL },
    { start_stop, "POST /v1.41/containers/web/stop", NULL },
    { start_stop_7, "POST /v1.41/containers/web/stop?t=7", NULL },
    { start_kill, "POST /v1.41/containers/web/kill", NULL },
    { start_kill_hup, "POST /v1.41/containers/web/kill?signal=SIGRTMIN%2B3", NULL },
    { start_remove, "DELETE /v1.41/containers/web?v=1&force=1", NULL },
    { start_info, "GET /info", NULL },
    { start_wait, "POST /v1.41/containers/" ID "/wait?condition=next-exit", NULL },
    { start_events,
            "GET /v1.41/events?filters=%7B%22event%22%3A%5B%22die%22%2C%22health_status%22%5D%2C"
            "%22type%22%3A%5B%22container%22%5D%2C%22container%22%3A%5B%22x%22%5D%7D",
            NULL },
    { start_attach, "POST /v1.41/containers/web/attach?stream=1&stdout=1&stderr=1", NULL },
    { start_attach_tty, "POST /v1.41/containers/web/attach?stream=1&stdout=1&stderr=1", NULL },
    { start_pull,
            "POST /v1.41/images/create?fromImage=r.io%3A5000%2Fa%2Fb&tag=latest&platform="
            "linux%2Farm64",
            NULL },
};

/* Each also shows that a refusal reaches on_end with the engine's words, and never on_open. */
static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(requests); i++) {
        FakeReply reply = { .request = "",
            .text = "HTTP/1.1 409 Conflict\r\nContent-Length: 26\r\n\r\n"
                    "{\"message\":\"is not\\nso\\n\"}" };
        char line[512];
        const char *sent;
        Seen seen = { 0 };
        Rig rig;

        rig_open(&rig, &reply, 1);
        assert_int_equal(0, requests[i].start(rig.engine, &seen));
        assert_int_equal(0, seen.ends);
        rig_run_until(&rig, &seen.ends, 1);

        assert_int_equal(1, rig.fake.requests_size);
        sent = rig.fake.requests[0];
        (void)snprintf(line, sizeof(line), "%s HTTP/1.1\r\n", requests[i].line);
        assert_memory_equal(line, sent, strlen(line));
        assert_string_equal(requests[i].body ? requests[i].body : "", strstr(sent, "\r\n\r\n") + 4);
        assert_non_null(strcasestr(sent, "\r\nContent-Type: application/json\r\n"));
        assert_null(strcasestr(sent, "Expect:"));
        assert_null(strcasestr(sent, "Upgrade:"));
        assert_non_null(strcasestr(sent, "User-Agent: systemd-ctr/"));

        assert_int_equal(0, seen.opens);
        assert_int_equal(0, seen.error);
        assert_int_equal(409, seen.status);
        assert_false(seen.ok);
        assert_string_equal("is not so", seen.message);
        assert_non_null(seen.body);
        seen_clear(&seen);
        rig_close(&rig);
    }
}

/* "", "." and ".." would be another resource; a host name is none. */
static void test_refused(void **state)
{
    const EngineStream stream = { .on_end = on_unwanted_end };
    const EngineOutput output = { .on_end = on_unwanted_end };
    static const char *const names[] = { "", ".", "..", ".a" };
    char long_name[300];
    Rig rig;

    (void)state;
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    rig_open(&rig, NULL, 0);
    for (size_t i = 0; i <= ELEMENTS(names); i++) {
        const char *name = i < ELEMENTS(names) ? names[i] : long_name;

        assert_int_equal(-EINVAL,
                engine_inspect(rig.engine, name, USEC_INFINITY, on_unwanted_end, NULL, NULL));
        assert_int_equal(-EINVAL, engine_start(rig.engine, name, on_unwanted_end, NULL, NULL));
        assert_int_equal(-EINVAL, engine_stop(rig.engine, name, 1, on_unwanted_end, NULL, NULL));
        assert_int_equal(-EINVAL, engine_kill(rig.engine, name, NULL, on_unwanted_end, NULL, NULL));
        assert_int_equal(-EINVAL,
                engine_remove(rig.engine, name, ENGINE_REMOVE_FORCE | ENGINE_REMOVE_VOLUMES,
                        on_unwanted_end, NULL, NULL));
        assert_int_equal(-EINVAL, engine_wait(rig.engine, name, "removed", &stream, NULL));
        assert_int_equal(-EINVAL, engine_attach(rig.engine, name, false, &output, NULL));
    }
    assert_int_equal(-EINVAL, engine_pull(rig.engine, "", NULL, &stream, NULL));
    rig_run_idle(&rig, 1);
    assert_int_equal(0, rig.fake.requests_size);
    rig_close(&rig);
}

/* ---- answers ---- */

#define CHUNKED(status) "HTTP/1.1 " status "\r\nTransfer-Encoding: chunked\r\n\r\n"
#define BARE "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
#define STRANGE "is not what the Docker Engine API says"
#define CLOSED "closed the connection"

typedef struct Answer {
    const char *name;
    Starter start;
    const char *reply;
    size_t reply_size; /* 0: up to its NUL */
    int error, status;
    const char *message;
    const char *body; /* NULL: none */
    unsigned opens, items;
    const char *last_item, *out, *err;
} Answer;

/* After each the fake engine closes the connection. */
static const Answer answers[] = {
    { "object", start_inspect, OK_JSON("10", "{\"Id\":\"a\"}"), .status = 200,
            .body = "{\"Id\":\"a\"}" },
    { "spaces around it", start_inspect, OK_JSON("7", "\n { } \n"), .status = 200, .body = "{}" },
    { "interim reply", start_inspect,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" OK_JSON(
                    "2", "{}"),
            .status = 200, .body = "{}" },
    { "until the end", start_inspect, "HTTP/1.1 200 OK\r\n\r\n{}", .status = 200, .body = "{}" },
    { "array", start_inspect, OK_JSON("2", "[]"), .error = -EBADMSG, .status = 200,
            .message = STRANGE },
    { "no JSON", start_inspect, OK_JSON("5", "<htm>"), .error = -EBADMSG, .status = 200,
            .message = STRANGE },
    { "two values", start_inspect, OK_JSON("4", "{}{}"), .error = -EBADMSG, .status = 200,
            .message = STRANGE },
    { "nothing", start_inspect, OK_JSON("0", ""), .error = -EBADMSG, .status = 200,
            .message = STRANGE },
    { "204", start_inspect, NO_CONTENT, .error = -EBADMSG, .status = 204, .message = STRANGE },
    { "404", start_inspect,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 31\r\n\r\n"
            "{\"message\":\"No such container\"}",
            .status = 404, .message = "No such container",
            .body = "{\"message\":\"No such container\"}" },
    { "page", start_inspect, "HTTP/1.1 502 Bad\r\n\r\n<html><body>proxy</body></html>",
            .status = 502, .message = "HTTP status 502" },
    { "plain words", start_inspect, "HTTP/1.1 404 Not Found\r\n\r\n404 page not found\n",
            .status = 404, .message = "404 page not found" },
    { "error without words", start_start, "HTTP/1.1 500 Oops\r\n\r\n", .status = 500,
            .message = "HTTP status 500" },
    { "elsewhere", start_inspect, "HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
            .error = -EBADMSG, .status = 301, .message = STRANGE },
    { "started", start_start, NO_CONTENT, .status = 204 },
    { "started already", start_start, "HTTP/1.1 304 Not Modified\r\n\r\n", .status = 304 },
    { "created", start_create, OK_JSON("79", "{\"Id\":\"" ID "\",\"x\":1}"), .status = 200,
            .body = "{\"Id\":\"" ID "\",\"x\":1}" },
    { "created without Id", start_create, OK_JSON("2", "{}"), .error = -EBADMSG, .status = 200,
            .message = STRANGE },
    { "created with a path", start_create, OK_JSON("13", "{\"Id\":\"../a\"}"), .error = -EBADMSG,
            .status = 200, .message = STRANGE },
    { "waited", start_wait, CHUNKED("200 OK") "12\r\n{\"StatusCode\":137}\r\n0\r\n\r\n",
            .status = 200, .opens = 1, .body = "{\"StatusCode\":137}" },
    { "waited in vain", start_wait, CHUNKED("200 OK") "0\r\n\r\n", .error = -ECONNRESET,
            .status = 200, .opens = 1, .message = CLOSED },
    { "waited, cut", start_wait, CHUNKED("200 OK"), .error = -ECONNRESET, .status = 200, .opens = 1,
            .message = CLOSED },
    { "waited, no status", start_wait, CHUNKED("200 OK") "2\r\n{}\r\n0\r\n\r\n", .error = -EBADMSG,
            .status = 200, .opens = 1, .message = STRANGE },
    { "waited, odd status", start_wait,
            CHUNKED("200 OK") "12\r\n{\"StatusCode\":\"1\"}\r\n0\r\n\r\n", .error = -EBADMSG,
            .status = 200, .opens = 1, .message = STRANGE },
    { "events", start_events,
            CHUNKED("200 OK") "8\r\n{\"a\":1}\n\r\n4\r\n{\"a\"\r\n4\r\n:2}\n\r\n0\r\n\r\n",
            .error = -ECONNRESET, .status = 200, .opens = 1, .items = 2, .last_item = "{\"a\":2}",
            .message = CLOSED },
    { "no events", start_events, CHUNKED("200 OK") "8\r\n{\"a\":1}\n\r\n3\r\n<p>\r\n",
            .error = -EBADMSG, .status = 200, .opens = 1, .items = 1, .last_item = "{\"a\":1}",
            .message = STRANGE },
    { "pulled", start_pull, CHUNKED("200 OK") "e\r\n{\"status\":\"x\"}\r\n0\r\n\r\n", .status = 200,
            .opens = 1, .items = 1, .last_item = "{\"status\":\"x\"}" },
    { "pulled, cut", start_pull, CHUNKED("200 OK") "d\r\n{\"status\":\"x\"\r\n0\r\n\r\n",
            .error = -ECONNRESET, .status = 200, .opens = 1, .message = CLOSED },
    { "not pulled", start_pull,
            CHUNKED("200 OK") "e\r\n{\"status\":\"x\"}\r\n3c\r\n"
                              "{\"errorDetail\":{\"message\":\"no\\nspace\"},\"error\":\"no "
                              "space\"}"
                              "{}\r\n0\r\n\r\n",
            .status = 500, .opens = 1, .items = 1, .last_item = "{\"status\":\"x\"}",
            .message = "no space" },
    { "not pulled, old", start_pull, CHUNKED("200 OK") "10\r\n{\"error\":\"gone\"}\r\n0\r\n\r\n",
            .status = 500, .opens = 1, .message = "gone" },
    { "output", start_attach, BARE "\1\0\0\0\0\0\0\2ab\2\0\0\0\0\0\0\1c\1\0\0\0\0\0\0\1d",
            sizeof(BARE) - 1 + 28, .status = 200, .opens = 1, .out = "abd", .err = "c" },
    { "no output", start_attach, BARE, .status = 200, .opens = 1 },
    { "output, cut", start_attach, BARE "\1\0\0\0\0\0\0\3ab", sizeof(BARE) - 1 + 10,
            .error = -ECONNRESET, .status = 200, .opens = 1, .out = "ab", .message = CLOSED },
    { "output without frames", start_attach, BARE "\1\0\0\0\0\0\0\1ahello, you", .error = -EBADMSG,
            .reply_size = sizeof(BARE) - 1 + 19, .status = 200, .opens = 1, .out = "a",
            .message = STRANGE },
    { "a terminal's", start_attach_tty, BARE "\1\0\0x\0", sizeof(BARE) - 1 + 4, .status = 200,
            .opens = 1, .out = "\1\0\0x" },
};

static void check_output(const char *expected, const Buffer *output, bool has_nul)
{
    size_t size = expected ? has_nul ? 4 : strlen(expected) : 0;

    assert_int_equal(size, output->size);
    if (size > 0)
        assert_memory_equal(expected, output->data, size);
}

static void check_answer(const Answer *answer, size_t piece)
{
    FakeReply reply = { .request = "",
        .text = answer->reply,
        .size = answer->reply_size,
        .piece = piece,
        .end = FAKE_CLOSE };
    Seen seen = { 0 };
    Rig rig;

    rig_open(&rig, &reply, 1);
    assert_int_equal(0, answer->start(rig.engine, &seen));
    rig_run_until(&rig, &seen.ends, 1);

    assert_int_equal(answer->error, seen.error);
    assert_int_equal(answer->status, seen.status);
    assert_int_equal(answer->error == 0 && answer->status < 400, seen.ok);
    if (answer->message)
        assert_non_null(strstr(seen.message, answer->message));
    else
        assert_string_equal("", seen.message);
    assert_true(text_equal(answer->body, seen.body));
    assert_int_equal(answer->opens, seen.opens);
    assert_int_equal(answer->items, seen.items);
    assert_true(text_equal(answer->last_item, seen.last_item));
    check_output(answer->out, &seen.output[1], answer->start == start_attach_tty);
    check_output(answer->err, &seen.output[2], false);

    rig_run_idle(&rig, 1);
    assert_int_equal(1, seen.ends);
    assert_int_equal(1, rig.fake.requests_size);
    seen_clear(&seen);
    rig_close(&rig);
}

/* At once, byte by byte, and in a few odd sizes. */
static void test_answers(void **state)
{
    static const size_t pieces[] = { 0, 1, 2, 7, 64 };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(answers); i++)
        for (size_t n = 0; n < ELEMENTS(pieces); n++) {
            if (getenv("VERBOSE"))
                print_message("%s, pieces of %zu\n", answers[i].name, pieces[n]);
            check_answer(&answers[i], pieces[n]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
