/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DIRECTORY/control: where a resident wrapper is spoken to, by the other verbs.
 *
 * One connection is one question and one answer, each a JSON object in one
 * message (SOCK_SEQPACKET). Only root and our own user get an answer. What is
 * too large, too slow or not an object is hung up on; more than
 * CONTROL_CONNECTIONS_MAX at once wait in the kernel's queue.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/json.h"

#define CONTROL_MESSAGE_MAX (64U << 10)
#define CONTROL_CONNECTIONS_MAX 16U

typedef struct Control Control;

/* Returns the answer, which the caller takes over; NULL: there is none. Runs from the loop. Must
 * not free the Control. */
typedef JsonValue *(*ControlHandler)(JsonValue *question, void *userdata);

/* Listens in the directory, in place of a dead one's socket. Takes a reference to `event`. */
int control_listen(sd_event *event, const char *directory, ControlHandler handler, void *userdata,
        Control **ret);
/* Hangs up on all, and removes the socket. Returns NULL. */
Control *control_free(Control *control);
DEFINE_CLEANUP(Control *, control_free);

/* Asks, and waits for the answer: for programs that do nothing else meanwhile. *ret is the
 * caller's. -ENOENT, -ECONNREFUSED: there is no wrapper; -EMSGSIZE; -ETIMEDOUT; -ECONNRESET: it
 * hung up; -EBADMSG: its answer is none; -EPERM: it is neither root nor our user. */
int control_ask(const char *directory, JsonValue *question, uint64_t timeout_usec, JsonValue **ret);
