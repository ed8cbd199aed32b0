/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/watchdog.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "unit/notify.h"

#define SLACK_MAX_USEC (250 * USEC_PER_MSEC)

struct Watchdog {
    sd_event *event;
    sd_event_source *timer;
    uint64_t interval_usec; /* half of WATCHDOG_USEC */
    uint64_t slack_usec;
    bool (*is_alive)(void *userdata);
    void *userdata;
};

/*
 * The timer may fire within the last sixteenth of the interval, never after it: so sd-event(3) can
 * let it share a wake-up with others of this machine, and a ping is still no later than half.
 * The interval starts when the ping went out, not when it was due: after a suspended or stalled
 * machine there is one ping, not one for each that was missed.
 */
static int arm(Watchdog *watchdog)
{
    uint64_t now;
    int r;

    r = sd_event_now(watchdog->event, CLOCK_MONOTONIC, &now);
    if (r < 0)
        return r;
    r = sd_event_source_set_time(
            watchdog->timer, now + watchdog->interval_usec - watchdog->slack_usec);
    if (r < 0)
        return r;
    return sd_event_source_set_enabled(watchdog->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    Watchdog *watchdog = userdata;

    (void)source, (void)usec;
    if (watchdog->is_alive(watchdog->userdata))
        notify_watchdog();
    return arm(watchdog);
}

int watchdog_start(
        sd_event *event, bool (*is_alive)(void *userdata), void *userdata, Watchdog **ret)
{
    _cleanup_(watchdog_free_p) Watchdog *watchdog = NULL;
    uint64_t period;
    int r;

    *ret = NULL;
    r = notify_watchdog_period(&period);
    if (r <= 0)
        return r;

    watchdog = calloc(1, sizeof(*watchdog));
    if (!watchdog)
        return -ENOMEM;
    watchdog->event = sd_event_ref(event);
    watchdog->interval_usec = period > 1 ? period / 2 : 1;
    watchdog->slack_usec = watchdog->interval_usec / 16;
    if (watchdog->slack_usec > SLACK_MAX_USEC)
        watchdog->slack_usec = SLACK_MAX_USEC;
    watchdog->is_alive = is_alive;
    watchdog->userdata = userdata;

    /* An accuracy of 0 would mean sd-event's own 250 ms. */
    r = sd_event_add_time(event, &watchdog->timer, CLOCK_MONOTONIC, 0,
            watchdog->slack_usec > 0 ? watchdog->slack_usec : 1, on_timer, watchdog);
    if (r < 0)
        return r;
    /* Ahead of the container's output, however much of that there is. */
    r = sd_event_source_set_priority(watchdog->timer, SD_EVENT_PRIORITY_IMPORTANT);
    if (r < 0)
        return r;
    r = arm(watchdog);
    if (r < 0)
        return r;

    if (is_alive(userdata))
        notify_watchdog();
    *ret = TAKE_PTR(watchdog);
    return 1;
}

void watchdog_ping(Watchdog *watchdog)
{
    if (!watchdog || !watchdog->is_alive(watchdog->userdata))
        return;
    notify_watchdog();
    (void)arm(watchdog);
}

Watchdog *watchdog_free(Watchdog *watchdog)
{
    if (!watchdog)
        return NULL;
    (void)sd_event_source_disable_unref(watchdog->timer);
    (void)sd_event_unref(watchdog->event);
    free(watchdog);
    return NULL;
}
