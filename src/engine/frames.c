/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/frames.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* moby, api/types/container StdType: 0 is stdin and never sent, 3 is an error of the engine's own
 * within the stream. */
enum {
    STREAM_STDOUT = 1,
    STREAM_STDERR = 2,
    STREAM_ENGINE_ERROR = 3,
};

static bool header_is_sound(const uint8_t *header)
{
    return header[0] >= STREAM_STDOUT && header[0] <= STREAM_ENGINE_ERROR && header[1] == 0 &&
            header[2] == 0 && header[3] == 0;
}

int frame_reader_feed(
        FrameReader *reader, const void *data, size_t size, FrameHandler handler, void *userdata)
{
    const uint8_t *p = data;

    while (size > 0) {
        size_t n;

        if (reader->remaining == 0) {
            reader->header[reader->header_size++] = *p++;
            size--;
            if (reader->header_size < sizeof(reader->header))
                continue;
            if (!header_is_sound(reader->header))
                return -EBADMSG;
            reader->header_size = 0;
            reader->remaining = (uint32_t)reader->header[4] << 24 |
                    (uint32_t)reader->header[5] << 16 | (uint32_t)reader->header[6] << 8 |
                    reader->header[7];
            continue;
        }

        n = size < reader->remaining ? size : reader->remaining;
        handler(reader->header[0] == STREAM_STDOUT ? 1 : 2, p, n, userdata);
        reader->remaining -= (uint32_t)n;
        p += n;
        size -= n;
    }
    return 0;
}

bool frame_reader_is_complete(const FrameReader *reader)
{
    return reader->header_size == 0 && reader->remaining == 0;
}
