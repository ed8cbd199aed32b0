/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Times and durations as Go writes them: that is how the engine's JSON and messages have them.
 * Times are CLOCK_REALTIME in microseconds; what is finer is dropped.
 */

#include <stddef.h>
#include <stdint.h>

/* Room for any text of the two functions below that format. */
#define GO_TIME_SIZE 32

/* RFC 3339 with any offset, "2026-03-01T12:00:00.123456789+01:00". -EINVAL: it is none;
 * -ERANGE: before 1970, Go's zero time too. */
int go_time_parse(const char *text, uint64_t *ret_usec);

/* RFC 3339 in UTC, the fraction as long as needed: "2026-03-01T11:00:00.5Z". A time after the
 * year 9999, which the format ends with, is the last moment of it. */
void go_time_format(uint64_t usec, char ret[GO_TIME_SIZE]);

/* "1h0m0.5s", "1m30s", "1.5ms", "250µs". */
void go_duration_format(uint64_t usec, char ret[GO_TIME_SIZE]);
