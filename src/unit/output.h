/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container's output, to our stdout and stderr, byte for byte, without ever
 * waiting for who reads there.
 *
 * What a reader does not take is kept, up to OUTPUT_HIGH_WATER for both streams
 * together; then `on_full` tells the source to stop, and `on_room` to go on once
 * it is down to half. When a reader is gone (EPIPE), or a file takes no more
 * (ENOSPC), that is reported once and the bytes are dropped: the service goes
 * on, and what comes later is tried again.
 *
 * Where both streams lead to the same socket, pipe or terminal, the order of
 * bytes between them is kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

#define OUTPUT_HIGH_WATER (256U << 10)

typedef struct Output Output;

/* Any of them may be NULL. on_full and on_lost may run from within output_write(), all of them from
 * the loop. output_free() may be called from on_empty, from none of the others. */
typedef struct OutputHandlers {
    void (*on_full)(void *userdata);
    void (*on_room)(void *userdata);
    /* All that was written is out (or dropped): runs each time the last kept byte goes. Not for
     * what was never kept: ask output_is_empty() first. */
    void (*on_empty)(void *userdata);
    /* A stream's reader is gone: `error` is a negative errno. Once for each stream; once for
     * both where they lead to the same place. */
    void (*on_lost)(int fd, int error, void *userdata);
    void *userdata;
} OutputHandlers;

/* `fds`: where streams 1 and 2 go; borrowed until output_free(), usually { 1, 2 }. Their file
 * status flags stay as they are (others share them): sockets are sent to with MSG_DONTWAIT, pipes
 * and terminals opened anew. Ignores SIGPIPE for the whole process. 0 or a negative errno. */
int output_new(sd_event *event, const int fds[2], const OutputHandlers *handlers, Output **ret);
/* `stream` is 1 or 2. Takes everything; 0 or -ENOMEM. */
int output_write(Output *output, int stream, const void *data, size_t size);
bool output_is_empty(const Output *output);
/* What is still kept is dropped. NULL is fine. Returns NULL. */
Output *output_free(Output *output);
DEFINE_CLEANUP(Output *, output_free);
