/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is known of a container's health: the content of Docker's State.Health (Engine API 1.41),
 * whoever ran the check. Plain memory of a fixed size, owned by nobody but its holder.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum HealthStatus {
    HEALTH_NONE, /* no check: nothing is known */
    HEALTH_STARTING,
    HEALTH_HEALTHY,
    HEALTH_UNHEALTHY,
} HealthStatus;

/* "none", "starting", "healthy", "unhealthy". */
const char *health_status_name(HealthStatus status);
/* -EINVAL for a word that is none of these. */
int health_status_of_name(const char *name, HealthStatus *ret);

/* Docker keeps this many results, and of each this much of what the probe wrote. */
#define HEALTH_RESULTS_MAX 5
#define HEALTH_OUTPUT_MAX 4096
/* Room for a note before it (that the probe ran out of time). */
#define HEALTH_NOTE_MAX 96
#define HEALTH_TEXT_MAX (HEALTH_NOTE_MAX + HEALTH_OUTPUT_MAX)
/* Room for the "..." of a text that was cut, and the NUL. */
#define HEALTH_CUT_SIZE 4

typedef struct HealthResult {
    /* CLOCK_REALTIME, to be shown: nothing is computed with them. */
    uint64_t start_usec;
    uint64_t end_usec;
    int exit_code; /* 0 is healthy, all else is not; -1: it came to no exit code */
    char output[HEALTH_TEXT_MAX + HEALTH_CUT_SIZE];
} HealthResult;

typedef struct HealthRecord {
    HealthStatus status;
    unsigned failing_streak;
    size_t n_results;
    HealthResult results[HEALTH_RESULTS_MAX]; /* oldest first */
} HealthRecord;

/* Room for one result more, the newest; the oldest goes when there are HEALTH_RESULTS_MAX. The
 * caller fills it whole. */
HealthResult *health_record_append(HealthRecord *record);
/* NULL before the first. */
const HealthResult *health_record_newest(const HealthRecord *record);

/* Copies at most `max` bytes of a probe's output (any bytes) and ends it with "..." if that is not
 * all. What is no printable text becomes '?'; no character is cut in two. `ret` has room for
 * `max` + HEALTH_CUT_SIZE. */
void health_output_copy(char *ret, size_t max, const char *output, size_t size);

/* The first line of a result's output, printable, in a buffer of `size`. "" for NULL. */
void health_output_line(const HealthResult *result, char *ret, size_t size);
