/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Time in microseconds, as sd-event takes it. */

#include <stdint.h>

#define USEC_PER_SEC 1000000ULL
#define USEC_PER_MSEC 1000ULL
#define NSEC_PER_USEC 1000ULL
#define USEC_INFINITY UINT64_MAX

/* CLOCK_MONOTONIC: for everything that is waited for, or compared. */
uint64_t now_usec(void);
/* CLOCK_REALTIME: to be shown only, for it may be set. */
uint64_t now_realtime_usec(void);
