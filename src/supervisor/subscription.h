/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the engine tells us of a container without being asked: its exit (wait),
 * its events, its output (attach).
 *
 * The container is inspected, then the three streams are opened together; the
 * same again after the engine was away, since what happened meanwhile is in no
 * stream.
 */

#include <stdbool.h>

#include "engine/engine.h"

typedef struct Subscription Subscription;

typedef struct SubscriptionHandlers {
    /* All streams are open: nothing that happens from here on is missed. Also after a loss. */
    void (*on_subscribed)(void *userdata);
    /* The first opening was refused. */
    void (*on_failed)(const EngineReply *reply, void *userdata);
    /* The container has ended; `known`: with this status. Once. */
    void (*on_exited)(bool known, int status, void *userdata);
    void (*on_event)(JsonValue *event, void *userdata);
    void (*on_output)(int fd, const void *data, size_t size, void *userdata);
    /* No output will come any more, or none while the engine is away. */
    void (*on_output_end)(void *userdata);
    /* The engine went away. It is looked for until it is back or the subscription released. */
    void (*on_lost)(const char *message, void *userdata);
    /* The container as it is, just before the streams are opened; `after_loss`: again. */
    void (*on_inspected)(JsonValue *inspect, bool after_loss, void *userdata);
    void *userdata;
} SubscriptionHandlers;

typedef struct SubscriptionRequest {
    const char *container; /* ID, copied */
    bool running;          /* it runs already; else it is about to be started */
    bool output;
    bool tty;
} SubscriptionRequest;

int subscription_new(sd_event *event, Engine *engine, const SubscriptionRequest *request,
        const SubscriptionHandlers *handlers, Subscription **ret);
/* Stops and resumes the output. NULL is fine. */
void subscription_pause_output(Subscription *subscription, bool paused);
/* Gives up what of the output is still with the engine; on_output_end runs. */
void subscription_drop_output(Subscription *subscription);
/* Has the engine that was subscribed to stayed, the container's exit aside? */
bool subscription_has_events(const Subscription *subscription);
/* Is an output stream open? */
bool subscription_has_output(const Subscription *subscription);
/* False before the streams were open and while the engine is away. */
bool subscription_is_connected(const Subscription *subscription);
/* NULL is fine. Returns NULL. */
Subscription *subscription_free(Subscription *subscription);
