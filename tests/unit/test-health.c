/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "health/health.h"

/* The tables are in seconds of virtual time, from a start that is not 0. */
#define ORIGIN (1000 * USEC_PER_SEC)
#define NEVER (-1.0)

typedef enum Event {
    END, /* of the table */
    REQUESTED,
    STARTED,
    TIMED_OUT,
    ENDED,
    CANCELLED,
    PROBE,  /* requested, started and ended at once */
    RESULT, /* from outside the schedule, it took no time */
    PAUSE,
    RESUME,
    RESET,
    LOOK, /* nothing happens */
} Event;

typedef struct Step {
    double at;
    Event event;
    int exit_code;
    HealthStatus status; /* what holds after it */
    unsigned streak;
    HealthAction next;
    double next_at;
} Step;

typedef struct Case {
    const char *name;
    double interval, timeout, start_period, start_interval;
    unsigned retries;
    Step steps[16];
} Case;

#define STARTING HEALTH_STARTING
#define HEALTHY HEALTH_HEALTHY
#define UNHEALTHY HEALTH_UNHEALTHY
#define RUN HEALTH_RUN_PROBE
#define KILL HEALTH_KILL_PROBE
#define GIVE_UP HEALTH_START_FAILED
#define WAIT HEALTH_WAIT

static uint64_t usec(double seconds)
{
    return seconds < 0 ? USEC_INFINITY : ORIGIN + (uint64_t)(seconds * 1e6 + 0.5);
}

static HealthConfig config_of(const Case *rule)
{
    return (HealthConfig){
        .has_check = true,
        .interval_usec = (uint64_t)(rule->interval * 1e6 + 0.5),
        .timeout_usec = (uint64_t)(rule->timeout * 1e6 + 0.5),
        .start_period_usec = (uint64_t)(rule->start_period * 1e6 + 0.5),
        .start_interval_usec = (uint64_t)(rule->start_interval * 1e6 + 0.5),
        .retries = rule->retries,
    };
}

/* The wall clock runs wild: nothing may depend on it. */
static ProbeEnd probe_end(int exit_code)
{
    static uint64_t wild = 1;

    wild = wild * 6364136223846793005ULL + 1442695040888963407ULL;
    return (ProbeEnd){ .start_usec = wild >> 12,
        .end_usec = wild >> 13,
        .exit_code = exit_code,
        .output = "told",
        .size = 4 };
}

static bool apply(Health *health, const Step *step)
{
    uint64_t now = usec(step->at);
    ProbeEnd end = probe_end(step->exit_code);

    switch (step->event) {
    case REQUESTED:
        health_probe_requested(health, now);
        return false;
    case STARTED:
        health_probe_started(health, now);
        return false;
    case TIMED_OUT:
        health_probe_timed_out(health);
        return false;
    case ENDED:
        return health_probe_ended(health, now, &end);
    case CANCELLED:
        health_probe_cancelled(health, now);
        return false;
    case PROBE:
        health_probe_requested(health, now);
        health_probe_started(health, now);
        return health_probe_ended(health, now, &end);
    case RESULT:
        return health_result(health, now, now, &end);
    case PAUSE:
        health_pause(health, now);
        return false;
    case RESUME:
        health_resume(health, now);
        return false;
    case RESET:
        return health_reset(health, now);
    case LOOK:
    case END:
        break;
    }
    return false;
}

static const Case cases[] = {
    /* interval, timeout, start period, start interval, retries */
    { "defaults: 30 s, 30 s, no start period, 3", 0, 0, 0, 0, 0,
            {
                    { 0, LOOK, 0, STARTING, 0, RUN, 30 },
                    { 30, REQUESTED, 0, STARTING, 0, GIVE_UP, 60 },
                    { 31, STARTED, 0, STARTING, 0, KILL, 61 },
                    { 32, ENDED, 1, STARTING, 1, RUN, 62 },
                    { 62, PROBE, 1, STARTING, 2, RUN, 92 },
                    { 92, PROBE, 1, UNHEALTHY, 3, RUN, 122 },
            } },
    { "the default start interval is 5 s", 0, 0, 60, 0, 0,
            { { 0, LOOK, 0, STARTING, 0, RUN, 5 }, { 5, PROBE, 1, STARTING, 0, RUN, 10 } } },
    { "the interval runs from the end of a probe to the start of the next", 10, 20, 0, 0, 3,
            {
                    { 10, REQUESTED, 0, STARTING, 0, GIVE_UP, 40 },
                    { 10.5, STARTED, 0, STARTING, 0, KILL, 30.5 },
                    { 25, ENDED, 0, HEALTHY, 0, RUN, 35 },
                    { 36, REQUESTED, 0, HEALTHY, 0, GIVE_UP, 66 },
                    { 36, STARTED, 0, HEALTHY, 0, KILL, 56 },
                    { 38, ENDED, 0, HEALTHY, 0, RUN, 48 },
            } },
    { "only 0 is healthy", 10, 1, 0, 0, 9,
            {
                    { 10, PROBE, 0, HEALTHY, 0, RUN, 20 },
                    { 20, PROBE, 1, HEALTHY, 1, RUN, 30 },
                    { 30, PROBE, 2, HEALTHY, 2, RUN, 40 },
                    { 40, PROBE, 255, HEALTHY, 3, RUN, 50 },
                    { 50, PROBE, -1, HEALTHY, 4, RUN, 60 },
                    { 60, PROBE, 137, HEALTHY, 5, RUN, 70 },
            } },
    { "a success ends the streak, also of an unhealthy one", 10, 1, 0, 0, 2,
            {
                    { 10, PROBE, 1, STARTING, 1, RUN, 20 },
                    { 20, PROBE, 0, HEALTHY, 0, RUN, 30 },
                    { 30, PROBE, 1, HEALTHY, 1, RUN, 40 },
                    { 40, PROBE, 1, UNHEALTHY, 2, RUN, 50 },
                    { 50, PROBE, 1, UNHEALTHY, 3, RUN, 60 },
                    { 60, PROBE, 0, HEALTHY, 0, RUN, 70 },
            } },
    { "one retry: the first failure is unhealthy", 10, 1, 0, 0, 1,
            { { 10, PROBE, 1, UNHEALTHY, 1, RUN, 20 } } },
    { "start period: failures do not count, the start interval is in force", 30, 1, 10, 3, 1,
            {
                    { 0, LOOK, 0, STARTING, 0, RUN, 3 },
                    { 3, PROBE, 1, STARTING, 0, RUN, 6 },
                    { 6, PROBE, 1, STARTING, 0, RUN, 9 },
                    { 9, PROBE, 1, STARTING, 0, RUN, 10 }, /* as it ends */
                    { 10, PROBE, 1, UNHEALTHY, 1, RUN, 40 },
            } },
    { "start period: what began in it does not count, though it ends after it", 30, 60, 10, 9, 1,
            {
                    { 9, REQUESTED, 0, STARTING, 0, GIVE_UP, 39 },
                    { 12, STARTED, 0, STARTING, 0, KILL, 72 },
                    { 14, ENDED, 1, STARTING, 0, RUN, 44 },
                    { 44, PROBE, 1, UNHEALTHY, 1, RUN, 74 },
            } },
    { "start period: the first success ends it", 30, 1, 20, 3, 2,
            {
                    { 3, PROBE, 1, STARTING, 0, RUN, 6 },
                    { 6, PROBE, 0, HEALTHY, 0, RUN, 36 },
                    { 7, RESULT, 1, HEALTHY, 1, RUN, 36 },
                    { 8, RESULT, 1, UNHEALTHY, 2, RUN, 36 },
            } },
    { "a start interval longer than the start period does not outlast it", 2, 1, 2.5, 30, 1,
            {
                    { 0, LOOK, 0, STARTING, 0, RUN, 2.5 },
                    { 2.5, PROBE, 1, UNHEALTHY, 1, RUN, 4.5 },
            } },
    { "without a start period there is no start interval", 30, 1, 0, 3, 3,
            { { 0, LOOK, 0, STARTING, 0, RUN, 30 }, { 30, PROBE, 1, STARTING, 1, RUN, 60 } } },
    { "timeout: killed, and a failure whatever it exits with; the next counts from its end", 10, 5,
            0, 0, 2,
            {
                    { 10, REQUESTED, 0, STARTING, 0, GIVE_UP, 40 },
                    { 12, STARTED, 0, STARTING, 0, KILL, 17 },
                    { 17, TIMED_OUT, 0, STARTING, 0, WAIT, NEVER },
                    { 21, ENDED, 0, STARTING, 1, RUN, 31 },
                    { 31, PROBE, 0, HEALTHY, 0, RUN, 41 },
            } },
    { "it ended in time, and we are late to see it: no timeout", 10, 5, 0, 0, 1,
            {
                    { 10, REQUESTED, 0, STARTING, 0, GIVE_UP, 40 },
                    { 10, STARTED, 0, STARTING, 0, KILL, 15 },
                    { 99, ENDED, 0, HEALTHY, 0, RUN, 109 },
            } },
    { "30 s to start, which the timeout does not cover", 10, 5, 0, 0, 1,
            {
                    { 10, REQUESTED, 0, STARTING, 0, GIVE_UP, 40 },
                    { 40, TIMED_OUT, 0, STARTING, 0, WAIT, NEVER },
                    { 41, STARTED, 0, STARTING, 0, WAIT, NEVER }, /* too late */
                    { 42, ENDED, 0, UNHEALTHY, 1, RUN, 52 },
            } },
    { "could not be started: a failure", 10, 5, 0, 0, 1,
            {
                    { 10, REQUESTED, 0, STARTING, 0, GIVE_UP, 40 },
                    { 11, ENDED, -1, UNHEALTHY, 1, RUN, 21 },
            } },
    { "cancelled: no result, and what comes after is none", 10, 5, 0, 0, 1,
            {
                    { 10, REQUESTED, 0, STARTING, 0, GIVE_UP, 40 },
                    { 10, STARTED, 0, STARTING, 0, KILL, 15 },
                    { 12, CANCELLED, 0, STARTING, 0, RUN, 22 },
                    { 13, ENDED, 1, STARTING, 0, RUN, 22 },
                    { 13, TIMED_OUT, 0, STARTING, 0, RUN, 22 },
                    { 13, STARTED, 0, STARTING, 0, RUN, 22 },
                    { 14, CANCELLED, 0, STARTING, 0, RUN, 22 },
            } },
    { "a result from outside counts, and leaves the schedule alone", 10, 5, 4, 4, 2,
            {
                    { 3, RESULT, 1, STARTING, 0, RUN, 4 }, /* in the start period */
                    { 4, REQUESTED, 0, STARTING, 0, GIVE_UP, 34 },
                    { 5, STARTED, 0, STARTING, 0, KILL, 10 },
                    { 6, RESULT, 1, STARTING, 1, KILL, 10 },
                    { 6, RESULT, 1, UNHEALTHY, 2, KILL, 10 },
                    { 7, ENDED, 0, HEALTHY, 0, RUN, 17 },
                    { 8, RESULT, 1, HEALTHY, 1, RUN, 17 },
                    { 9, RESULT, 0, HEALTHY, 0, RUN, 17 },
            } },
    { "paused: no probe is due, and after it the rest of the interval runs", 10, 5, 0, 0, 1,
            {
                    { 4, PAUSE, 0, STARTING, 0, WAIT, NEVER },
                    { 50, PAUSE, 0, STARTING, 0, WAIT, NEVER }, /* twice is once */
                    { 60, RESULT, 1, STARTING, 0, WAIT, NEVER },
                    { 104, RESUME, 0, STARTING, 0, RUN, 110 },
                    { 105, RESUME, 0, STARTING, 0, RUN, 110 },
                    { 110, PROBE, 0, HEALTHY, 0, RUN, 120 },
            } },
    { "paused: a probe in flight is not timed out", 10, 5, 0, 0, 1,
            {
                    { 10, REQUESTED, 0, STARTING, 0, GIVE_UP, 40 },
                    { 11, PAUSE, 0, STARTING, 0, WAIT, NEVER },
                    { 111, RESUME, 0, STARTING, 0, GIVE_UP, 140 },
                    { 112, STARTED, 0, STARTING, 0, KILL, 117 },
                    { 113, PAUSE, 0, STARTING, 0, WAIT, NEVER },
                    { 213, RESUME, 0, STARTING, 0, KILL, 217 },
                    { 216, ENDED, 0, HEALTHY, 0, RUN, 226 },
            } },
    { "paused: a result that comes in it is dropped, and one interval runs after it", 10, 5, 0, 0,
            1,
            {
                    { 10, REQUESTED, 0, STARTING, 0, GIVE_UP, 40 },
                    { 10, STARTED, 0, STARTING, 0, KILL, 15 },
                    { 11, PAUSE, 0, STARTING, 0, WAIT, NEVER },
                    { 100, ENDED, 1, STARTING, 0, WAIT, NEVER },
                    { 111, RESUME, 0, STARTING, 0, RUN, 121 },
            } },
    { "paused: the start period does not run", 30, 5, 10, 4, 1,
            {
                    { 4, PROBE, 1, STARTING, 0, RUN, 8 },
                    { 5, PAUSE, 0, STARTING, 0, WAIT, NEVER },
                    { 105, RESUME, 0, STARTING, 0, RUN, 108 },
                    { 108, PROBE, 1, STARTING, 0, RUN, 110 },
                    { 110, PROBE, 1, UNHEALTHY, 1, RUN, 140 },
            } },
    { "reset: back to starting, one interval to the next", 10, 5, 0, 0, 2,
            {
                    { 10, PROBE, 1, STARTING, 1, RUN, 20 },
                    { 20, PROBE, 1, UNHEALTHY, 2, RUN, 30 },
                    { 23, RESET, 0, STARTING, 0, RUN, 33 },
                    { 33, PROBE, 1, STARTING, 1, RUN, 43 },
                    { 43, PROBE, 0, HEALTHY, 0, RUN, 53 },
                    { 44, RESET, 0, STARTING, 0, RUN, 54 },
            } },
    { "reset: the start period does not begin anew, but goes on if it has not ended", 30, 5, 20, 4,
            1,
            {
                    { 4, PROBE, 0, HEALTHY, 0, RUN, 34 },
                    { 5, RESET, 0, STARTING, 0, RUN, 9 },
                    { 9, PROBE, 1, STARTING, 0, RUN, 13 },
                    { 21, RESET, 0, STARTING, 0, RUN, 51 },
                    { 51, PROBE, 1, UNHEALTHY, 1, RUN, 81 },
            } },
    { "reset: a probe in flight goes on", 10, 5, 0, 0, 1,
            {
                    { 10, REQUESTED, 0, STARTING, 0, GIVE_UP, 40 },
                    { 10, STARTED, 0, STARTING, 0, KILL, 15 },
                    { 12, RESET, 0, STARTING, 0, KILL, 15 },
                    { 13, ENDED, 0, HEALTHY, 0, RUN, 23 },
            } },
};

static void test_rules(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        HealthConfig config = config_of(&cases[i]);
        Health health;

        health_init(&health, &config, ORIGIN, ORIGIN);
        assert_int_equal(health.record.status, STARTING);
        for (const Step *step = cases[i].steps; step->event != END; step++) {
            HealthStatus before = health.record.status;
            bool changed = apply(&health, step);
            HealthNext next = health_next(&health);

            if (health.record.status != step->status ||
                    health.record.failing_streak != step->streak)
                fail_msg("%s: at %g: %s, streak %u", cases[i].name, step->at,
                        health_status_name(health.record.status), health.record.failing_streak);
            if (next.action != step->next || next.at_usec != usec(step->next_at))
                fail_msg("%s: at %g: action %d at %g", cases[i].name, step->at, (int)next.action,
                        (double)(next.at_usec - ORIGIN) / 1e6);
            if (changed != (before != health.record.status))
                fail_msg("%s: at %g: changed is wrong", cases[i].name, step->at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
    };

    return cmocka_run_group_tests_name("health rules", tests, NULL, NULL);
}
