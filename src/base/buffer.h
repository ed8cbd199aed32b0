/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bytes that come in pieces. Zero-initialised is empty. */

#include <stddef.h>

#include "base/cleanup.h"

typedef struct Buffer {
    char *data; /* NULL while empty */
    size_t size;
    size_t allocated;
} Buffer;

/* 0; -EFBIG if it would become larger than `max`, -ENOMEM; it is untouched then. */
int buffer_append(Buffer *buffer, const void *data, size_t size, size_t max);

/* Forgets the content and, where it was large, gives the memory back. */
void buffer_clear(Buffer *buffer);
void buffer_free(Buffer *buffer);
#define _cleanup_buffer_ _cleanup_(buffer_free)
