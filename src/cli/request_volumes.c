/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/paths.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

#define SECTIONS_MAX 3

/* Where the section that begins at `text` ends. A single letter and a colon is a drive to docker's
 * parser, for Linux containers too: "n:/data" is one section. */
static size_t section_length(const char *text)
{
    size_t length = strcspn(text, ":");

    if (length == 1 && text[1] == ':' && isalpha((unsigned char)text[0]))
        length = 2 + strcspn(text + 2, ":");
    return length;
}

/* The number of sections of SOURCE:TARGET:OPTIONS, or -EINVAL. */
static int count_sections(RunLine *line, const char *volume)
{
    const char *text = volume;
    int n = 0;

    for (;;) {
        size_t length = section_length(text);

        if (length == 0)
            return refuse(line->message, "--volume: \"%s\" has an empty part", volume);
        if (++n > SECTIONS_MAX)
            return refuse(line->message,
                    "--volume: \"%s\" has more parts than SOURCE:TARGET:OPTIONS", volume);
        text += length;
        if (!*text++)
            return n;
    }
}

/* A source that begins with a dot is seen from our directory; any other goes as it is. */
static int add_bind(RunLine *line, const char *volume)
{
    _cleanup_free_ char *source = NULL, *path = NULL, *bind = NULL;
    JsonValue *binds = json_need_array(line->host, "Binds");

    if (*volume == '.') {
        source = strndup(volume, strcspn(volume, ":"));
        path = source ? path_absolute(line->directory, source) : NULL;
        bind = path ? text_format("%s%s", path, volume + strlen(source)) : NULL;
    } else
        bind = strdup(volume);
    if (!bind)
        return -ENOMEM;

    for (size_t i = 0; i < json_value_length(binds); i++)
        if (text_equal(json_value_string(json_value_at(binds, i), NULL), bind))
            return 0;
    return json_append_string(binds, bind);
}

static int add_volume(RunLine *line, const char *volume)
{
    int n = 1;

    if (!*volume)
        return refuse(line->message, "--volume: an empty text names no volume");
    /* Docker takes what is shorter than three bytes as it is, "a:" too. */
    if (strlen(volume) > 2)
        n = count_sections(line, volume);
    if (n < 0)
        return n;
    if (n > 1)
        return add_bind(line, volume);
    return json_set(json_need_object(line->body, "Volumes"), volume, json_new_object());
}

int request_add_volumes(RunLine *line)
{
    const char *text;
    int r = 0;

    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "volume", i)); i++)
        r = add_volume(line, text);
    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "tmpfs", i)); i++)
        r = run_line_set_pair(json_need_object(line->host, "Tmpfs"), text, ':');
    return r;
}
