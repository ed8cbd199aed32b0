/* SPDX-License-Identifier: Apache-2.0 */
#include "health/health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "health/go_time.h"

/* What Go's nanoseconds can hold (292 years): sums of a few of these do not overflow. */
#define SPAN_MAX_USEC ((uint64_t)INT64_MAX / NSEC_PER_USEC)

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t span_or(uint64_t configured, uint64_t otherwise)
{
    return configured > 0 ? min(configured, SPAN_MAX_USEC) : otherwise;
}

static bool is_paused(const Health *health)
{
    return health->paused_from != USEC_INFINITY;
}

static uint64_t start_period_end(const Health *health)
{
    return health->started + health->config.start_period_usec;
}

/* What the clock shows here, where it stands still during a pause. */
static uint64_t clock_of(const Health *health, uint64_t now)
{
    return min(now, health->paused_from);
}

bool health_is_in_start_period(const Health *health, uint64_t now)
{
    return health->record.status == HEALTH_STARTING &&
            clock_of(health, now) < start_period_end(health);
}

static uint64_t wait_from(const Health *health, uint64_t now)
{
    if (!health_is_in_start_period(health, now))
        return health->config.interval_usec;
    return min(health->config.start_interval_usec, start_period_end(health) - now);
}

void health_init(Health *health, const HealthConfig *config, uint64_t started, uint64_t now)
{
    *health = (Health){
        .config = {
            .has_check = config->has_check,
            .interval_usec = span_or(config->interval_usec, 30 * USEC_PER_SEC),
            .timeout_usec = span_or(config->timeout_usec, 30 * USEC_PER_SEC),
            .start_period_usec = span_or(config->start_period_usec, 0),
            .start_interval_usec = span_or(config->start_interval_usec, 5 * USEC_PER_SEC),
            .retries = config->retries > 0 ? config->retries : 3,
        },
        .record.status = config->has_check ? HEALTH_STARTING : HEALTH_NONE,
        .started = started,
        .evidence = now,
        .paused_from = USEC_INFINITY,
    };
    health->due = max(started + wait_from(health, started), now);
}

void health_restore(Health *health, const HealthRecord *record, uint64_t evidence)
{
    if (!health->config.has_check || record->status == HEALTH_NONE)
        return;
    health->record = *record;
    health->evidence = evidence;
    (void)health_correct(health, record->status, record->failing_streak);
}

HealthNext health_next(const Health *health)
{
    if (!health->config.has_check || is_paused(health))
        return (HealthNext){ HEALTH_WAIT, USEC_INFINITY };

    switch (health->phase) {
    case PROBE_NONE:
        return (HealthNext){ HEALTH_RUN_PROBE, health->due };
    case PROBE_REQUESTED:
        return (HealthNext){ HEALTH_START_FAILED, health->deadline };
    case PROBE_RUNNING:
        return (HealthNext){ HEALTH_KILL_PROBE, health->deadline };
    case PROBE_OVERDUE_START:
    case PROBE_OVERDUE:
        break;
    }
    return (HealthNext){ HEALTH_WAIT, USEC_INFINITY };
}

void health_probe_requested(Health *health, uint64_t now)
{
    health->phase = PROBE_REQUESTED;
    health->requested = clock_of(health, now);
    health->deadline = health->requested + HEALTH_PROBE_START_USEC;
}

/* moby: the engine's own time to start an exec, a second in bad cases, is not the probe's. */
void health_probe_started(Health *health, uint64_t now)
{
    if (health->phase != PROBE_REQUESTED)
        return;
    health->phase = PROBE_RUNNING;
    health->deadline = clock_of(health, now) + health->config.timeout_usec;
}

void health_probe_timed_out(Health *health)
{
    if (health->phase == PROBE_REQUESTED)
        health->phase = PROBE_OVERDUE_START;
    else if (health->phase == PROBE_RUNNING)
        health->phase = PROBE_OVERDUE;
}

/* Adds it, and decides what it means. */
static bool take_result(
        Health *health, bool counts, uint64_t began, uint64_t ended, const HealthResult *result)
{
    HealthRecord *record = &health->record;
    HealthStatus before = record->status;

    if (!health->config.has_check || ended > health->paused_from || began < health->thawed)
        return false;

    *health_record_append(record) = *result;
    health->evidence = max(health->evidence, ended);
    if (result->exit_code == 0) {
        record->failing_streak = 0;
        record->status = HEALTH_HEALTHY;
    } else if (counts) {
        if (record->failing_streak < INT32_MAX)
            record->failing_streak++;
        if (record->failing_streak >= health->config.retries)
            record->status = HEALTH_UNHEALTHY;
    }
    return record->status != before;
}

/* A probe counts by when it began. */
static bool failure_counts(const Health *health, uint64_t began)
{
    return !health_is_in_start_period(health, began);
}

/* `note` goes before what the probe wrote. */
static void fill_result(HealthResult *ret, const ProbeEnd *end, const char *note)
{
    size_t length = strlen(note);

    ret->start_usec = end->start_usec;
    ret->end_usec = end->end_usec;
    ret->exit_code = end->exit_code;
    memcpy(ret->output, note, length);
    health_output_copy(ret->output + length, HEALTH_OUTPUT_MAX, end->output, end->size);
}

/* -1 and these words, whatever exit code the kill made of it. */
static void fill_timed_out(const Health *health, HealthResult *ret, const ProbeEnd *end)
{
    bool started = health->phase == PROBE_OVERDUE;
    char duration[GO_TIME_SIZE], note[HEALTH_NOTE_MAX];

    go_duration_format(started ? health->config.timeout_usec : HEALTH_PROBE_START_USEC, duration);
    (void)snprintf(note, sizeof(note), "Health check %s (%s)%s",
            started ? "exceeded timeout" : "did not start in time", duration,
            end->size > 0 ? ": " : "");
    fill_result(ret, end, note);
    ret->exit_code = -1;
}

static void end_probe(Health *health, uint64_t now)
{
    now = clock_of(health, now);
    health->phase = PROBE_NONE;
    health->due = now + wait_from(health, now);
}

bool health_probe_ended(Health *health, uint64_t now, const ProbeEnd *end)
{
    HealthResult result;
    bool changed;

    if (health->phase == PROBE_NONE)
        return false; /* cancelled before */
    if (health->phase == PROBE_OVERDUE || health->phase == PROBE_OVERDUE_START)
        fill_timed_out(health, &result, end);
    else
        fill_result(&result, end, "");

    changed = take_result(
            health, failure_counts(health, health->requested), health->requested, now, &result);
    end_probe(health, now);
    return changed;
}

void health_probe_cancelled(Health *health, uint64_t now)
{
    if (health->phase != PROBE_NONE)
        end_probe(health, now);
}

bool health_result(Health *health, uint64_t began, uint64_t ended, const ProbeEnd *end)
{
    HealthResult result;

    fill_result(&result, end, "");
    return take_result(health, failure_counts(health, began), began, ended, &result);
}

bool health_result_decided(
        Health *health, bool counts, uint64_t began, uint64_t ended, const HealthResult *result)
{
    return take_result(health, counts, began, ended, result);
}

bool health_correct(Health *health, HealthStatus status, unsigned failing_streak)
{
    HealthRecord *record = &health->record;
    HealthStatus before = record->status;

    if (!health->config.has_check || status == HEALTH_NONE)
        return false;
    record->status = failing_streak >= health->config.retries ? HEALTH_UNHEALTHY : status;
    record->failing_streak = failing_streak;
    if (record->status == HEALTH_UNHEALTHY && failing_streak < health->config.retries)
        record->failing_streak = health->config.retries;
    return record->status != before;
}

void health_pause(Health *health, uint64_t now)
{
    health->paused_from = min(health->paused_from, now);
}

void health_resume(Health *health, uint64_t now)
{
    uint64_t stood_still;

    if (!is_paused(health))
        return;
    stood_still = now - health->paused_from;
    health->paused_from = USEC_INFINITY;
    health->started += stood_still;
    health->evidence += stood_still;
    health->due += stood_still;
    health->requested += stood_still;
    health->deadline += stood_still;
}

void health_stood_still(Health *health, uint64_t from, uint64_t now)
{
    /* One that is paused is so still. */
    if (!is_paused(health)) {
        health_pause(health, from);
        health_resume(health, now);
    }
    health->thawed = now;
    now = clock_of(health, now);
    health->evidence = max(health->evidence, now);
    if (health->phase == PROBE_NONE)
        return;
    health->phase = PROBE_NONE;
    health->due = now;
}

bool health_reset(Health *health, uint64_t now)
{
    bool changed = health_correct(health, HEALTH_STARTING, 0);

    now = clock_of(health, now);
    health->evidence = now;
    /* Of a probe in flight, the end sets it. */
    health->due = now + wait_from(health, now);
    return changed;
}

uint64_t health_stale_at(const Health *health)
{
    const HealthConfig *config = &health->config;
    uint64_t from = health->evidence;

    if (!config->has_check || is_paused(health))
        return USEC_INFINITY;
    if (health->record.status == HEALTH_STARTING)
        from = max(from, start_period_end(health));
    return from + config->interval_usec + config->timeout_usec + HEALTH_PROBE_START_USEC;
}

bool health_is_stale(const Health *health, uint64_t now)
{
    return now >= health_stale_at(health);
}
