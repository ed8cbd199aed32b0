/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A timer and its service that exist only while a unit is active:
 * org.freedesktop.systemd1(5), StartTransientUnit().
 *
 *     NAME.timer              elapses
 *     NAME.service            runs the command
 *     NAME:end.service        runs another when the unit stops or has ended; its own end removes
 *                             the runtime directory
 *
 * Bound to the unit (BindsTo=), they go with it, whoever was killed before, and systemd
 * forgets them, failed or not (CollectMode=inactive-or-failed). What an earlier
 * one of the same name left is stopped first.
 *
 * Root speaks to the system's manager, others to their own.
 */

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

typedef struct TransientTimer TransientTimer;

typedef struct TransientTimerSettings {
    const char *name;         /* "systemd-ctr-health-web" */
    const char *unit;         /* "web.service" */
    const char *description;  /* of the service */
    char *const *command;     /* an absolute path first; no "$". NULL: the end is all there is */
    char *const *end_command; /* likewise; a process that moves itself elsewhere may stay behind */
    char *const *environment; /* "NAME=value", or NULL */
    /* When it elapses, counted from its own start: at these, and then so long after each end of the
     * service (Docker counts its interval alike). */
    const uint64_t *first_usec;
    size_t first_size;
    uint64_t interval_usec;
    uint64_t accuracy_usec;
    uint64_t timeout_usec;         /* of one run of the service */
    const char *runtime_directory; /* below the manager's (/run) */
} TransientTimerSettings;

/* 0: it is there, and starts when the unit is active; negative: why not, with the manager's words
 * in `message` (NULL where there are none). Runs once, from the loop; may free. */
typedef void (*TransientTimerHandler)(int r, const char *message, void *userdata);

/* `settings` stay with the caller, until the handler ran. -ENXIO and the like: there is no bus.
 * For transient_timer_free(), before or after the handler ran. */
int transient_timer_start(sd_event *event, const TransientTimerSettings *settings,
        TransientTimerHandler handler, void *userdata, TransientTimer **ret);
/* Lets go of the bus; the units stay. Returns NULL. */
TransientTimer *transient_timer_free(TransientTimer *timer);
DEFINE_CLEANUP(TransientTimer *, transient_timer_free);
