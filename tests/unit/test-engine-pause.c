/* SPDX-License-Identifier: Apache-2.0 */

/* A reader that does not keep up: the engine is held up, nothing is lost, nothing piles up. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine_rig.h"

#define BARE "HTTP/1.1 200 OK\r\n\r\n"

#define FRAME_PAYLOAD 1000U
#define FRAMES 1049U /* a little more than 1 MiB */

/* Frames of both streams, the bytes of each counting up; the caller's. */
static char *new_frames(size_t *ret_size)
{
    size_t head = strlen(BARE);
    char *text = malloc(head + FRAMES * (FRAME_PAYLOAD + 8)), *p = text;

    assert_non_null(text);
    memcpy(text, BARE, head);
    p += head;
    for (unsigned i = 0; i < FRAMES; i++) {
        const char header[8] = { (char)(i % 3 == 0 ? 2 : 1), 0, 0, 0, 0, 0,
            (char)(FRAME_PAYLOAD >> 8), (char)(FRAME_PAYLOAD & 0xff) };

        memcpy(p, header, 8);
        for (unsigned n = 0; n < FRAME_PAYLOAD; n++)
            p[8 + n] = (char)(i + n);
        p += 8 + FRAME_PAYLOAD;
    }
    *ret_size = (size_t)(p - text);
    return text;
}

static void check_frames(const Seen *seen)
{
    size_t at[3] = { 0 };

    for (unsigned i = 0; i < FRAMES; i++) {
        int fd = i % 3 == 0 ? 2 : 1;

        assert_true(at[fd] + FRAME_PAYLOAD <= seen->output[fd].size);
        for (unsigned n = 0; n < FRAME_PAYLOAD; n++)
            assert_int_equal((char)(i + n), seen->output[fd].data[at[fd] + n]);
        at[fd] += FRAME_PAYLOAD;
    }
    assert_int_equal(at[1], seen->output[1].size);
    assert_int_equal(at[2], seen->output[2].size);
}

static void test_pause(void **state)
{
    FakeReply reply = { .request = "", .end = FAKE_CLOSE };
    Seen seen = { 0 };
    const EngineOutput output = seen_output(&seen);
    size_t before, size, sent;
    char *text;
    Rig rig;

    (void)state;
    reply.text = text = new_frames(&reply.size);
    rig_open(&rig, &reply, 1);
    assert_int_equal(0, engine_attach(rig.engine, "web", false, &output, &seen.call));
    rig_run_until(&rig, &seen.opens, 1);

    for (unsigned rounds = 0; seen.ends == 0; rounds++) {
        engine_call_pause(seen.call, true);
        before = seen.output[1].size + seen.output[2].size;
        rig_run_idle(&rig, 1);
        /* Nothing came, and the socket fills: the engine is held up, not we. */
        size = seen.output[1].size + seen.output[2].size;
        assert_int_equal(before, size);
        sent = rig.fake.connections[0]->sent;
        assert_true(sent <= size + FRAMES * 8 + (1U << 20) / 2);
        assert_int_equal(0, seen.ends);

        engine_call_pause(seen.call, false);
        for (unsigned i = 0; i <= rounds % 5 && seen.ends == 0; i++)
            assert_true(sd_event_run(rig.event, RIG_PATIENCE_USEC) > 0);
    }
    assert_true(seen.ok);
    check_frames(&seen);
    seen_clear(&seen);
    rig_close(&rig);
    free(text);
}

/* Pauses itself at every piece. */
static void on_piece(int fd, const void *data, size_t size, void *userdata)
{
    Seen *seen = userdata;

    on_seen_output(fd, data, size, userdata);
    engine_call_pause(seen->call, true);
}

static void test_pause_from_inside(void **state)
{
    FakeReply reply = { .request = "", .end = FAKE_CLOSE };
    Seen seen = { 0 };
    const EngineOutput output = { on_seen_open, on_piece, on_seen_end, &seen };
    char *text;
    Rig rig;

    (void)state;
    reply.text = text = new_frames(&reply.size);
    rig_open(&rig, &reply, 1);
    assert_int_equal(0, engine_attach(rig.engine, "web", false, &output, &seen.call));
    while (seen.ends == 0) {
        rig_run_idle(&rig, 1);
        /* Twice is once. */
        engine_call_pause(seen.call, false);
        engine_call_pause(seen.call, false);
    }
    assert_true(seen.ok);
    check_frames(&seen);
    seen_clear(&seen);
    rig_close(&rig);
    free(text);
}

static void on_open_pause(void *userdata)
{
    Seen *seen = userdata;

    on_seen_open(userdata);
    engine_call_pause(seen->call, true);
}

/* Before the first piece; and a paused call can be given up. */
static void test_pause_at_once(void **state)
{
    FakeReply reply = { .request = "", .text = BARE "x", .end = FAKE_CLOSE };
    Seen seen = { 0 };
    const EngineOutput output = { on_open_pause, on_seen_output, on_seen_end, &seen };
    Rig rig;

    (void)state;
    for (int cancel = 0; cancel < 2; cancel++) {
        rig_open(&rig, &reply, 1);
        assert_int_equal(0, engine_attach(rig.engine, "web", true, &output, &seen.call));
        rig_run_idle(&rig, 20 * USEC_PER_MSEC);
        assert_int_equal(1, seen.opens);
        assert_int_equal(0, seen.output[1].size);
        assert_int_equal(0, seen.ends);
        if (cancel)
            seen.call = engine_call_cancel(seen.call);
        else
            engine_call_pause(seen.call, false);
        rig_run_idle(&rig, 20 * USEC_PER_MSEC);
        assert_int_equal(!cancel, seen.ends);
        assert_int_equal(!cancel, seen.output[1].size);
        seen_clear(&seen);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pause_from_inside),
        cmocka_unit_test(test_pause_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
