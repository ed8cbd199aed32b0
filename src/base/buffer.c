/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <errno.h>
#include <string.h>

/* What is kept for the next content. */
#define KEPT_MAX 4096U

int buffer_append(Buffer *buffer, const void *data, size_t size, size_t max)
{
    if (size > max || buffer->size > max - size)
        return -EFBIG;
    if (size == 0)
        return 0;

    if (buffer->size + size > buffer->allocated) {
        size_t wanted = buffer->allocated ? buffer->allocated : 256;
        char *grown;

        while (wanted < buffer->size + size)
            wanted *= 2;
        grown = realloc(buffer->data, wanted);
        if (!grown)
            return -ENOMEM;
        buffer->data = grown;
        buffer->allocated = wanted;
    }

    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return 0;
}

void buffer_clear(Buffer *buffer)
{
    if (buffer->allocated > KEPT_MAX)
        buffer_free(buffer);
    buffer->size = 0;
}

void buffer_free(Buffer *buffer)
{
    free(buffer->data);
    *buffer = (Buffer){ 0 };
}
