/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DIRECTORY/health.json: what is known of a container's health, in the shape of
 * Docker's State.Health with more members beside. Readable at any moment.
 *
 * It has one writer: the resident wrapper. Without one whoever ran a check
 * reads, counts and writes under the lock.
 */

#include <stdint.h>

#include "base/json.h"

/* -ENOENT: there is none; -EBADMSG: it is no JSON object; -EFBIG. *ret is the caller's. */
int state_file_read(const char *directory, JsonValue **ret);
/* Never makes the directory: -ENOENT where that is gone. */
int state_file_write(const char *directory, JsonValue *state);
/* None: 0. */
int state_file_remove(const char *directory);

/* Held until *ret_fd, the caller's, is closed. Waits for it: not for a loop that others depend on.
 * -ETIMEDOUT; -ENOENT: the directory is gone, by now perhaps. */
int state_file_lock(const char *directory, uint64_t timeout_usec, int *ret_fd);
