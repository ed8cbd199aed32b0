/* SPDX-License-Identifier: Apache-2.0 */

/* exec: its course through the API, and the end of what runs for too long. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine/exec.h"
#include "engine_rig.h"
#include "exec_script.h"

#define CREATE "POST /v1.41/containers/web/exec"
#define START "POST /v1.41/exec/e1/start"
#define LOOK "GET /v1.41/exec/e1/json"
#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n{\"Id\":\"e1\"}"
#define BARE "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
#define UNTIL_END "HTTP/1.1 200 OK\r\n\r\n"
#define STATE(running, status, pid) \
    UNTIL_END "{\"Running\":" running ",\"ExitCode\":" status ",\"Pid\":" pid "}"

/* Of FakeReply: what is sent, with its size, since frames hold zeros. */
#define SAID(literal) .text = (literal), .size = sizeof(literal) - 1

typedef struct Result {
    unsigned ends;
    int result;
    char *output;
    EngineExec *to_cancel; /* in the handler */
    Rig *to_close;
} Result;

static void on_result(int result, const char *output, size_t size, void *userdata)
{
    Result *seen = userdata;

    assert_int_equal(strlen(output), size);
    seen->ends++;
    seen->result = result;
    free(seen->output);
    seen->output = strdup(output);
    (void)engine_exec_cancel(seen->to_cancel);
    if (seen->to_close)
        seen->to_close->engine = engine_free(seen->to_close->engine);
}

static EngineExec *start(Rig *rig, pid_t first, uint64_t timeout_usec, Result *result)
{
    char *const command[] = { (char *)"test", (char *)"-e", (char *)"/a b", NULL };
    const EngineExecRequest request = {
        .container = "web", .pid = first, .command = command, .timeout_usec = timeout_usec
    };
    EngineExec *exec;

    assert_int_equal(0, engine_exec_start(rig->engine, &request, on_result, result, &exec));
    assert_int_equal(0, result->ends);
    return exec;
}

/* ---- replies ---- */

#define REPLIES_MAX 5

static const struct {
    const char *name;
    FakeReply replies[REPLIES_MAX];
    int result;
    const char *output;
} courses[] = {
    { "both streams, in order",
            { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
                    { START, SAID(BARE "\1\0\0\0\0\0\0\3one\2\0\0\0\0\0\0\2 2\1\0\0\0\0\0\0\2 3"),
                            .end = FAKE_CLOSE, .piece = 1 },
                    { LOOK, SAID(STATE("false", "0", "9")), .end = FAKE_CLOSE } },
            0, "one 2 3" },
    { "exit status",
            { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
                    { START, SAID(BARE), .end = FAKE_CLOSE },
                    { LOOK, SAID(STATE("false", "255", "9")), .end = FAKE_CLOSE } },
            255, "" },
    { "the output ends before the command does",
            { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
                    { START, SAID(BARE), .end = FAKE_CLOSE },
                    { LOOK, SAID(STATE("true", "null", "9")), .end = FAKE_CLOSE },
                    { LOOK, SAID(STATE("true", "null", "9")), .end = FAKE_CLOSE },
                    { LOOK, SAID(STATE("false", "7", "9")), .end = FAKE_CLOSE } },
            7, "" },
    { "no container",
            { { CREATE, SAID("HTTP/1.1 404 x\r\n\r\n{\"message\":\"No such container: web\"}"),
                    .end = FAKE_CLOSE } },
            -ENOENT, "No such container: web" },
    { "paused",
            { { CREATE, SAID("HTTP/1.1 409 x\r\n\r\n{\"message\":\"is paused\"}"),
                    .end = FAKE_CLOSE } },
            -EBUSY, "is paused" },
    { "an Id that leads elsewhere",
            { { CREATE, SAID("HTTP/1.1 201 x\r\n\r\n{\"Id\":\"../info\"}"), .end = FAKE_CLOSE } },
            -EBADMSG, NULL },
    { "not started",
            { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
                    { START, SAID("HTTP/1.1 500 x\r\n\r\n{\"message\":\"no\"}"),
                            .end = FAKE_CLOSE } },
            -EIO, "no" },
    { "a cut frame",
            { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
                    { START, SAID(BARE "\1\0\0\0\0\0\0\3one\1\0\0\0\0\0\0\7cut"),
                            .end = FAKE_CLOSE } },
            -ECONNRESET, NULL },
    { "no frames",
            { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
                    { START, SAID(BARE "welcome to my shell"), .end = FAKE_CLOSE } },
            -EBADMSG, NULL },
    { "nobody knows it",
            { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
                    { START, SAID(BARE), .end = FAKE_CLOSE },
                    { LOOK, SAID("HTTP/1.1 404 x\r\n\r\n{\"message\":\"No such exec\"}"),
                            .end = FAKE_CLOSE } },
            -ENOENT, "No such exec" },
    { "no exit status",
            { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
                    { START, SAID(BARE), .end = FAKE_CLOSE },
                    { LOOK, SAID(STATE("false", "256", "9")), .end = FAKE_CLOSE } },
            -EBADMSG, NULL },
};

static void test_courses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(courses); i++) {
        FakeReply replies[REPLIES_MAX];
        Result result = { 0 };
        size_t n = 0;
        Rig rig;

        for (; n < REPLIES_MAX && courses[i].replies[n].request; n++)
            replies[n] = courses[i].replies[n];
        rig_open(&rig, replies, n);
        result.to_cancel = start(&rig, getpid(), USEC_INFINITY, &result);
        rig_run_until(&rig, &result.ends, 1);
        if (courses[i].result != result.result)
            fail_msg("%s: %d %s", courses[i].name, result.result, result.output);
        if (courses[i].output)
            assert_string_equal(courses[i].output, result.output);
        for (size_t j = 0; j < n; j++)
            assert_true(replies[j].used);
        rig_close(&rig);
        free(result.output);
    }
}

static void test_requests(void **state)
{
    FakeReply replies[] = { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
        { START, SAID(BARE), .end = FAKE_CLOSE },
        { LOOK, SAID(STATE("false", "0", "9")), .end = FAKE_CLOSE } };
    Result result = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, replies, ELEMENTS(replies));
    (void)start(&rig, getpid(), USEC_INFINITY, &result);
    rig_run_until(&rig, &result.ends, 1);
    assert_non_null(strstr(rig.fake.requests[0],
            "{\"Cmd\":[\"test\",\"-e\",\"/a b\"],\"AttachStdout\":true,\"AttachStderr\":true}"));
    assert_non_null(strstr(rig.fake.requests[1], "{\"Detach\":false,\"Tty\":false}"));
    rig_close(&rig);
    free(result.output);
}

static void test_output_is_cut(void **state)
{
    static const struct {
        size_t sent, kept;
    } sizes[] = { { 4095, 4095 }, { 4096, 4096 }, { 4097, 4099 }, { 60000, 4099 } };
    static char reply[sizeof(BARE) + 8 + 60000];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(sizes); i++) {
        size_t head = sizeof(BARE) - 1;
        FakeReply replies[] = { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
            { START, .text = reply, .size = head + 8 + sizes[i].sent, .end = FAKE_CLOSE },
            { LOOK, SAID(STATE("false", "1", "9")), .end = FAKE_CLOSE } };
        Result result = { 0 };
        Rig rig;

        memcpy(reply, BARE, head);
        memcpy(reply + head, "\2\0\0\0\0\0", 6);
        reply[head + 6] = (char)(sizes[i].sent >> 8);
        reply[head + 7] = (char)sizes[i].sent;
        memset(reply + head + 8, 'x', sizes[i].sent);
        rig_open(&rig, replies, ELEMENTS(replies));
        (void)start(&rig, getpid(), USEC_INFINITY, &result);
        rig_run_until(&rig, &result.ends, 1);
        assert_int_equal(1, result.result);
        assert_int_equal(sizes[i].kept, strlen(result.output));
        assert_string_equal(
                sizes[i].sent > 4096 ? "x..." : "xxxx", result.output + strlen(result.output) - 4);
        rig_close(&rig);
        free(result.output);
    }
}

/* ---- what runs for too long ---- */

#define SOON_USEC (20 * USEC_PER_MSEC)

static void format_state(char *to, size_t size, pid_t pid)
{
    (void)snprintf(to, size, UNTIL_END "{\"Running\":true,\"ExitCode\":null,\"Pid\":%d}", (int)pid);
}

static void test_timeout(void **state)
{
    pid_t first = start_script("echo; exec sleep 1000 >&-");
    pid_t pid = start_script("sleep 1000 >&- & echo; wait");
    char look[160];
    FakeReply replies[] = { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
        { START, SAID(BARE "\1\0\0\0\0\0\0\3one"), .end = FAKE_KEEP },
        /* Not started: its time begins then. */
        { LOOK, SAID(STATE("true", "null", "0")), .end = FAKE_CLOSE },
        { LOOK, SAID(STATE("false", "null", "0")), .end = FAKE_CLOSE },
        { LOOK, .text = look, .end = FAKE_CLOSE } };
    Result result = { 0 };
    Rig rig;

    (void)state;
    format_state(look, sizeof(look), pid);
    rig_open(&rig, replies, ELEMENTS(replies));
    result.to_cancel = start(&rig, first, SOON_USEC, &result);
    rig_run_until(&rig, &result.ends, 1);
    assert_int_equal(-ETIMEDOUT, result.result);
    assert_string_equal("one", result.output);
    assert_killed(pid);
    rig_run_idle(&rig, SOON_USEC);
    assert_int_equal(1, result.ends);
    rig_close(&rig);
    end_script(first);
    free(result.output);
}

/* The command has ended, but not its output: something in the background holds it. */
static void test_timeout_of_output(void **state)
{
    FakeReply replies[] = { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
        { START, SAID(BARE), .end = FAKE_KEEP },
        { LOOK, SAID(STATE("false", "3", "1")), .end = FAKE_CLOSE } };
    Result result = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, replies, ELEMENTS(replies));
    (void)start(&rig, getpid(), SOON_USEC, &result);
    rig_run_until(&rig, &result.ends, 1);
    assert_int_equal(3, result.result);
    rig_close(&rig);
    free(result.output);
}

/* A PID that is not the container's is left alone, and that is told. */
static void test_timeout_with_other_pid(void **state)
{
    pid_t first = start_script("echo; exec sleep 1000 >&-");
    char look[160];
    FakeReply replies[] = { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
        { START, SAID(BARE), .end = FAKE_KEEP }, { LOOK, .text = look, .end = FAKE_CLOSE } };
    Result result = { 0 };
    Rig rig;

    (void)state;
    format_state(look, sizeof(look), getpid());
    rig_open(&rig, replies, ELEMENTS(replies));
    (void)start(&rig, first, SOON_USEC, &result);
    rig_run_until(&rig, &result.ends, 1);
    assert_int_equal(-ETIMEDOUT, result.result);
    assert_string_equal("\nand it cannot be killed: Operation not permitted", result.output);
    rig_close(&rig);
    end_script(first);
    free(result.output);
}

/* Given up after so many turns of the loop; what has been started is killed. */
static void test_cancel(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 16; turns++) {
        pid_t first = start_script("echo; exec sleep 1000 >&-");
        pid_t pid = start_script("echo; exec sleep 1000 >&-");
        char look[160];
        FakeReply replies[] = { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
            { START, SAID(BARE), .end = FAKE_KEEP }, { LOOK, .text = look, .end = FAKE_CLOSE },
            { LOOK, .text = look, .end = FAKE_CLOSE } };
        Result result = { 0 };
        EngineExec *exec;
        Rig rig;

        format_state(look, sizeof(look), pid);
        rig_open(&rig, replies, ELEMENTS(replies));
        exec = start(&rig, first, USEC_INFINITY, &result);
        for (unsigned i = 0; i < turns; i++)
            assert_true(sd_event_run(rig.event, SOON_USEC) >= 0);
        assert_null(engine_exec_cancel(exec));
        rig_run_idle(&rig, SOON_USEC);
        assert_int_equal(0, result.ends);
        assert_int_equal(replies[1].used, replies[2].used);
        if (replies[1].used)
            assert_killed(pid);
        else
            end_script(pid);
        rig_close(&rig);
        end_script(first);
    }
    assert_null(engine_exec_cancel(NULL));
}

/* The same once its output has ended: then it is only looked at. */
static void test_cancel_after_output(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 12; turns++) {
        pid_t first = start_script("echo; exec sleep 1000 >&-");
        pid_t pid = start_script("echo; exec sleep 1000 >&-");
        char look[160];
        FakeReply replies[] = { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
            { START, SAID(BARE), .end = FAKE_CLOSE }, { LOOK, .text = look, .end = FAKE_CLOSE },
            { LOOK, .text = look, .end = FAKE_CLOSE }, { LOOK, .text = look, .end = FAKE_CLOSE },
            { LOOK, .text = look, .end = FAKE_CLOSE }, { LOOK, .text = look, .end = FAKE_CLOSE } };
        Result result = { 0 };
        EngineExec *exec;
        Rig rig;

        format_state(look, sizeof(look), pid);
        rig_open(&rig, replies, ELEMENTS(replies));
        exec = start(&rig, first, USEC_INFINITY, &result);
        for (unsigned i = 0; i < 500 && !replies[2].used; i++)
            assert_true(sd_event_run(rig.event, SOON_USEC) >= 0);
        for (unsigned i = 0; i < turns && !replies[5].used; i++)
            assert_true(sd_event_run(rig.event, SOON_USEC) >= 0);
        assert_null(engine_exec_cancel(exec));
        rig_run_idle(&rig, SOON_USEC);
        assert_int_equal(0, result.ends);
        assert_killed(pid);
        rig_close(&rig);
        end_script(first);
    }
}

/* At any point, nothing is left and no handler runs. */
static void test_engine_free(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 16; turns++) {
        FakeReply replies[] = { { CREATE, SAID(CREATED), .end = FAKE_CLOSE },
            { START, SAID(BARE), .end = FAKE_KEEP } };
        Result results[2] = { { 0 }, { 0 } };
        Rig rig;

        rig_open(&rig, replies, ELEMENTS(replies));
        (void)start(&rig, getpid(), USEC_INFINITY, &results[0]);
        (void)engine_exec_cancel(start(&rig, getpid(), USEC_INFINITY, &results[1]));
        for (unsigned i = 0; i < turns; i++)
            assert_true(sd_event_run(rig.event, SOON_USEC) >= 0);
        rig_close(&rig);
        assert_int_equal(0, results[0].ends);
        assert_int_equal(0, results[1].ends);
    }
}

static void test_engine_free_in_handler(void **state)
{
    FakeReply replies[] = { { CREATE, SAID("HTTP/1.1 404 x\r\n\r\n{}"), .end = FAKE_CLOSE } };
    Result result = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, replies, ELEMENTS(replies));
    result.to_close = &rig;
    result.to_cancel = start(&rig, getpid(), USEC_INFINITY, &result);
    rig_run_until(&rig, &result.ends, 1);
    assert_int_equal(-ENOENT, result.result);
    rig_close(&rig);
    free(result.output);
}

static void test_engine_gone(void **state)
{
    Result result = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, NULL, 0);
    fake_engine_stop_listening(&rig.fake);
    (void)start(&rig, getpid(), USEC_INFINITY, &result);
    rig_run_until(&rig, &result.ends, 1);
    assert_int_equal(-ECONNREFUSED, result.result);
    rig_close(&rig);
    free(result.output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_courses),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_output_is_cut),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_timeout_of_output),
        cmocka_unit_test(test_timeout_with_other_pid),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_after_output),
        cmocka_unit_test(test_engine_free),
        cmocka_unit_test(test_engine_free_in_handler),
        cmocka_unit_test(test_engine_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
