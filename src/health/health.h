/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The health machine: Docker's rules (moby's daemon/health.go) for a check that we run, that
 * Docker runs, or both. No I/O and no clock: the caller says what happened and when, asks
 * health_next() what is to be done, and sets one timer.
 *
 * `now`, and every time that is not said to be CLOCK_REALTIME, is CLOCK_MONOTONIC in
 * microseconds: a clock that is set changes nothing. Functions that return bool tell whether the
 * status changed, if nothing else is said.
 *
 *   - The first probe comes one interval after the start, each other one interval after the end of
 *     the one before.
 *   - Until the first success, and as long as the start period runs: failures do not count, and
 *     the start interval is in force. A probe is due when the period ends, if one would come later
 *     (so in Docker 29.5, moby#52317; older ones wait the start interval out).
 *   - Exit code 0 is healthy and ends the failing streak, all else is a failure; `retries` of them
 *     in a row are unhealthy.
 *   - A probe has 30 s to start; from there it has `timeout`, then it is to be killed. Both are
 *     failures with exit code -1.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "health/record.h"

#define HEALTH_PROBE_START_USEC 30000000ULL

/* Docker's default is taken for what is 0: 30 s, 30 s, none, 5 s, 3. */
typedef struct HealthConfig {
    bool has_check;
    uint64_t interval_usec;
    uint64_t timeout_usec;
    uint64_t start_period_usec;
    uint64_t start_interval_usec;
    unsigned retries;
} HealthConfig;

typedef enum HealthAction {
    HEALTH_WAIT,         /* nothing, until something happens */
    HEALTH_RUN_PROBE,    /* then health_probe_requested() */
    HEALTH_KILL_PROBE,   /* its time is up: then health_probe_timed_out() */
    HEALTH_START_FAILED, /* it did not start in time: give it up, then health_probe_timed_out() */
} HealthAction;

typedef struct HealthNext {
    HealthAction action;
    uint64_t at_usec; /* USEC_INFINITY for HEALTH_WAIT; may have passed */
} HealthNext;

typedef enum ProbePhase {
    PROBE_NONE,
    PROBE_REQUESTED, /* not known to run */
    PROBE_RUNNING,
    PROBE_OVERDUE_START, /* given up in PROBE_REQUESTED */
    PROBE_OVERDUE,       /* killed in PROBE_RUNNING */
} ProbePhase;

/* How a probe ended. To be cut right, `output` has one byte more than HEALTH_OUTPUT_MAX if there
 * was more. It is any bytes, and copied. */
typedef struct ProbeEnd {
    uint64_t start_usec; /* CLOCK_REALTIME */
    uint64_t end_usec;
    int exit_code;
    const char *output;
    size_t size;
} ProbeEnd;

typedef struct Health {
    HealthConfig config; /* without zeros for defaults */
    HealthRecord record;
    uint64_t started;  /* the container */
    uint64_t evidence; /* when the newest result came, before the first: when we began to look */
    ProbePhase phase;
    uint64_t due;         /* in PROBE_NONE: the next probe */
    uint64_t requested;   /* else: when the probe in flight was requested */
    uint64_t deadline;    /* and when it must have started, or ended */
    uint64_t paused_from; /* USEC_INFINITY: it is not */
    uint64_t thawed;      /* the end of the last standstill */
} Health;

/* `started` is the container's start: now, or earlier for one that is adopted (whose first probe is
 * due at once if its time has passed). */
void health_init(Health *health, const HealthConfig *config, uint64_t started, uint64_t now);

/* Goes on from a record that was kept; `evidence` is when its newest result came. Docker's own rule
 * makes status and streak agree if they do not. */
void health_restore(Health *health, const HealthRecord *record, uint64_t evidence);

HealthNext health_next(const Health *health);

/* The scheduled probe: requested, started (not for one that cannot tell: both at once), and ended.
 * One that could not be started for another reason than time ends with exit code -1 and that
 * reason as output. After health_probe_timed_out() nothing is to be done until it has ended, with
 * whatever exit code: dying probes must not pile up. */
void health_probe_requested(Health *health, uint64_t now);
void health_probe_started(Health *health, uint64_t now);
void health_probe_timed_out(Health *health);
bool health_probe_ended(Health *health, uint64_t now, const ProbeEnd *end);
/* It ended without telling anything (its engine went away): no result. */
void health_probe_cancelled(Health *health, uint64_t now);

/* A result from outside the schedule, which it does not disturb: of a probe that began and ended at
 * these times. It counts as any other. */
bool health_result(Health *health, uint64_t began, uint64_t ended, const ProbeEnd *end);
/* The same, of one that another has recorded, and has decided whether it counts as a failure. */
bool health_result_decided(
        Health *health, bool counts, uint64_t began, uint64_t ended, const HealthResult *result);
/* Status and streak as another knows them. */
bool health_correct(Health *health, HealthStatus status, unsigned failing_streak);

/* Time stands still between these two: no probe is due or out of time, evidence does not age, the
 * start period does not run. A result that comes between them is dropped, as by Docker: it tells
 * of the pause. Twice is once. */
void health_pause(Health *health, uint64_t now);
void health_resume(Health *health, uint64_t now);

/* It is seen only now that all stood still, who runs the check included, from about then until now.
 * That was like a pause, but it tells in results that come later: of what began before now they are
 * dropped. A probe in flight is given up (the caller cancels it) and due again at once; evidence
 * counts anew from here. */
void health_stood_still(Health *health, uint64_t from, uint64_t now);

/* The engine that runs the check was started anew: back to starting, without a streak; the results
 * stay. The start period does not begin anew. A probe in flight goes on, and counts. */
bool health_reset(Health *health, uint64_t now);

/* Is it in its start period, and has no probe succeeded? Then the start interval is in force. */
bool health_is_in_start_period(const Health *health, uint64_t now);

/* When the evidence will be too old to believe: interval + timeout + 30 s after the newest result,
 * or after the end of the start period that it is in. USEC_INFINITY without a check and when
 * paused. */
uint64_t health_stale_at(const Health *health);
bool health_is_stale(const Health *health, uint64_t now);
