/* SPDX-License-Identifier: Apache-2.0 */

/* A container's output: how its stream is cut into pieces on the way must not tell. */

#include "base/buffer.h"
#include "engine/frames.h"
#include "fuzz.h"

#define OUTPUT_MAX (1U << 24)

static void note(int fd, const void *data, size_t size, void *userdata)
{
    const char *bytes = data;

    must(fd == 1 || fd == 2);
    for (size_t i = 0; i < size; i++)
        must(buffer_append(userdata, (const char[]){ (char)fd, bytes[i] }, 2, OUTPUT_MAX) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_buffer_ Buffer whole = { 0 }, pieces = { 0 };
    FrameReader reader = { 0 }, other = { 0 };
    int r = frame_reader_feed(&reader, data, size, note, &whole), s = 0;

    for (size_t at = 0, n; at < size && s == 0; at += n) {
        n = 1 + data[at] % 11U;
        if (n > size - at)
            n = size - at;
        s = frame_reader_feed(&other, data + at, n, note, &pieces);
    }
    must(r == s);
    must(r < 0 || frame_reader_is_complete(&reader) == frame_reader_is_complete(&other));
    must(whole.size == pieces.size);
    must(whole.size == 0 || memcmp(whole.data, pieces.data, whole.size) == 0);
    return 0;
}
