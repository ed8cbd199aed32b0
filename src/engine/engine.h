/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Docker Engine API, typed, on one event loop.
 *
 * An Engine is an address and what was negotiated with it. A call returns at
 * once; its handler runs later from the loop, exactly once, never from inside
 * the call that started it, never after engine_call_cancel() or engine_free().
 * Calls run side by side. The handler owns nothing: what it is given is
 * borrowed while it runs. In a handler, calls may be started and cancelled, its
 * own too, and the engine freed; the call that ends is released after on_end.
 *
 * All that comes from the socket is bounded and validated here: a reply of more
 * than ENGINE_REPLY_MAX bytes, a line, a frame or a header that is not what the
 * API says ends the call with -EBADMSG.
 *
 * What does something (POST, DELETE) is never sent twice. What only asks (GET)
 * is asked once more when a kept connection turns out to be dead.
 *
 * No threads and nothing that blocks, with one exception: a tcp:// address with
 * a name that is not "localhost" is looked up by libcurl, in a thread of its
 * own that ends with the look-up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/json.h"

#define ENGINE_REPLY_MAX (8U << 20)
#define ENGINE_LINE_MAX (64U << 10)

/* The oldest and the newest API that we speak: Docker 20.10 and 29. */
#define ENGINE_API_MINOR_MIN 41U
#define ENGINE_API_MINOR_MAX 52U

typedef struct Engine Engine;
typedef struct EngineCall EngineCall;

/* How a call ended. */
typedef struct EngineReply {
    int error;  /* 0, or why there is no (whole) reply: -ECONNREFUSED, -ENOENT, -ECONNRESET,
                   -ETIMEDOUT, -EBADMSG, ... */
    int status; /* HTTP status, 0 without a reply */
    const char
            *message; /* one line: the engine's own words, or those of the error; "" on success */
    JsonValue *body;  /* NULL on an error, or if the reply had none */
} EngineReply;

static inline bool engine_reply_ok(const EngineReply *reply)
{
    return reply->error == 0 && reply->status >= 200 && reply->status < 400;
}

typedef void (*EngineHandler)(const EngineReply *reply, void *userdata);

/* For calls that go on: `on_open` runs when the engine has taken the call (its reply's headers are
 * here), `on_end` when it ends; both at most once, on_end last. on_open may be NULL. */
typedef struct EngineStream {
    void (*on_open)(void *userdata);
    void (*on_item)(JsonValue *item, void *userdata);
    EngineHandler on_end;
    void *userdata;
} EngineStream;

/* `host`: "unix:///path" or "tcp://host:port". With DOCKER_TLS_VERIFY and DOCKER_CERT_PATH in our
 * environment TCP is spoken with TLS; DOCKER_API_VERSION fixes the version. -EINVAL, with a
 * sentence in *ret_message (the caller's), for an address or environment that is none. Takes a
 * reference to `event`. */
int engine_new(sd_event *event, const char *host, Engine **ret, char **ret_message);
/* Cancels every call. Returns NULL. */
Engine *engine_free(Engine *engine);

/* For messages: "unix:///var/run/docker.sock". */
const char *engine_host(const Engine *engine);
/* 1.`minor`; ENGINE_API_MINOR_MIN before engine_ping() succeeded. */
unsigned engine_api_minor(const Engine *engine);

/* Every call returns 0, or a negative errno and then no handler will run: -EINVAL for what cannot
 * be the name of a container or an image, -ENOMEM. `ret_call` may be NULL for calls that nobody
 * will cancel. A `timeout_usec` of USEC_INFINITY is none. */

/* Negotiates the version too. An engine that speaks no version of ours: error -EPROTONOSUPPORT
 * with a message that names both ranges. */
int engine_ping(Engine *engine, uint64_t timeout_usec, EngineHandler handler, void *userdata,
        EngineCall **ret_call);
/* GET /info. May come before engine_ping(): it is not asked in a version. */
int engine_info(Engine *engine, uint64_t timeout_usec, EngineHandler handler, void *userdata,
        EngineCall **ret_call);

/* `container` is a name or an ID everywhere. */
int engine_inspect(Engine *engine, const char *container, uint64_t timeout_usec,
        EngineHandler handler, void *userdata, EngineCall **ret_call);
/* `name` and `platform` may be NULL. `body` is borrowed during the call. body.Id, which is then
 * letters and digits; body.Warnings. */
int engine_create(Engine *engine, const char *name, const char *platform, JsonValue *body,
        EngineHandler handler, void *userdata, EngineCall **ret_call);
int engine_start(Engine *engine, const char *container, EngineHandler handler, void *userdata,
        EngineCall **ret_call);
/* `grace_sec` < 0: the container's own. No timeout of ours: ends when the container is down. */
int engine_stop(Engine *engine, const char *container, int grace_sec, EngineHandler handler,
        void *userdata, EngineCall **ret_call);
/* `signal_name` NULL: SIGKILL. */
int engine_kill(Engine *engine, const char *container, const char *signal_name,
        EngineHandler handler, void *userdata, EngineCall **ret_call);
/* Kills first what runs, with ENGINE_REMOVE_FORCE; without it a container that runs is a 409. Its
 * anonymous volumes go along with ENGINE_REMOVE_VOLUMES. */
enum {
    ENGINE_REMOVE_FORCE = 1 << 0,
    ENGINE_REMOVE_VOLUMES = 1 << 1,
};
int engine_remove(Engine *engine, const char *container, unsigned flags, EngineHandler handler,
        void *userdata, EngineCall **ret_call);

/* POST /containers/ID/wait. `condition`: "next-exit", "removed", "not-running". Subscribed once
 * on_open ran; body.StatusCode, an integer, and body.Error.Message at the end; on_item is not used.
 * An engine that goes away: -ECONNRESET. */
int engine_wait(Engine *engine, const char *container, const char *condition,
        const EngineStream *stream, EngineCall **ret_call);
/* GET /events of this container, of the kinds in `actions` (NULL-terminated), one item each. It
 * does not end but by an error; an engine that goes away: -ECONNRESET. The engine says 200 an
 * instant before it listens (moby's getEvents() flushes first): an event may be missed there. */
int engine_events(Engine *engine, const char *container, const char *const *actions,
        const EngineStream *stream, EngineCall **ret_call);
/* POST /images/create. Progress items; a failure in the stream (errorDetail) ends the call with
 * its words as reply.message and status 500. */
int engine_pull(Engine *engine, const char *image, const char *platform, const EngineStream *stream,
        EngineCall **ret_call);

/* POST /containers/ID/attach: output from on_open on. The end of the container's output and that of
 * the engine look alike: error 0, unless a frame was cut. `on_output` gets `fd` 1 or 2 (1 for a
 * terminal's raw stream, `tty`), never more than 64 KiB at once; it must take it all, and calls
 * engine_call_pause() when it has had enough. */
typedef struct EngineOutput {
    void (*on_open)(void *userdata);
    void (*on_output)(int fd, const void *data, size_t size, void *userdata);
    EngineHandler on_end;
    void *userdata;
} EngineOutput;
int engine_attach(Engine *engine, const char *container, bool tty, const EngineOutput *output,
        EngineCall **ret_call);

/* Stops and resumes the flow of a call, its on_end included. What was received already (64 KiB at
 * most) waits here, but for the rest of the piece that is being handed over; then the engine is
 * not read any further. NULL is fine. */
void engine_call_pause(EngineCall *call, bool paused);
/* NULL is fine. Returns NULL. The engine may or may not have carried the call out. */
EngineCall *engine_call_cancel(EngineCall *call);

/* The parts of the engine's registry reference: splits "name[:tag][@digest]" into what POST
 * /images/create wants. Pure; both results are the caller's. Without tag and digest *ret_tag is
 * "latest". */
int engine_split_reference(const char *image, char **ret_name, char **ret_tag);
