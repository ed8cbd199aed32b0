/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of a container's sd_notify(3) message may reach systemd. Pure.
 *
 * The container may be hostile: MAINPID=, FDSTORE=1, NOTIFYACCESS= and all else
 * that would give it power over the unit are dropped, and what passes does so
 * as a value of ours, never as the text that came.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unit/notify.h"

/* NOTIFY_BUFFER_MAX of systemd, which passes over what is larger, too. */
#define NOTIFY_DATAGRAM_MAX 4096
/* DBUS_MAXIMUM_NAME_LENGTH */
#define NOTIFY_BUS_ERROR_MAX 255

typedef enum NotifyPhase {
    NOTIFY_PHASE_SAME, /* it does not say */
    NOTIFY_PHASE_READY,
    NOTIFY_PHASE_RELOADING,
    NOTIFY_PHASE_STOPPING,
} NotifyPhase;

typedef enum NotifyPing {
    NOTIFY_PING_NONE,
    NOTIFY_PING_ALIVE,   /* WATCHDOG=1 */
    NOTIFY_PING_TRIGGER, /* WATCHDOG=trigger */
} NotifyPing;

/* All zero: it says nothing. */
struct NotifyMessage {
    NotifyPhase phase;
    NotifyPing ping;
    bool has_status;                          /* which may be "": none any more */
    char status[NOTIFY_STATUS_MAX + 1];       /* one printable line */
    char bus_error[NOTIFY_BUS_ERROR_MAX + 1]; /* BUSERROR=, or "" */
    unsigned error;                           /* ERRNO=, 1 ... 4095, or 0 */
    uint64_t monotonic_usec;                  /* MONOTONIC_USEC=, or 0 */
    uint64_t extend_timeout_usec;             /* EXTEND_TIMEOUT_USEC=, or 0 */
};

/* Reads a datagram. True if something of it passes. Of READY, RELOADING, STOPPING the last one
 * counts, of all else the first, as with systemd. */
bool notify_filter(const void *datagram, size_t size, NotifyMessage *ret);

/* Makes *to say what it and the later *next say together. False, and nothing is changed, if one
 * message cannot: if each names another phase. */
bool notify_message_merge(NotifyMessage *to, const NotifyMessage *next);
