/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/paths.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

/* Some of "rwm", each at most once. */
static bool is_access(const char *text)
{
    if (!*text)
        return false;
    for (const char *letter = text; *letter; letter++)
        if (!strchr("rwm", *letter) || strchr(letter + 1, *letter))
            return false;
    return true;
}

static bool is_word(const char *text, size_t size, const char *punctuation)
{
    if (size == 0 || !isalnum((unsigned char)text[0]) || !isalnum((unsigned char)text[size - 1]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(punctuation, text[i]))
            return false;
    return true;
}

/* VENDOR/CLASS=NAME of the Container Device Interface (CDI specification, "kind"). */
static bool is_cdi_name(const char *text)
{
    const char *slash = strchr(text, '/'), *equals = strchr(text, '=');

    if (!slash || !equals || slash > equals)
        return false;
    return isalpha((unsigned char)text[0]) && is_word(text, (size_t)(slash - text), "_-.") &&
            isalpha((unsigned char)slash[1]) &&
            is_word(slash + 1, (size_t)(equals - slash - 1), "_-") &&
            is_word(equals + 1, strlen(equals + 1), "_-.:");
}

static int append_device(
        RunLine *line, const char *on_host, const char *in_container, const char *access)
{
    JsonValue *device = json_new_object();
    int r;

    r = json_set_string(device, "PathOnHost", on_host);
    if (r >= 0)
        r = json_set_string(device, "PathInContainer", in_container);
    if (r >= 0)
        r = json_set_string(device, "CgroupPermissions", access);
    if (r < 0) {
        (void)json_value_unref(device);
        return r;
    }
    return json_append(json_need_array(line->host, "Devices"), device);
}

/* HOST[:CONTAINER][:ACCESS]. The CLI cleans the container's path unless it is named with an access
 * behind it, and then the host's only if that is the same: kept, so that the engine sees the same.
 */
static int add_device(RunLine *line, const char *text)
{
    _cleanup_free_ char *copy = strdup(text), *clean = NULL;
    char *host = copy, *container, *access, *rest;

    if (!copy)
        return -ENOMEM;
    container = (rest = strchr(copy, ':')) ? (*rest = '\0', rest + 1) : NULL;
    access = container && (rest = strchr(container, ':')) ? (*rest = '\0', rest + 1) : NULL;
    if (!*host)
        return refuse(line->message, "--device: \"%s\" names no device of the host", text);
    if (access && !is_access(access))
        return refuse(line->message,
                "--device: \"%s\" is not an access of r (read), w (write), m (mknod)", access);

    if (container && !access && is_access(container)) {
        access = container;
        container = NULL;
    }
    if ((container ? container : host)[0] != '/')
        return refuse(line->message, "--device: \"%s\" is not an absolute path",
                container ? container : host);
    if (container && access)
        return append_device(line, host, container, access);

    clean = path_clean(container ? container : host);
    if (!clean)
        return -ENOMEM;
    return append_device(line, container ? host : clean, clean, access ? access : "rwm");
}

/* All CDI devices make one request. */
static int add_cdi_device(RunLine *line, const char *name)
{
    JsonValue *requests = json_need_array(line->host, "DeviceRequests");
    JsonValue *request = json_value_at(requests, 0);
    int r = 0;

    if (!request) {
        request = json_new_object();
        r = json_append(requests, request);
        if (r >= 0)
            r = json_set_string(request, "Driver", "cdi");
        if (r >= 0)
            r = json_set_integer(request, "Count", 0);
        if (r >= 0)
            r = json_set(request, "Capabilities", JSON_NULL);
        if (r >= 0)
            r = json_set(request, "Options", JSON_NULL);
    }
    return r < 0 ? r : json_append_string(json_need_array(request, "DeviceIDs"), name);
}

int request_add_devices(RunLine *line)
{
    const char *text;
    int r = 0;

    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "device", i)); i++)
        r = is_cdi_name(text) ? add_cdi_device(line, text) : add_device(line, text);
    return r;
}
