/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The health of a container as Docker tells it: its inspect reply. Pure.
 *
 * Events come only on change and can be lost; inspect is the truth. Whoever
 * (re)connects inspects first.
 */

#include <stdbool.h>

#include "base/json.h"
#include "health/health.h"

/* How far Docker's log has been read. Zero at first. */
typedef struct DockerLog {
    bool read;
    HealthStatus status;
    bool has_newest;
    uint64_t newest_start_usec; /* CLOCK_REALTIME: they only tell the entry from others */
    uint64_t newest_end_usec;
    uint64_t read_at;
} DockerLog;

/* Feeds what is new in Docker's log to the machine: each result once, in order, counted if Docker
 * counts it, also where the log was read too rarely to have them all: then, and at first, Docker's
 * status and streak hold. One that Docker has set back to starting is set back.
 *
 * Docker tells a result's end by the wall clock. So that a clock that is set cannot make it older
 * than it is, it lies between the last reading and `now` where there was a last reading.
 *
 * `realtime` is CLOCK_REALTIME now. *ret_changed: the status did, which it may without a result. 1:
 * there was something new; 0: there was not; or -EBADMSG: the reply has no State.Health that can be
 * read, and nothing was fed. */
int docker_log_feed(DockerLog *log, Health *health, JsonValue *inspect, uint64_t now,
        uint64_t realtime, bool *ret_changed);
