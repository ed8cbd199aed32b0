/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/paths.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

/* The engine's own default profile has less than 20 KiB. */
#define PROFILE_MAX (1U << 20)

/* Takes the white space between the tokens out, in place; the tokens stay letter by letter. */
static void compact_json(char *text)
{
    bool in_string = false;
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (in_string && *from == '\\' && from[1])
            *to++ = *from++;
        else if (*from == '"')
            in_string = !in_string;
        if (in_string || !strchr(" \t\r\n", *from))
            *to++ = *from;
    }
    *to = '\0';
}

/* seccomp=FILE: the engine is sent the profile, not its name. */
static int add_profile(RunLine *line, const char *name)
{
    _cleanup_free_ char *path = path_absolute(line->directory, name), *text = NULL, *option = NULL;
    _cleanup_json_ JsonValue *profile = NULL;
    size_t size;
    int r;

    if (!path)
        return -ENOMEM;
    r = file_read(path, PROFILE_MAX, &text, &size);
    if (r < 0 && r != -ENOMEM)
        return refuse(line->message, "--security-opt: cannot read the seccomp profile %s: %s", path,
                strerror(-r));
    if (r >= 0)
        r = json_value_parse_strict(text, size, &profile);
    if (r == -EBADMSG || (r >= 0 && !json_value_is_object(profile)))
        return refuse(
                line->message, "--security-opt: the seccomp profile %s is no JSON object", path);
    if (r < 0)
        return r;

    compact_json(text);
    option = text_format("seccomp=%s", text);
    return option ? json_append_string(json_need_array(line->host, "SecurityOpt"), option)
                  : -ENOMEM;
}

static int add_option(RunLine *line, const char *option)
{
    const char *value = strpbrk(option, "=:"), *equals = strchr(option, '=');
    size_t size;

    if (equals)
        value = equals;
    size = value ? (size_t)(value - option) : strlen(option);
    value = value ? value + 1 : "";

    if (!*value && !text_equal(option, "no-new-privileges"))
        return refuse(line->message, "--security-opt: \"%s\" is not NAME=VALUE", option);
    if (size == strlen("seccomp") && text_starts_with(option, "seccomp") &&
            !text_equal(value, "unconfined") && !text_equal(value, "builtin"))
        return add_profile(line, value);
    return json_append_string(json_need_array(line->host, "SecurityOpt"), option);
}

/* The CLI's own shorthand for "hide nothing of /proc and /sys"; the engine does not know it. */
static int unmask_system_paths(RunLine *line)
{
    static const char *const keys[] = { "MaskedPaths", "ReadonlyPaths", "SecurityOpt" };

    for (size_t i = 0; i < ELEMENTS(keys); i++)
        if (!json_need_array(line->host, keys[i]))
            return -ENOMEM;
    return 0;
}

int request_add_security(RunLine *line)
{
    const char *option;
    int r = 0;

    for (size_t i = 0; r >= 0 && (option = run_line_each(line, "security-opt", i)); i++)
        r = text_equal(option, "systempaths=unconfined") ? unmask_system_paths(line)
                                                         : add_option(line, option);
    return r;
}

/* The namespaces of which the CLI knows what they can be. */
static const struct {
    const char *flag;
    const char *key;
    const char *values[2];
    bool container; /* "container:NAME", too */
} namespaces[] = {
    { "pid", "PidMode", { "host" }, true },
    { "uts", "UTSMode", { "host" }, false },
    { "userns", "UsernsMode", { "host" }, false },
    { "cgroupns", "CgroupnsMode", { "host", "private" }, false },
};

int request_add_namespaces(RunLine *line)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ELEMENTS(namespaces); i++) {
        const char *value = run_line_text(line, namespaces[i].flag, "");
        const char *other = text_after(value, "container:");
        const char *const *values = namespaces[i].values;

        if (*value && !text_equal(value, values[0]) && (!values[1] || strcmp(value, values[1])) &&
                !(namespaces[i].container && other && *other))
            return refuse(line->message, "--%s: \"%s\" is not %s%s%s%s", namespaces[i].flag, value,
                    values[0], values[1] ? " or " : "", values[1] ? values[1] : "",
                    namespaces[i].container ? " or container:NAME" : "");
        r = json_set_string(line->host, namespaces[i].key, value);
    }
    return r;
}
