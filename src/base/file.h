/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Small files, read and written whole. Negative errno on failure. */

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

/* Reads at most `max` bytes (-EFBIG: there is more); *ret ends in a NUL, is the caller's. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_size);

/* Replaces `path` by a new file with this content: at every moment a reader sees the old content
 * or the new. What lies at `path` is replaced, not followed, if it is a symbolic link. */
int file_replace(const char *path, const char *text, mode_t mode);

/* The same for a file that is there, which keeps its mode, owner and group; what was written is on
 * the disk when it returns. */
int file_rewrite(const char *path, const char *text);

/* The address of a Unix socket by way of its directory's descriptor: its path, of a container with
 * a long name, may be longer than an address (unix(7): 108 bytes). */
struct sockaddr_un file_socket_address(int directory, const char *name);

/* Creates `path` and the directories above it; what exists is fine. */
int directory_make(const char *path, mode_t mode);
