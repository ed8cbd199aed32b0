/* SPDX-License-Identifier: Apache-2.0 */

/* Many calls on one loop: side by side, idle, cancelled. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine_rig.h"

#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define BARE "HTTP/1.1 200 OK\r\n\r\n"

static const char *const actions[] = { "die", NULL };

static FakeReply three_streams[] = {
    { .request = "POST /v1.41/containers/web/wait", .text = CHUNKED },
    { .request = "GET /v1.41/events", .text = CHUNKED },
    { .request = "POST /v1.41/containers/web/attach", .text = BARE },
    { .request = "GET /v1.41/containers/web/json", .text = OK_JSON },
    { .request = "GET /v1.41/containers/web/json", .text = OK_JSON },
};

/* Opens wait, events and attach, in this order: connections 0, 1 and 2. */
static void open_streams(Rig *rig, Seen *seen)
{
    const EngineStream wait = seen_stream(&seen[0]), events = seen_stream(&seen[1]);
    const EngineOutput output = seen_output(&seen[2]);

    assert_int_equal(0, engine_wait(rig->engine, "web", "next-exit", &wait, &seen[0].call));
    assert_int_equal(0, engine_events(rig->engine, "web", actions, &events, &seen[1].call));
    assert_int_equal(0, engine_attach(rig->engine, "web", true, &output, &seen[2].call));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(0, seen[i].opens);
        rig_run_until(rig, &seen[i].opens, 1);
    }
}

static void test_side_by_side(void **state)
{
    Seen seen[5] = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, three_streams, ELEMENTS(three_streams));
    open_streams(&rig, seen);
    for (size_t i = 3; i < 5; i++)
        assert_int_equal(0,
                engine_inspect(
                        rig.engine, "web", USEC_INFINITY, on_seen_end, &seen[i], &seen[i].call));
    rig_run_until(&rig, &seen[3].ends, 1);
    rig_run_until(&rig, &seen[4].ends, 1);
    assert_true(seen[3].ok && seen[4].ok);

    fake_engine_say(&rig.fake, 2, "hello");
    fake_engine_say(&rig.fake, 1, "8\r\n{\"a\":1}\n\r\n");
    rig_run_until(&rig, &seen[1].items, 1);
    fake_engine_say(&rig.fake, 0, "10\r\n{\"StatusCode\":3}\r\n0\r\n\r\n");
    rig_run_until(&rig, &seen[0].ends, 1);
    fake_hang_up(rig.fake.connections[2]);
    rig_run_until(&rig, &seen[2].ends, 1);

    assert_string_equal("{\"StatusCode\":3}", seen[0].body);
    assert_memory_equal("hello", seen[2].output[1].data, 5);
    assert_true(seen[2].ok);
    assert_int_equal(0, seen[1].ends);
    for (size_t i = 0; i < ELEMENTS(seen); i++)
        seen_clear(&seen[i]);
    rig_close(&rig);
}

/* Open streams cost no wake-up: neither of libcurl's nor of ours. */
static void test_idle(void **state)
{
    Seen seen[4] = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, three_streams, ELEMENTS(three_streams));
    open_streams(&rig, seen);
    assert_int_equal(0,
            engine_inspect(
                    rig.engine, "web", 5 * USEC_PER_SEC, on_seen_end, &seen[3], &seen[3].call));
    rig_run_until(&rig, &seen[3].ends, 1);
    rig_run_idle(&rig, 1);
    assert_int_equal(0, sd_event_run(rig.event, 1500 * USEC_PER_MSEC));
    for (size_t i = 0; i < ELEMENTS(seen); i++)
        seen_clear(&seen[i]);
    rig_close(&rig);
}

/* ---- cancel ---- */

/* At every moment between the start of a call and its end. */
static void test_cancel(void **state)
{
    bool ended = false;

    (void)state;
    for (unsigned rounds = 0; !ended; rounds++) {
        FakeReply reply = { .request = "", .text = OK_JSON, .piece = 5 };
        Seen seen = { 0 };
        Rig rig;

        rig_open(&rig, &reply, 1);
        assert_int_equal(0,
                engine_inspect(rig.engine, "web", USEC_INFINITY, on_seen_end, &seen, &seen.call));
        for (unsigned i = 0; i < rounds && seen.ends == 0; i++)
            assert_true(sd_event_run(rig.event, RIG_PATIENCE_USEC) >= 0);
        ended = seen.ends > 0;
        seen.call = engine_call_cancel(seen.call);
        assert_null(seen.call);
        rig_run_idle(&rig, 1);
        assert_int_equal(ended, seen.ends);
        seen_clear(&seen);
        rig_close(&rig);
    }
}

/* What a handler does in which a test is interested. */
typedef struct Deed {
    Rig *rig;
    EngineCall *call, *other;
    unsigned opens, items, outputs, ends, inner_ends;
    enum {
        ON_OPEN,
        ON_ITEM,
        ON_OUTPUT,
        ON_END
    } when;
    enum {
        CANCEL_SELF,
        CANCEL_OTHER,
        START,
        FREE
    } what;
} Deed;

static void on_inner_end(const EngineReply *reply, void *userdata)
{
    Deed *deed = userdata;

    assert_int_equal(404, reply->status);
    deed->inner_ends++;
}

static void deed_do(Deed *deed)
{
    Rig *rig = deed->rig;

    switch (deed->what) {
    case CANCEL_SELF:
        deed->call = engine_call_cancel(deed->call);
        break;
    case CANCEL_OTHER:
        deed->other = engine_call_cancel(deed->other);
        break;
    case START:
        assert_int_equal(
                0, engine_inspect(rig->engine, "b", USEC_INFINITY, on_inner_end, deed, NULL));
        assert_int_equal(0, engine_start(rig->engine, "b", on_inner_end, deed, NULL));
        break;
    case FREE:
        rig->engine = engine_free(rig->engine);
        break;
    }
}

static void on_deed_open(void *userdata)
{
    Deed *deed = userdata;

    deed->opens++;
    if (deed->when == ON_OPEN)
        deed_do(deed);
}

static void on_deed_item(JsonValue *item, void *userdata)
{
    Deed *deed = userdata;

    (void)item;
    if (deed->items++ == 0 && deed->when == ON_ITEM)
        deed_do(deed);
}

static void on_deed_output(int fd, const void *data, size_t size, void *userdata)
{
    Deed *deed = userdata;

    (void)fd;
    (void)data;
    (void)size;
    if (deed->outputs++ == 0 && deed->when == ON_OUTPUT)
        deed_do(deed);
}

static void on_deed_end(const EngineReply *reply, void *userdata)
{
    Deed *deed = userdata;

    (void)reply;
    deed->ends++;
    if (deed->when == ON_END)
        deed_do(deed);
}

static void check_deed(Deed *deed)
{
    static const char frames[] = BARE "\1\0\0\0\0\0\0\1a\1\0\0\0\0\0\0\1b";
    FakeReply replies[] = {
        { .request = "GET /v1.41/containers/other/json", .text = "" },
        { .request = "GET /v1.41/events",
                .text = BARE "{\"a\":1}\n{\"a\":2}\n",
                .end = FAKE_CLOSE },
        { .request = "POST /v1.41/containers/web/attach",
                .text = frames,
                .size = sizeof(frames) - 1,
                .end = FAKE_CLOSE },
    };
    const EngineStream events = { on_deed_open, on_deed_item, on_deed_end, deed };
    const EngineOutput output = { on_deed_open, on_deed_output, on_deed_end, deed };
    bool goes_on = deed->what == CANCEL_OTHER || deed->what == START;
    Rig rig;

    rig_open(&rig, replies, ELEMENTS(replies));
    deed->rig = &rig;
    assert_int_equal(0,
            engine_inspect(
                    rig.engine, "other", USEC_INFINITY, on_unwanted_end, NULL, &deed->other));
    if (deed->when == ON_OUTPUT)
        assert_int_equal(0, engine_attach(rig.engine, "web", false, &output, &deed->call));
    else
        assert_int_equal(0, engine_events(rig.engine, "web", actions, &events, &deed->call));
    rig_run_idle(&rig, 20 * USEC_PER_MSEC);

    assert_int_equal(1, deed->opens);
    assert_int_equal(goes_on || deed->when == ON_END, deed->ends);
    assert_int_equal(deed->what == START ? 2 : 0, deed->inner_ends);
    if (deed->when == ON_OUTPUT)
        assert_int_equal(goes_on ? 2 : 1, deed->outputs);
    else if (deed->when == ON_ITEM)
        assert_int_equal(goes_on ? 2 : 1, deed->items);
    rig_close(&rig);
}

static void test_deeds(void **state)
{
    (void)state;
    for (int when = ON_OPEN; when <= ON_END; when++)
        for (int what = CANCEL_SELF; what <= FREE; what++) {
            Deed deed = { .when = (unsigned)when, .what = (unsigned)what };

            check_deed(&deed);
        }
}

/* A call that has just ended, and of which no handler has heard, is cancelled by another
 * one that ended in the same wake-up. */
static void on_first_end(const EngineReply *reply, void *userdata)
{
    Deed *deed = userdata;

    assert_true(engine_reply_ok(reply));
    deed->ends++;
    deed->call = NULL;
    deed->other = engine_call_cancel(deed->other);
}

static void on_second_end(const EngineReply *reply, void *userdata)
{
    Deed *deed = userdata;

    assert_true(engine_reply_ok(reply));
    deed->ends++;
    deed->other = NULL;
    deed->call = engine_call_cancel(deed->call);
}

static void test_cancel_each_other(void **state)
{
    FakeReply replies[] = { { .request = "", .text = OK_JSON },
        { .request = "", .text = OK_JSON } };
    Deed deed = { 0 };
    Rig rig;

    (void)state;
    rig_open(&rig, replies, ELEMENTS(replies));
    assert_int_equal(
            0, engine_inspect(rig.engine, "a", USEC_INFINITY, on_first_end, &deed, &deed.call));
    assert_int_equal(
            0, engine_inspect(rig.engine, "b", USEC_INFINITY, on_second_end, &deed, &deed.other));
    rig_run_idle(&rig, 20 * USEC_PER_MSEC);
    assert_int_equal(1, deed.ends);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_deeds),
        cmocka_unit_test(test_cancel_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
