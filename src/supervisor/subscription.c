/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/subscription.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

/* An engine that restarts is back within seconds; one that is gone is not asked more often than
 * this. */
#define RETRY_FIRST_USEC (50 * USEC_PER_MSEC)
#define RETRY_LAST_USEC (2 * USEC_PER_SEC)
#define ANSWER_TIMEOUT_USEC (10 * USEC_PER_SEC)

enum {
    STREAM_WAIT,
    STREAM_EVENTS,
    STREAM_OUTPUT,
    STREAM_COUNT_,
};

struct Subscription {
    sd_event *event;
    Engine *engine;
    SubscriptionHandlers handlers;
    char *container;
    bool running;
    bool output;
    bool tty;
    bool paused;
    bool awaits_unpause; /* the engine attaches nobody to a container that is paused */
    bool established;    /* once */
    bool exited;
    bool lost;
    unsigned open; /* streams, a bit each */
    EngineCall *streams[STREAM_COUNT_];
    EngineCall *question; /* ping or inspect, while the engine is looked for */
    sd_event_source *retry;
    uint64_t retry_usec;
};

static const EngineReply out_of_memory = { .error = -ENOMEM, .message = "no memory" };

static void look_for_engine(Subscription *subscription);
static void on_output_stream_end(const EngineReply *reply, void *userdata);
static void attach_awaited(Subscription *subscription);

static void close_calls(Subscription *subscription)
{
    for (size_t i = 0; i < STREAM_COUNT_; i++)
        subscription->streams[i] = engine_call_cancel(subscription->streams[i]);
    subscription->question = engine_call_cancel(subscription->question);
    subscription->open = 0;
    subscription->awaits_unpause = false;
}

static void note_exit(Subscription *subscription, bool known, int status)
{
    if (subscription->exited)
        return;
    subscription->exited = true;
    subscription->handlers.on_exited(known, status, subscription->handlers.userdata);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    Subscription *subscription = userdata;

    (void)source;
    (void)usec;
    look_for_engine(subscription);
    return 0;
}

static void retry_later(Subscription *subscription)
{
    if (subscription->retry)
        (void)sd_event_source_set_time_relative(subscription->retry, subscription->retry_usec);
    else if (sd_event_add_time_relative(subscription->event, &subscription->retry, CLOCK_MONOTONIC,
                     subscription->retry_usec, 0, on_retry, subscription) < 0)
        return;
    (void)sd_event_source_set_enabled(subscription->retry, SD_EVENT_ONESHOT);
    subscription->retry_usec *= 2;
    if (subscription->retry_usec > RETRY_LAST_USEC)
        subscription->retry_usec = RETRY_LAST_USEC;
}

static void lose(Subscription *subscription, const EngineReply *reply)
{
    bool had_output = subscription->streams[STREAM_OUTPUT];

    /* The exit is all that these streams were for; the last output may still be on its way. */
    if (subscription->exited)
        return;
    close_calls(subscription);
    if (!subscription->established) {
        subscription->handlers.on_failed(reply, subscription->handlers.userdata);
        return;
    }
    if (!subscription->lost) {
        subscription->lost = true;
        subscription->handlers.on_lost(reply->message, subscription->handlers.userdata);
        if (had_output)
            subscription->handlers.on_output_end(subscription->handlers.userdata);
    }
    retry_later(subscription);
}

static void note_open(Subscription *subscription, unsigned stream)
{
    unsigned all = 1U << STREAM_WAIT | 1U << STREAM_EVENTS;

    if (subscription->output)
        all |= 1U << STREAM_OUTPUT;
    /* An output that was waited for. */
    if (subscription->open == all)
        return;
    subscription->open |= 1U << stream;
    if (subscription->open != all)
        return;
    subscription->established = true;
    subscription->lost = false;
    /* From now on it runs, or has run. */
    subscription->running = true;
    subscription->retry_usec = RETRY_FIRST_USEC;
    subscription->handlers.on_subscribed(subscription->handlers.userdata);
}

static void on_wait_open(void *userdata)
{
    note_open(userdata, STREAM_WAIT);
}

static void on_events_open(void *userdata)
{
    note_open(userdata, STREAM_EVENTS);
}

static void on_output_open(void *userdata)
{
    note_open(userdata, STREAM_OUTPUT);
}

static void on_wait_end(const EngineReply *reply, void *userdata)
{
    Subscription *subscription = userdata;
    int64_t status = json_member_integer(reply->body, "StatusCode", -1);

    subscription->streams[STREAM_WAIT] = NULL;
    if (engine_reply_ok(reply) && status >= 0)
        note_exit(subscription, true, (int)(status & 0xff));
    else
        lose(subscription, reply);
}

static void on_event(JsonValue *item, void *userdata)
{
    Subscription *subscription = userdata;

    if (text_equal(json_member_string(item, "Action", ""), "unpause"))
        attach_awaited(subscription);
    subscription->handlers.on_event(item, subscription->handlers.userdata);
}

static void on_events_end(const EngineReply *reply, void *userdata)
{
    Subscription *subscription = userdata;

    subscription->streams[STREAM_EVENTS] = NULL;
    lose(subscription, reply);
}

static void on_output(int fd, const void *data, size_t size, void *userdata)
{
    Subscription *subscription = userdata;

    subscription->handlers.on_output(fd, data, size, subscription->handlers.userdata);
}

static int attach(Subscription *subscription)
{
    EngineOutput output = { on_output_open, on_output, on_output_stream_end, subscription };
    int r = engine_attach(subscription->engine, subscription->container, subscription->tty, &output,
            &subscription->streams[STREAM_OUTPUT]);

    if (r >= 0 && subscription->paused)
        engine_call_pause(subscription->streams[STREAM_OUTPUT], true);
    return r;
}

static void attach_awaited(Subscription *subscription)
{
    if (!subscription->awaits_unpause)
        return;
    subscription->awaits_unpause = false;
    if (attach(subscription) < 0)
        lose(subscription, &out_of_memory);
}

static void on_pause_looked_for(const EngineReply *reply, void *userdata)
{
    Subscription *subscription = userdata;
    JsonValue *state = json_value_get(reply->body, "State");

    subscription->question = NULL;
    if (engine_reply_ok(reply) && !json_member_boolean(state, "Paused", true))
        attach_awaited(subscription);
}

/* All else is there. The event may have come before the refusal. */
static void await_unpause(Subscription *subscription)
{
    subscription->awaits_unpause = true;
    note_open(subscription, STREAM_OUTPUT);
    if (engine_inspect(subscription->engine, subscription->container, ANSWER_TIMEOUT_USEC,
                on_pause_looked_for, subscription, &subscription->question) < 0)
        lose(subscription, &out_of_memory);
}

/* The engine ends this stream when the container's output has ended; that alone is no loss. */
static void on_output_stream_end(const EngineReply *reply, void *userdata)
{
    Subscription *subscription = userdata;

    subscription->streams[STREAM_OUTPUT] = NULL;
    if (reply->status == 409 && strcasestr(reply->message, "paused")) {
        await_unpause(subscription);
        return;
    }
    if (!subscription->established || (!engine_reply_ok(reply) && !subscription->exited)) {
        lose(subscription, reply);
        return;
    }
    subscription->handlers.on_output_end(subscription->handlers.userdata);
}

static int open_streams(Subscription *subscription)
{
    static const char *const actions[] = { "health_status", "kill", "pause", "unpause", NULL };
    /* Of a container that runs, the exit may have come before the question: "not-running" answers
     * then, "next-exit" would hang for ever. Before the start it is the other way round. */
    const char *condition = subscription->running ? "not-running" : "next-exit";
    EngineStream wait = { on_wait_open, NULL, on_wait_end, subscription };
    EngineStream events = { on_events_open, on_event, on_events_end, subscription };
    int r;

    r = engine_wait(subscription->engine, subscription->container, condition, &wait,
            &subscription->streams[STREAM_WAIT]);
    if (r < 0)
        return r;
    r = engine_events(subscription->engine, subscription->container, actions, &events,
            &subscription->streams[STREAM_EVENTS]);
    if (r < 0 || !subscription->output)
        return r;
    return attach(subscription);
}

static void on_inspected(const EngineReply *reply, void *userdata)
{
    Subscription *subscription = userdata;
    JsonValue *state = json_value_get(reply->body, "State");

    subscription->question = NULL;
    if (subscription->established && reply->status == 404) {
        note_exit(subscription, false, 0);
        return;
    }
    if (!engine_reply_ok(reply)) {
        lose(subscription, reply);
        return;
    }
    if (subscription->running && !json_member_boolean(state, "Running", false)) {
        note_exit(subscription, true, (int)(json_member_integer(state, "ExitCode", 0) & 0xff));
        return;
    }

    subscription->handlers.on_inspected(
            reply->body, subscription->lost, subscription->handlers.userdata);
    if (open_streams(subscription) < 0)
        lose(subscription, &out_of_memory);
}

static int inspect(Subscription *subscription)
{
    return engine_inspect(subscription->engine, subscription->container, ANSWER_TIMEOUT_USEC,
            on_inspected, subscription, &subscription->question);
}

static void on_pinged(const EngineReply *reply, void *userdata)
{
    Subscription *subscription = userdata;

    subscription->question = NULL;
    if (!engine_reply_ok(reply) || inspect(subscription) < 0)
        retry_later(subscription);
}

static void look_for_engine(Subscription *subscription)
{
    if (engine_ping(subscription->engine, ANSWER_TIMEOUT_USEC, on_pinged, subscription,
                &subscription->question) < 0)
        retry_later(subscription);
}

int subscription_new(sd_event *event, Engine *engine, const SubscriptionRequest *request,
        const SubscriptionHandlers *handlers, Subscription **ret)
{
    Subscription *subscription = calloc(1, sizeof(*subscription));
    int r;

    if (!subscription)
        return -ENOMEM;
    *subscription = (Subscription){
        .event = sd_event_ref(event),
        .engine = engine,
        .handlers = *handlers,
        .container = strdup(request->container),
        .running = request->running,
        .output = request->output,
        .tty = request->tty,
        .retry_usec = RETRY_FIRST_USEC,
    };

    r = subscription->container ? inspect(subscription) : -ENOMEM;
    if (r < 0) {
        (void)subscription_free(subscription);
        return r;
    }
    *ret = subscription;
    return 0;
}

void subscription_pause_output(Subscription *subscription, bool paused)
{
    if (!subscription)
        return;
    subscription->paused = paused;
    if (subscription->streams[STREAM_OUTPUT])
        engine_call_pause(subscription->streams[STREAM_OUTPUT], paused);
}

void subscription_drop_output(Subscription *subscription)
{
    if (!subscription->streams[STREAM_OUTPUT])
        return;
    subscription->streams[STREAM_OUTPUT] = engine_call_cancel(subscription->streams[STREAM_OUTPUT]);
    subscription->handlers.on_output_end(subscription->handlers.userdata);
}

bool subscription_has_events(const Subscription *subscription)
{
    return subscription && subscription->streams[STREAM_EVENTS];
}

bool subscription_has_output(const Subscription *subscription)
{
    return subscription && subscription->streams[STREAM_OUTPUT];
}

bool subscription_is_connected(const Subscription *subscription)
{
    return subscription && subscription->established && !subscription->lost;
}

Subscription *subscription_free(Subscription *subscription)
{
    if (!subscription)
        return NULL;
    close_calls(subscription);
    (void)sd_event_source_disable_unref(subscription->retry);
    (void)sd_event_unref(subscription->event);
    free(subscription->container);
    free(subscription);
    return NULL;
}
