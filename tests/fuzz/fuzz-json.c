/* SPDX-License-Identifier: Apache-2.0 */

/* JSON of the engine and of files: what was read is written so that it reads the same, and how a
 * stream of objects is cut into pieces must not tell. */

#include "base/json.h"
#include "engine/json_stream.h"
#include "engine/reply_message.h"
#include "fuzz.h"

#define OBJECT_MAX 4096U

static void read_and_write(const char *text, size_t size)
{
    _cleanup_json_ JsonValue *strict = NULL, *value = NULL, *again = NULL;
    const char *formatted;

    if (json_value_parse_strict(text, size, &strict) == 0)
        must(json_value_parse(text, size, &value) == 0);
    else if (json_value_parse(text, size, &value) < 0)
        return;
    formatted = json_value_format(value);
    must(formatted);
    must(json_value_parse(formatted, strlen(formatted), &again) == 0);
    must(text_equal(formatted, json_value_format(again)));
}

static int note(JsonValue *object, void *userdata)
{
    return text_vector_append(userdata, json_value_format(object));
}

static void read_stream(const char *data, size_t size)
{
    _cleanup_vector_ char **whole = NULL, **pieces = NULL;
    JsonStream stream = { 0 }, other = { 0 };
    int r = json_stream_feed(&stream, data, size, OBJECT_MAX, note, &whole), s = 0;

    for (size_t at = 0, n; at < size && s == 0; at += n) {
        n = 1 + (unsigned char)data[at] % 11U;
        if (n > size - at)
            n = size - at;
        s = json_stream_feed(&other, data + at, n, OBJECT_MAX, note, &pieces);
    }
    must(r == s);
    must(r < 0 || json_stream_is_complete(&stream) == json_stream_is_complete(&other));
    must(text_vector_length(whole) == text_vector_length(pieces));
    for (size_t i = 0; i < text_vector_length(whole); i++)
        must(text_equal(whole[i], pieces[i]));
    json_stream_free(&stream);
    json_stream_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *message = reply_message(500, (const char *)data, size);

    fuzz_must_be_a_line(message);
    must(strlen(message) <= REPLY_MESSAGE_MAX + sizeof("..."));
    read_and_write((const char *)data, size);
    read_stream((const char *)data, size);
    return 0;
}
