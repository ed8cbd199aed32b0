/* SPDX-License-Identifier: Apache-2.0 */
#include "base/poll.h"

#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"

static int on_soon(sd_event_source *source, void *userdata)
{
    Poll *poll = userdata;

    (void)source;
    poll->on_due(poll->userdata);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)usec;
    return on_soon(source, userdata);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    /* A failed descriptor is both: the read or write tells how it failed. */
    bool failed = events & (EPOLLERR | EPOLLHUP);
    Poll *poll = userdata;

    (void)source;
    poll->on_ready(fd, failed || (events & EPOLLIN), failed || (events & EPOLLOUT), poll->userdata);
    return 0;
}

int poll_open(Poll *poll, sd_event *event)
{
    int r;

    poll->event = sd_event_ref(event);
    r = sd_event_add_defer(event, &poll->soon, on_soon, poll);
    if (r < 0)
        return r;
    return sd_event_source_set_enabled(poll->soon, SD_EVENT_OFF);
}

void poll_close(Poll *poll)
{
    poll->timer = sd_event_source_disable_unref(poll->timer);
    poll->soon = sd_event_source_disable_unref(poll->soon);
    poll->event = sd_event_unref(poll->event);
}

int poll_set_descriptor(Poll *poll, int fd, bool readable, bool writable, sd_event_source **source)
{
    uint32_t events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);

    /* Not merely without events: epoll reports EPOLLHUP unasked, again and again. */
    if (events == 0) {
        *source = sd_event_source_disable_unref(*source);
        return 0;
    }
    if (*source)
        return sd_event_source_set_io_events(*source, events);
    return sd_event_add_io(poll->event, source, fd, events, on_io, poll);
}

int poll_set_deadline(Poll *poll, int64_t msec)
{
    uint64_t usec, accuracy;
    int r;

    if (msec <= 0) {
        if (msec == 0)
            poll_run_soon(poll);
        return sd_event_source_set_enabled(poll->timer, SD_EVENT_OFF);
    }

    usec = (uint64_t)msec * USEC_PER_MSEC;
    /* 0 is the loop's own idea of accuracy: a quarter of a second, less wake-ups. */
    accuracy = usec < USEC_PER_SEC ? USEC_PER_MSEC : 0;
    if (!poll->timer)
        return sd_event_add_time_relative(
                poll->event, &poll->timer, CLOCK_MONOTONIC, usec, accuracy, on_timer, poll);
    r = sd_event_source_set_time_relative(poll->timer, usec);
    if (r < 0)
        return r;
    r = sd_event_source_set_time_accuracy(poll->timer, accuracy);
    if (r < 0)
        return r;
    return sd_event_source_set_enabled(poll->timer, SD_EVENT_ONESHOT);
}

void poll_run_soon(Poll *poll)
{
    (void)sd_event_source_set_enabled(poll->soon, SD_EVENT_ONESHOT);
}
