/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What systemd is told: sd_notify(3). Without NOTIFY_SOCKET all of it is a
 * no-op. Nothing here fails: once the container runs, a manager that does not
 * listen is no reason to end.
 *
 * Nothing here waits either, notify_barrier() aside. What the manager's queue
 * has no room for is kept, the newest value of each kind, and goes out together
 * as soon as there is room: from the loop after notify_attach(), else with the
 * next call.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

#define NOTIFY_STATUS_MAX 512

/* What a container said, see notify_filter.h. */
typedef struct NotifyMessage NotifyMessage;

/* Is there a manager that listens? */
bool notify_is_wanted(void);

/* Takes a reference to `event`, until notify_close(). */
void notify_attach(sd_event *event);
/* Lets go of the loop and of the socket, and forgets what was not sent. Calls after it open the
 * socket anew. */
void notify_close(void);

/* With a status line, or NULL. */
void notify_ready(const char *status);
/* One line a person can read, as printf(3); made printable and cut at NOTIFY_STATUS_MAX bytes. The
 * same line again is not sent twice. */
void notify_status(const char *format, ...) _printf_(1, 2);
/* STOPPING=1 with a status line, or NULL. */
void notify_stopping(const char *status);
void notify_watchdog(void);
/* WATCHDOG=trigger: act now as if the pings had stopped. */
void notify_watchdog_trigger(void);
/* EXTEND_TIMEOUT_USEC=: from now on, of whichever of start and stop is running. */
void notify_extend_timeout(uint64_t usec);
void notify_main_pid(pid_t pid);
/* All that `message` says, as one message. */
void notify_forward(const NotifyMessage *message);
/* The last word: EXIT_STATUS=, and ERRNO= where `error` is a negative errno; `status` may be NULL.
 */
void notify_exit(int exit_status, int error, const char *status);
/* Returns when the manager has taken all that was sent before, or after `timeout_usec`.
 * Blocks: for the end of the program. 0 (also without a manager), or a negative errno:
 * -ETIMEDOUT, or why nothing could be sent. */
int notify_barrier(uint64_t timeout_usec);

/* sd_watchdog_enabled(3): 1 and WATCHDOG_USEC if that is set and meant for this process, 0 if not,
 * or -EINVAL for what is no such value. */
int notify_watchdog_period(uint64_t *ret_usec);
