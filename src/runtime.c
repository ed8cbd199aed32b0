/* SPDX-License-Identifier: Apache-2.0 */

/*
 * systemd-ctr-runtime: the OCI runtime that dockerd knows as "systemd-ctr".
 *
 * It is the real runtime, but for one moment: a container that the supervisor
 * has handed over is created in the unit's cgroup, by rewriting
 * linux.cgroupsPath of its bundle. dockerd itself takes nothing but a slice for
 * a parent when its cgroup driver is systemd.
 *
 * For every other container and command nothing here may go wrong: it is an
 * exec of the real runtime with the arguments as they came.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "runtime/bundle.h"
#include "runtime/hand_over.h"
#include "runtime/real_runtime.h"
#include "runtime/runtime_arguments.h"

#define PROGRAM "systemd-ctr-runtime"
/* Where runc and systemd look for version 2, and nowhere else. */
#define CGROUP_MOUNT "/sys/fs/cgroup"

/* A line as logrus writes it, runc's logging package. containerd shows the last one of level error
 * as the reason of a failure (getLastRuntimeError of its shim), and reads `time` as well. */
static char *format_log_line(bool is_json, const char *message)
{
    _cleanup_json_ JsonValue *entry = json_new_object(), *quoted = json_new_string(message);
    time_t now = time(NULL);
    struct tm parts;
    char text[32];

    if (!gmtime_r(&now, &parts) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return NULL;
    if (!is_json)
        return quoted
                ? text_format("time=\"%s\" level=error msg=%s\n", text, json_value_format(quoted))
                : NULL;
    if (json_set_string(entry, "level", "error") < 0 ||
            json_set_string(entry, "msg", message) < 0 || json_set_string(entry, "time", text) < 0)
        return NULL;
    return text_format("%s\n", json_value_format(entry));
}

static int fail(const RuntimeArguments *line, const char *message)
{
    _cleanup_free_ char *entry = format_log_line(line->log_is_json, message);
    _cleanup_close_ int fd = -1;

    (void)fprintf(stderr, PROGRAM ": %s\n", message);
    if (line->log && entry)
        fd = open(line->log, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0644);
    if (fd >= 0)
        (void)!write(fd, entry, strlen(entry));
    return EXIT_FAILURE;
}

/* A unit that went away in the meantime must not come back as a group that nobody owns: runc makes
 * all of the path that is missing. */
static bool payload_is_there(const char *payload)
{
    _cleanup_free_ char *path = text_format(CGROUP_MOUNT "%s", payload);
    struct stat st;

    return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* 0, or a negative errno beside the sentence. */
static int place_in_unit(const RuntimeArguments *line, char **argv, char **ret_message)
{
    _cleanup_free_ char *payload = NULL, *group = NULL;
    int r;

    r = runtime_hand_over_take(line->id, &payload);
    if (r == 0)
        return 0;
    if (r < 0) {
        *ret_message =
                text_format("the hand-over file of container %.12s cannot be used: %s", line->id,
                        r == -EPERM             ? "it is not a file of this user alone"
                                : r == -EBADMSG ? "it holds no payload cgroup of a unit"
                                                : strerror(-r));
        return r;
    }
    if (!payload_is_there(payload)) {
        *ret_message = text_format("container %.12s belongs in the cgroup %s, which is not there: "
                                   "its unit is down",
                line->id, payload);
        return -ENOENT;
    }

    group = text_format("%s/%s", payload, line->id);
    r = group ? bundle_set_cgroups_path(line->bundle, group) : -ENOMEM;
    if (r < 0) {
        *ret_message = text_format("cannot set the cgroup of container %.12s in %s/config.json: %s",
                line->id, line->bundle,
                r == -EBADMSG ? "it is no OCI configuration for Linux" : strerror(-r));
        return r;
    }
    runtime_arguments_drop_systemd_cgroup(argv);
    return 0;
}

int main(int argc, char **argv)
{
    _cleanup_free_ char *real = NULL, *message = NULL;
    RuntimeArguments line;
    int r;

    (void)argc;
    runtime_arguments_parse(argv, &line);
    r = real_runtime_find(&real, &message);
    if (r >= 0 && runtime_arguments_create(&line))
        r = place_in_unit(&line, argv, &message);
    if (r < 0)
        return fail(&line, message ? message : strerror(-r));

    /* crun goes by the name that it is called by. */
    if (argv[0])
        argv[0] = real;
    (void)execv(real, argv);
    free(message);
    message = text_format("cannot run the OCI runtime %s: %s", real, strerror(errno));
    return fail(&line, message ? message : "cannot run the OCI runtime");
}
