/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/json_stream.h"

#include <errno.h>
#include <string.h>

#define RECORD_SEPARATOR '\x1e'

/* Follows the nesting; true when `c` ends the object. */
static bool json_stream_follow(JsonStream *stream, char c)
{
    if (stream->in_string) {
        if (stream->escaped)
            stream->escaped = false;
        else if (c == '\\')
            stream->escaped = true;
        else if (c == '"')
            stream->in_string = false;
        return false;
    }

    if (c == '"')
        stream->in_string = true;
    else if (c == '{')
        stream->depth++;
    else if (c == '}')
        return --stream->depth == 0;
    return false;
}

static int json_stream_emit(JsonStream *stream, JsonStreamHandler handler, void *userdata)
{
    _cleanup_json_ JsonValue *object = NULL;
    int r;

    r = json_value_parse(stream->object.data, stream->object.size, &object);
    buffer_clear(&stream->object);
    if (r < 0)
        return r;
    return handler(object, userdata);
}

int json_stream_feed(JsonStream *stream, const char *data, size_t size, size_t max,
        JsonStreamHandler handler, void *userdata)
{
    const char *end = data + size;
    int r;

    while (data < end) {
        const char *start = data;
        bool whole = false;

        if (stream->depth == 0 && *data != '{') {
            if (*data != RECORD_SEPARATOR && (*data == '\0' || !strchr(" \t\r\n", *data)))
                return -EBADMSG;
            data++;
            continue;
        }

        while (data < end && !whole)
            whole = json_stream_follow(stream, *data++);
        r = buffer_append(&stream->object, start, (size_t)(data - start), max);
        if (r < 0)
            return r == -EFBIG ? -EBADMSG : r;
        if (!whole)
            break;
        r = json_stream_emit(stream, handler, userdata);
        if (r < 0)
            return r;
    }
    return 0;
}

bool json_stream_is_complete(const JsonStream *stream)
{
    return stream->depth == 0;
}

void json_stream_free(JsonStream *stream)
{
    buffer_free(&stream->object);
}
