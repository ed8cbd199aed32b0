/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON objects one after the other, as events and pull progress come: cut apart
 * by their braces, so that it does not matter whether a line, nothing, or a
 * record separator (RFC 7464) stands between them.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/json.h"

typedef struct JsonStream {
    Buffer object; /* what is here of the present one */
    unsigned depth;
    bool in_string;
    bool escaped;
} JsonStream;

/* Negative: ends the reading with that. */
typedef int (*JsonStreamHandler)(JsonValue *object, void *userdata);

/* Takes the stream in pieces of any size. 0, what the handler returned, -ENOMEM, or -EBADMSG: no
 * object, or one of more than `max` bytes. */
int json_stream_feed(JsonStream *stream, const char *data, size_t size, size_t max,
        JsonStreamHandler handler, void *userdata);
/* Is it between two objects? */
bool json_stream_is_complete(const JsonStream *stream);
void json_stream_free(JsonStream *stream);
