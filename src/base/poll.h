/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Descriptors and one deadline on an event loop, for a library that wants to be
 * told when it can go on and changes its mind often.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Poll {
    sd_event *event;
    void (*on_ready)(int fd, bool readable, bool writable, void *userdata);
    void (*on_due)(void *userdata);
    void *userdata;
    sd_event_source *timer;
    sd_event_source *soon;
} Poll;

/* The callbacks and userdata are set before. Takes a reference to `event`. 0 or a negative errno;
 * poll_close() is fine after both. */
int poll_open(Poll *poll, sd_event *event);
void poll_close(Poll *poll);

/* Calls on_ready when `fd` can be read or written as asked for. *source belongs to this descriptor:
 * NULL at first, and again once neither is asked for. */
int poll_set_descriptor(Poll *poll, int fd, bool readable, bool writable, sd_event_source **source);
/* Calls on_due once, after `msec`; before the loop sleeps again if that is 0; never if negative. */
int poll_set_deadline(Poll *poll, int64_t msec);
/* Calls on_due before the loop sleeps again, whatever the deadline. */
void poll_run_soon(Poll *poll);
