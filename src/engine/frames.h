/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The output of a container without a terminal: frames of an 8-byte header
 * {stream, 0, 0, 0, size (32 bit, big endian)} and their payload (Engine API,
 * "Stream format" of attach). Pure; takes the stream in pieces of any size and
 * keeps no payload.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct FrameReader {
    uint8_t header[8];
    size_t header_size; /* bytes of the header that are here */
    uint32_t remaining; /* bytes of the payload still to come */
} FrameReader;

typedef void (*FrameHandler)(int fd, const void *data, size_t size, void *userdata);

/* 0, or -EBADMSG: this is no such stream (and nothing after it can be trusted). */
int frame_reader_feed(
        FrameReader *reader, const void *data, size_t size, FrameHandler handler, void *userdata);

/* Is it between two frames? */
bool frame_reader_is_complete(const FrameReader *reader);
