/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is on its way to the manager: the fields of sd_notify(3), the newest
 * value of each kind, until the manager has room. For notify.c, whose
 * notify_attach(), notify_close(), notify_barrier() and notify_is_wanted()
 * are carried out here.
 */

typedef enum NotifyField {
    FIELD_MAIN_PID,
    FIELD_READY,
    FIELD_RELOADING,
    FIELD_STOPPING,
    FIELD_MONOTONIC,
    FIELD_EXTEND_TIMEOUT,
    FIELD_WATCHDOG,
    FIELD_EXIT_STATUS,
    FIELD_ERRNO,
    FIELD_BUS_ERROR,
    FIELD_STATUS,
    FIELD_COUNT_,
} NotifyField;

/* Keeps a value for the next flush; what is longer than NOTIFY_STATUS_MAX bytes is cut. */
void notify_queue_set(NotifyField field, const char *value);
/* The value that was set last, sent or not; "" before the first. Borrowed. */
const char *notify_queue_newest(NotifyField field);
/* Sends what is kept, or sees to it that it is sent once there is room. */
void notify_queue_flush(void);
