/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static uint64_t usec_of(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

uint64_t now_usec(void)
{
    return usec_of(CLOCK_MONOTONIC);
}

uint64_t now_realtime_usec(void)
{
    return usec_of(CLOCK_REALTIME);
}
