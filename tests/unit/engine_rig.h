/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An Engine and a fake one on one loop, and a note of what handlers saw.
 * Includers include cmocka.h and what it needs first.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/http.h"
#include "engine/engine.h"
#include "fake_engine.h"

/* Nothing here takes long: what does has failed. */
#define RIG_PATIENCE_USEC (10 * USEC_PER_SEC)

typedef struct Rig {
    sd_event *event;
    FakeEngine fake;
    Engine *engine;
} Rig;

/* What the handlers of one call saw. */
typedef struct Seen {
    unsigned opens, items, ends;
    Buffer output[3]; /* by descriptor */
    char *last_item;
    int error, status;
    char *message, *body; /* JSON */
    bool ok;
    EngineCall *call;
} Seen;

static inline void rig_open_at(Rig *rig, bool tcp, FakeReply *replies, size_t replies_size)
{
    char *message = NULL;

    for (size_t i = 0; i < replies_size; i++)
        replies[i].used = false;
    assert_true(sd_event_new(&rig->event) >= 0);
    fake_engine_open(&rig->fake, rig->event, tcp, replies, replies_size);
    assert_int_equal(0, engine_new(rig->event, rig->fake.address, &rig->engine, &message));
    assert_null(message);
}

static inline void rig_open(Rig *rig, FakeReply *replies, size_t replies_size)
{
    rig_open_at(rig, false, replies, replies_size);
}

static inline void rig_close(Rig *rig)
{
    rig->engine = engine_free(rig->engine);
    fake_engine_close(&rig->fake);
    rig->event = sd_event_unref(rig->event);
}

/* Runs the loop until *flag, and fails if that takes too long. */
static inline void rig_run_until(Rig *rig, const unsigned *flag, unsigned value)
{
    uint64_t start, now;

    assert_true(sd_event_now(rig->event, CLOCK_MONOTONIC, &start) >= 0);
    while (*flag < value) {
        assert_true(sd_event_run(rig->event, RIG_PATIENCE_USEC) >= 0);
        assert_true(sd_event_now(rig->event, CLOCK_MONOTONIC, &now) >= 0);
        assert_true(now - start < RIG_PATIENCE_USEC);
    }
}

/* Runs the loop until nothing has happened for `usec`. */
static inline void rig_run_idle(Rig *rig, uint64_t usec)
{
    int r;

    do
        r = sd_event_run(rig->event, usec);
    while (r > 0);
    assert_int_equal(0, r);
}

static inline void on_seen_open(void *userdata)
{
    Seen *seen = userdata;

    assert_int_equal(0, seen->ends);
    seen->opens++;
}

static inline void on_seen_item(JsonValue *item, void *userdata)
{
    Seen *seen = userdata;

    assert_int_equal(1, seen->opens);
    assert_int_equal(0, seen->ends);
    seen->items++;
    free(seen->last_item);
    seen->last_item = strdup(json_value_format(item));
}

static inline void on_seen_output(int fd, const void *data, size_t size, void *userdata)
{
    Seen *seen = userdata;

    assert_int_equal(1, seen->opens);
    assert_int_equal(0, seen->ends);
    assert_true(fd == 1 || fd == 2);
    assert_true(size > 0 && size <= 64U << 10);
    assert_int_equal(0, buffer_append(&seen->output[fd], data, size, SIZE_MAX));
}

static inline void on_seen_end(const EngineReply *reply, void *userdata)
{
    Seen *seen = userdata;

    seen->ends++;
    seen->ok = engine_reply_ok(reply);
    seen->error = reply->error;
    seen->status = reply->status;
    free(seen->message);
    seen->message = strdup(reply->message);
    free(seen->body);
    seen->body = reply->body ? strdup(json_value_format(reply->body)) : NULL;
    seen->call = NULL;
}

static inline EngineStream seen_stream(Seen *seen)
{
    return (EngineStream){ on_seen_open, on_seen_item, on_seen_end, seen };
}

static inline EngineOutput seen_output(Seen *seen)
{
    return (EngineOutput){ on_seen_open, on_seen_output, on_seen_end, seen };
}

static inline void seen_clear(Seen *seen)
{
    free(seen->last_item);
    free(seen->message);
    free(seen->body);
    buffer_free(&seen->output[1]);
    buffer_free(&seen->output[2]);
    *seen = (Seen){ 0 };
}

/* A handler that must not run. */
static inline void on_unwanted_end(const EngineReply *reply, void *userdata)
{
    (void)userdata;
    print_error("unwanted reply: %d %d %s\n", reply->error, reply->status, reply->message);
    fail();
}
