/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Text to values. All refuse what they do not understand as a whole with -EINVAL (too large:
 * -ERANGE). */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* What systemd takes for a boolean (1 yes y true t on, 0 no n false f off; any case) covers Go's.
 */
int parse_boolean(const char *text, bool *ret);

/* Decimal digits only: no sign, no space. */
int parse_unsigned(const char *text, uint64_t *ret);

/* Decimal with an optional sign. */
int parse_integer(const char *text, int64_t *ret);

/* A time span as in systemd.time(7), "2min 200ms", "1.5h", "30" (seconds); "infinity" is
 * USEC_INFINITY. Go's "1m30s" is one too, with Go's "µs" and "us". In microseconds. */
int parse_span(const char *text, uint64_t *ret_usec);

/* A signal by name ("TERM", "SIGTERM", "RTMIN+3", "RTMAX-1"; any case) or number. */
int parse_signal(const char *text, int *ret);
/* "SIGTERM", or "signal 70" for one without a name, in a buffer that the next call reuses. */
const char *format_signal(int signal_number);

/* "1min 30s" of microseconds, in a buffer that the next call reuses. */
const char *format_span(uint64_t usec);
