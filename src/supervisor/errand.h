/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A short errand with the engine: what cleanup, status and check share. Connects
 * (waiting for an engine that does not answer, for a while), then goes on with
 * what the verb wants, until errand_end().
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "cli/options.h"
#include "engine/engine.h"

typedef struct Errand {
    const Options *options;
    sd_event *event;
    Engine *engine;
    void (*on_connected)(struct Errand *errand);
    /* May be NULL: there is a loop, and no engine that has answered. */
    void (*on_begin)(struct Errand *errand);
    /* May be NULL: the loop has ended, the engine is there still. */
    void (*on_end)(struct Errand *errand);
    sd_event_source *again;
    uint64_t until_usec; /* monotonic: how long to wait for the engine */
    int exit_code;
} Errand;

#define ERRAND_ANSWER_USEC (30 * 1000000ULL)

/* Runs to the end, returns the exit code. `wait_usec`: for the engine. An engine that does not
 * answer: says so and returns EXIT_UNAVAILABLE. */
int errand_run(Errand *errand, const Options *options, uint64_t wait_usec,
        void (*on_connected)(Errand *errand));
void errand_end(Errand *errand, int exit_code);
/* Logs "cannot WHAT: why" and ends. */
void errand_fail(Errand *errand, const char *what, const EngineReply *reply);
/* The same for a call that could not be made; 0 is fine and does nothing. */
void errand_check(Errand *errand, int r, const char *what);
