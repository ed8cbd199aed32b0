/* SPDX-License-Identifier: Apache-2.0 */
#include "health/docker_health.h"

#include "health/health_json.h"

static JsonValue *state_health(JsonValue *inspect)
{
    return json_value_get(json_value_get(inspect, "State"), "Health");
}

/* The index of the first entry that was not read before; 0 also if it cannot be told. */
static size_t first_new(const DockerLog *log, const HealthRecord *docker)
{
    for (size_t i = docker->n_results; log->has_newest && i > 0; i--)
        if (docker->results[i - 1].start_usec == log->newest_start_usec &&
                docker->results[i - 1].end_usec == log->newest_end_usec)
            return i;
    return 0;
}

static uint64_t ended_at(
        const DockerLog *log, const HealthResult *result, uint64_t now, uint64_t realtime)
{
    uint64_t age = realtime > result->end_usec ? realtime - result->end_usec : 0;
    uint64_t earliest = log->read ? log->read_at : 0;

    return age < now - earliest ? now - age : earliest;
}

/* How long it took is told by one clock, whatever that shows. */
static uint64_t began_at(const HealthResult *result, uint64_t ended)
{
    uint64_t took =
            result->end_usec > result->start_usec ? result->end_usec - result->start_usec : 0;

    return ended > took ? ended - took : 0;
}

/* Has each result since the last reading been in this log? */
static bool is_complete(const DockerLog *log, const HealthRecord *docker, size_t first)
{
    if (log->has_newest)
        return first > 0;
    return log->read && docker->n_results < HEALTH_RESULTS_MAX;
}

static bool feed(DockerLog *log, Health *health, const HealthRecord *docker, size_t first,
        uint64_t now, uint64_t realtime)
{
    HealthStatus before = health->record.status;
    bool starting = docker->status == HEALTH_STARTING;
    bool was_reset = starting && (log->status == HEALTH_HEALTHY || log->status == HEALTH_UNHEALTHY);
    /* Before Docker's first success there may have been one of our own. */
    bool ours_is_ahead = starting && !was_reset && before == HEALTH_HEALTHY;
    /* What is of a standstill is in Docker's streak, not in ours. */
    bool stood_still = false;

    if (was_reset)
        (void)health_reset(health, now);
    for (size_t i = first; i < docker->n_results; i++) {
        /* What failed in the start period is not in Docker's streak. That period is over when a
         * probe of our own succeeded, of which Docker does not know. */
        bool counts = docker->n_results - i <= docker->failing_streak ||
                health->record.status != HEALTH_STARTING;
        uint64_t ended = ended_at(log, &docker->results[i], now, realtime);
        uint64_t began = began_at(&docker->results[i], ended);

        stood_still = stood_still || began < health->thawed;
        (void)health_result_decided(health, counts, began, ended, &docker->results[i]);
    }
    if (!is_complete(log, docker, first) && !ours_is_ahead && !stood_still)
        (void)health_correct(health, docker->status, docker->failing_streak);
    return health->record.status != before;
}

int docker_log_feed(DockerLog *log, Health *health, JsonValue *inspect, uint64_t now,
        uint64_t realtime, bool *ret_changed)
{
    const HealthResult *newest;
    HealthRecord docker;
    size_t first;
    int r;

    *ret_changed = false;
    r = health_record_parse(state_health(inspect), &docker);
    if (r < 0)
        return r;

    first = first_new(log, &docker);
    *ret_changed = feed(log, health, &docker, first, now, realtime);
    newest = health_record_newest(&docker);
    *log = (DockerLog){ .read = true, .status = docker.status, .read_at = now };
    if (newest) {
        log->has_newest = true;
        log->newest_start_usec = newest->start_usec;
        log->newest_end_usec = newest->end_usec;
    }
    return first < docker.n_results ? 1 : 0;
}
