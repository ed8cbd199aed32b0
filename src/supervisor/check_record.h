/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is kept of a check that a timer drives, from one run to the next: the
 * content of health.json of a container without a resident wrapper. Pure.
 *
 *     Status, FailingStreak, Log   in the shape of Docker's State.Health
 *     Unit, Cgroup, Pid            who is spoken for, and its main process
 *     Started, Ended               the container, the newest result (monotonic, microseconds)
 *     WatchdogUSec                 0: none is to be served
 *     Judged                       pings stand for health; else for the process alone
 *     Triggers                     unhealthy acts at once
 *     Told                         the unit hears us
 *     Place                        the end of its status line
 *     Healthcheck                  the container's, as the engine has it
 *
 * A result has Start, End (RFC 3339), ExitCode, Output as an entry of Log, and
 * Began and Ended (monotonic, microseconds).
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define CHECK_OUTPUT_MAX 4096U

/* Config.Healthcheck, with Docker's defaults for what is 0 or missing. */
typedef struct CheckTimes {
    uint64_t interval_usec;
    uint64_t timeout_usec;
    uint64_t start_period_usec;
    uint64_t start_interval_usec;
    int64_t retries;
} CheckTimes;

void check_times_parse(JsonValue *check, CheckTimes *ret);

/* What a check executes: {"Test":["CMD-SHELL","x"]} to ["/bin/sh","-c","x"]. NULL: there is no
 * check, or no memory. */
JsonValue *check_command(JsonValue *config);

/* An array, or NULL without memory. `output` is any bytes, made printable in place; `exit_code`
 * -1: it came to none. Times in CLOCK_REALTIME, and monotonic. */
typedef struct CheckTimestamps {
    uint64_t began_realtime;
    uint64_t ended_realtime;
    uint64_t began;
    uint64_t ended;
} CheckTimestamps;
JsonValue *check_result_new(const CheckTimestamps *at, int exit_code, const char *output);

/* Docker's rules: streak, retries, start period, the last five results. *ret_changed: the status
 * did. 0; -EBADMSG: that is no result; -ENOMEM. */
int check_record_count(
        JsonValue *record, const CheckTimes *times, JsonValue *result, bool *ret_changed);

/* Has its time come, at the monotonic `now`? */
bool check_record_is_due(JsonValue *record, const CheckTimes *times, uint64_t now);
/* May the watchdog be pinged: not unhealthy, and the newest result not older than interval +
 * timeout + 30 s. */
bool check_record_is_alive(JsonValue *record, const CheckTimes *times, uint64_t now);

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
void check_schedule(
        const CheckTimes *times, bool has_check, uint64_t watchdog_usec, CheckSchedule *ret);
