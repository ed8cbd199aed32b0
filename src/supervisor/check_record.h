/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is known of a container's health, as others may read it: the content of
 * health.json, and what a check that a timer drives goes on from. Pure.
 *
 *     Status, FailingStreak, Log   in the shape of Docker's State.Health
 *     Unit, Cgroup, Id, Pid        who is spoken for, the container, its first process
 *     Started, Ended               the container, the newest result (monotonic, microseconds)
 *     WatchdogUSec                 0: none is to be served
 *     Judged                       pings stand for health; else for the process alone
 *     Triggers                     unhealthy acts at once
 *     Told                         the unit hears us
 *     Place                        the end of its status line
 *     Healthcheck                  the container's, as the engine has it
 *     Probe                        --probe=, if it has one
 *
 * A result, as `healthcheck` hands it over, has Start, End (RFC 3339), ExitCode,
 * Output as an entry of Log, and Began and Ended (monotonic, microseconds).
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "health/health.h"

typedef struct CheckResult {
    uint64_t began; /* CLOCK_MONOTONIC */
    uint64_t ended;
    ProbeEnd end; /* its output is borrowed */
} CheckResult;

/* The caller's; NULL without memory. */
JsonValue *check_result_format(const CheckResult *result);
/* Borrows from `value`. -EBADMSG: that is no result. */
int check_result_parse(JsonValue *value, CheckResult *ret);

/* The health machine as the record left it. -EBADMSG: that is no record. */
int check_record_load(JsonValue *record, uint64_t now, Health *ret);
/* Its status, streak and results. 0 or -ENOMEM. */
int check_record_store(JsonValue *record, const Health *health);
/* Counts a result, also one that comes after a younger one. *ret_changed: the status did. */
int check_record_count(
        JsonValue *record, const CheckResult *result, uint64_t now, bool *ret_changed);

/* Has the check's time come, at the monotonic `now`? */
bool check_record_is_due(JsonValue *record, uint64_t now);
/* May the watchdog be pinged: not unhealthy, and the newest result is not too old? */
bool check_record_is_alive(JsonValue *record, uint64_t now);

/* At most this many times of an own in the start period. */
#define CHECK_FIRST_MAX 64U
/* When a timer is to elapse for this check and a watchdog of that period (0: none): first at these
 * times, then so long after each run. It serves the watchdog at half its period, and meets the
 * check's interval. */
typedef struct CheckSchedule {
    uint64_t first_usec[CHECK_FIRST_MAX];
    size_t first_size;
    uint64_t again_usec;
} CheckSchedule;
void check_schedule(const HealthConfig *config, uint64_t watchdog_usec, CheckSchedule *ret);
