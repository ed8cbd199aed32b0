/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/notify_request.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/text.h"
#include "unit/notify_proxy.h"
#include "unit/runtime_directory.h"

/*
 * In the container. The engine mounts in the order of depth, so this lies on top of a --tmpfs or a
 * volume at /run, and runc makes it before --read-only takes effect. A name of its own: /run/host,
 * of which systemd.io/CONTAINER_INTERFACE speaks, is where toolboxes have the host's root, and what
 * is ours on the host must not be covered with `-v /run:/run:rshared`.
 */
#define DIRECTORY "/run/systemd-ctr-notify"

char *container_directory_of(const char *name)
{
    const char *user = geteuid() == 0 ? NULL : getenv("XDG_RUNTIME_DIR");
    char *path = NULL;

    if (name)
        return runtime_directory_path(name, &path) < 0 ? NULL : path;
    /* No container's name begins with a dot. */
    return text_format("%s/systemd-ctr/containers/.%d", user ? user : "/run", (int)getpid());
}

char *notify_directory_of(const char *name)
{
    _cleanup_free_ char *directory = container_directory_of(name);

    return directory ? text_format("%s/notify", directory) : NULL;
}

/* NAME=VALUE, or NAME alone, which takes it out of the image's. */
static bool names(const char *assignment, const char *name)
{
    const char *after = text_after(assignment, name);

    return after && (*after == '=' || *after == '\0');
}

/* Puts `assignment` to `name` (NULL: none) in the place of those that the run line has. */
static int replace_variable(JsonValue *body, const char *name, const char *assignment, bool *found)
{
    _cleanup_json_ JsonValue *given = json_value_ref(json_value_get(body, "Env"));
    int r = 0;

    json_unset(body, "Env");
    for (size_t i = 0; r >= 0 && i < json_value_length(given); i++) {
        const char *each = json_value_string(json_value_at(given, i), "");

        if (names(each, name))
            *found = true;
        else
            r = json_append_string(json_need_array(body, "Env"), each);
    }
    if (r >= 0 && assignment)
        r = json_append_string(json_need_array(body, "Env"), assignment);
    return r;
}

static int add_mount(JsonValue *body, const char *source)
{
    JsonValue *mounts = json_need_array(json_need_object(body, "HostConfig"), "Mounts");
    JsonValue *mount = json_new_object();

    if (json_set_string(mount, "Type", "bind") < 0 ||
            json_set_string(mount, "Source", source) < 0 ||
            json_set_string(mount, "Target", DIRECTORY) < 0 ||
            json_set_boolean(mount, "ReadOnly", true) < 0) {
        (void)json_value_unref(mount);
        return -ENOMEM;
    }
    return json_append(mounts, mount);
}

/* Without WATCHDOG_PID: it would have to be a PID that does not exist yet, in the container's
 * numbering; and who pings there is its own business. sd_watchdog_enabled(3) takes its absence for
 * "whoever reads this". */
static int add_watchdog(JsonValue *body, uint64_t usec, bool *found)
{
    _cleanup_free_ char *assignment = text_format("WATCHDOG_USEC=%" PRIu64, usec);
    int r;

    if (!assignment)
        return -ENOMEM;
    r = replace_variable(body, "WATCHDOG_PID", NULL, found);
    if (r >= 0)
        r = replace_variable(body, "WATCHDOG_USEC", assignment, found);
    return r;
}

/* Can its socket have a place? */
static int check_place(const char *name, char **ret_message)
{
    _cleanup_free_ char *path = NULL;
    int r;

    r = runtime_directory_path(name ? name : "unnamed", &path);
    if (r == -ENXIO)
        *ret_message =
                text_format("--notify: there is no folder for the container's socket: set "
                            "XDG_RUNTIME_DIR (in a unit of the system, RuntimeDirectory=NAME "
                            "makes one: Environment=XDG_RUNTIME_DIR=%%t/NAME)");
    else if (r == -ENAMETOOLONG)
        *ret_message = text_format("--notify: %s is too long for the name of a folder", name);
    return *ret_message ? -EINVAL : r;
}

int notify_request_add(
        JsonValue *body, const char *name, uint64_t watchdog_usec, char **ret_message)
{
    _cleanup_free_ char *directory = notify_directory_of(name);
    bool found = false;
    int r;

    *ret_message = NULL;
    r = check_place(name, ret_message);
    if (r < 0)
        return r;
    if (!directory)
        return -ENOMEM;
    r = add_mount(body, directory);
    if (r >= 0)
        r = replace_variable(
                body, "NOTIFY_SOCKET", "NOTIFY_SOCKET=" DIRECTORY "/" NOTIFY_PROXY_SOCKET, &found);
    if (r >= 0 && watchdog_usec != 0)
        r = add_watchdog(body, watchdog_usec, &found);
    if (r < 0 || !found)
        return r;
    *ret_message = text_format("the run line sets a variable of sd_notify(3) (NOTIFY_SOCKET, "
                               "WATCHDOG_USEC or WATCHDOG_PID): with --notify ours is used");
    return *ret_message ? 0 : -ENOMEM;
}
