/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_line.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/docker_flags.h"
#include "cli/docker_values.h"
#include "cli/image_reference.h"
#include "cli/option_table.h"
#include "cli/refusal.h"

/* Stores `value`, which it takes, as `key` of `object`; a list's is appended. */
static int store(JsonValue *object, const char *key, const DockerFlag *flag, JsonValue *value)
{
    if (flag->argument == DOCKER_LIST)
        return json_append(json_need_array(object, key), value);
    return json_set(object, key, value);
}

/* `path`: names of members with dots between. */
static int store_in_body(
        const RunLine *line, const char *path, const DockerFlag *flag, JsonValue *value)
{
    JsonValue *object = line->body;
    const char *dot;

    while ((dot = strchr(path, '.'))) {
        _cleanup_free_ char *key = strndup(path, (size_t)(dot - path));

        object = key ? json_need_object(object, key) : NULL;
        path = dot + 1;
    }
    return store(object, path, flag, value);
}

static int take_flag(RunLine *line, const DockerFlag *flag, const char *text)
{
    const char *name = flag->flag.name, *what;
    JsonValue *value;
    int r;

    switch (flag->treatment) {
    case DOCKER_REFUSED:
        return refuse(line->message, "--%s: %s", name, flag->detail);
    case DOCKER_UNSUPPORTED:
        return refuse(line->message, "--%s is not supported by this version of systemd-ctr", name);
    case DOCKER_WINDOWS:
        return refuse(line->message, "--%s is for Windows containers only", name);
    case DOCKER_NO_EFFECT:
    case DOCKER_CARRIED:
    case DOCKER_COLLECTED:
        break;
    }

    r = docker_value_parse(flag->argument, text ? text : "true", &value, &what);
    if (r == -ENOMEM)
        return r;
    if (r == -ERANGE)
        return refuse(line->message, "--%s: \"%s\" is out of range", name, text);
    if (r < 0)
        return refuse(line->message, "--%s: \"%s\" is not %s", name, text, what);

    if (flag->treatment == DOCKER_CARRIED)
        return store_in_body(line, flag->detail, flag, value);
    if (flag->treatment == DOCKER_COLLECTED)
        return store(line->collected, flag->detail ? flag->detail : name, flag, value);
    (void)json_value_unref(value);
    return 0;
}

/* IMAGE and what follows it, which is the container's, whatever it looks like. */
static int take_image(RunLine *line, char *const *argv)
{
    JsonValue *command;
    int r;

    if (*argv && !**argv && argv[1])
        return refuse(line->message,
                "there is an empty word where a flag or IMAGE should be (in a unit ${NAME} is one "
                "word, and $NAME as many as it has)");
    if (!*argv || !**argv)
        return refuse(line->message, "no IMAGE given after the docker arguments");
    if (!image_reference_is_valid(*argv))
        return refuse(line->message,
                "IMAGE: \"%s\" is not [HOST[:PORT]/]name[:tag][@digest] with the name in small "
                "letters",
                *argv);

    r = text_replace(&line->request->image, *argv);
    if (r >= 0)
        r = json_set_string(line->body, "Image", *argv);
    if (r < 0 || !*++argv)
        return r;

    json_unset(line->body, "Cmd");
    command = json_need_array(line->body, "Cmd");
    for (; r >= 0 && *argv; argv++)
        r = json_append_string(command, *argv);
    return r;
}

int run_line_read(RunLine *line)
{
    FlagScan scan = {
        .argv = line->options->run_line,
        .find = docker_flag_find,
        .unknown = "unknown docker run flag",
        .find_elsewhere = option_find,
        .elsewhere = ": it is an option of systemd-ctr, and stands before \"run\"",
    };
    const char *value;
    const Flag *flag;
    int r;

    while ((r = flag_scan_next(&scan, &flag, &value, line->message)) > 0) {
        r = take_flag(line, (const DockerFlag *)flag, value);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : take_image(line, scan.argv);
}

bool run_line_has(const RunLine *line, const char *flag)
{
    return json_value_get(line->collected, flag);
}

const char *run_line_text(const RunLine *line, const char *flag, const char *otherwise)
{
    return json_member_string(line->collected, flag, otherwise);
}

bool run_line_switch(const RunLine *line, const char *flag, bool otherwise)
{
    return json_member_boolean(line->collected, flag, otherwise);
}

int64_t run_line_integer(const RunLine *line, const char *flag, int64_t otherwise)
{
    return json_member_integer(line->collected, flag, otherwise);
}

const char *run_line_each(const RunLine *line, const char *flag, size_t index)
{
    return json_value_string(json_value_at(json_value_get(line->collected, flag), index), NULL);
}

int run_line_set_pair(JsonValue *object, const char *pair, char separator)
{
    const char *end = strchrnul(pair, separator);
    _cleanup_free_ char *key = strndup(pair, (size_t)(end - pair));

    return key ? json_set_string(object, key, *end ? end + 1 : end) : -ENOMEM;
}
