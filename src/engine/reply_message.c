/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/reply_message.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

/* Takes `size` bytes, on one line, without what surrounds them. */
static char *one_line(const char *text, size_t size)
{
    char *line;
    bool cut;

    while (size > 0 && strchr(" \t\r\n", *text) && *text) {
        text++;
        size--;
    }
    line = strndup(text, size < REPLY_MESSAGE_MAX ? size : REPLY_MESSAGE_MAX);
    if (!line)
        return NULL;

    cut = size > REPLY_MESSAGE_MAX;
    size = strlen(line);
    /* The last character may have lost its end. */
    while (cut && size > 0 && ((unsigned char)line[size - 1] & 0xc0) == 0x80)
        size--;
    if (cut && size > 0 && (unsigned char)line[size - 1] >= 0xc0)
        size--;
    while (size > 0 && strchr(" \t\r\n", line[size - 1]))
        size--;
    line[size] = '\0';
    for (char *p = line; *p; p++)
        if (strchr("\t\r\n", *p))
            *p = ' ';
    text_make_printable(line);
    return line;
}

char *reply_message(int status, const char *body, size_t size)
{
    _cleanup_json_ JsonValue *object = NULL;
    const char *message = NULL;

    if (size > 0 && json_value_parse(body, size, &object) == 0)
        message = json_member_string(object, "message", NULL);
    if (message && *message)
        return one_line(message, strlen(message));

    /* "404 page not found" is plain text; a page is for browsers, and not the engine's. */
    if (!object && size > 0 && *body != '<' && !memchr(body, '\0', size)) {
        char *line = one_line(body, size);

        if (!line || *line)
            return line;
        free(line);
    }
    return text_format("HTTP status %d", status);
}

char *reply_message_of_error(int error, const char *host, const char *text)
{
    switch (error) {
    case -ETIMEDOUT:
        return text_format("no answer from %s in time", host);
    case -ECONNRESET:
        return text_format("%s closed the connection", host);
    case -EHOSTUNREACH:
        return text_format("cannot find the host of %s", host);
    case -EBADMSG:
        if (text[0])
            return text_format("the answer of %s makes no sense: %s", host, text);
        return text_format("the answer of %s is not what the Docker Engine API says", host);
    case -EPROTO:
    case -EIO:
        return text_format("cannot talk to %s: %s", host, text);
    case -ENOMEM:
        return strdup("out of memory");
    default:
        return text_format("cannot connect to %s: %s", host, strerror(-error));
    }
}
