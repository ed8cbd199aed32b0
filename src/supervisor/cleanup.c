/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cgroup/layout.h"
#include "cgroup/placement.h"
#include "runtime/hand_over.h"
#include "supervisor/create_request.h"
#include "supervisor/errand.h"
#include "supervisor/notify_request.h"
#include "supervisor/owner.h"
#include "supervisor/supervision.h"
#include "supervisor/supervisor.h"
#include "unit/bus.h"
#include "unit/notify_proxy.h"
#include "unit/pid_file.h"
#include "unit/runtime_directory.h"

/* ExecStopPost= has TimeoutStopSec=; an engine that is down must not use it up. */
#define ENGINE_WAIT_MAX_USEC (10 * USEC_PER_SEC)

typedef struct Cleanup {
    Errand errand;
    CgroupLayout layout;   /* of the unit whose remains these are */
    bool is_over;          /* the engine has told the container's end, or that there is none */
    bool is_of_other_unit; /* the container that has the name */
    pid_t other_pid;       /* its first process, if it is not ours */
    char *id;
    bool remove;
    unsigned remove_flags;
} Cleanup;

static void clean_cgroups(const Cleanup *cleanup)
{
    int r;

    if (!cleanup->layout.unit || !cleanup->layout.delegated)
        return;
    r = payload_kill(&cleanup->layout, SIGKILL);
    if (r < 0)
        log_warning("cannot kill what is left in %s: %s", cleanup->layout.payload, strerror(-r));
    r = payload_clean(&cleanup->layout);
    if (r < 0 && r != -EBUSY)
        log_warning("cannot clean %s: %s", cleanup->layout.payload, strerror(-r));
}

static void clean_runtime_directory(const char *name)
{
    int r;

    r = runtime_directory_remove(name);
    if (r < 0 && r != -ENXIO)
        log_warning("cannot remove the runtime directory of container %s: %s", name, strerror(-r));
}

/* What takes no engine. */
static void clean_remains(const Cleanup *cleanup)
{
    const char *pid_file = cleanup->errand.options->pid_file;

    clean_cgroups(cleanup);
    /* Two units with the same settings have the same file. */
    if (pid_file && !(cleanup->other_pid > 0 && pid_file_names(pid_file, cleanup->other_pid) > 0))
        (void)pid_file_remove(pid_file, 0);
    if (!cleanup->is_of_other_unit)
        clean_runtime_directory(cleanup->errand.options->name);
    if (cleanup->id)
        (void)runtime_hand_over_remove(cleanup->id);
}

static void finish(Cleanup *cleanup)
{
    cleanup->is_over = true;
    errand_end(&cleanup->errand, 0);
}

static void on_removal_waited(const EngineReply *reply, void *userdata)
{
    Cleanup *cleanup = userdata;

    if (engine_reply_ok(reply) || reply->status == 404)
        finish(cleanup);
    else
        errand_fail(&cleanup->errand, "wait for the container's removal", reply);
}

static void on_removed(const EngineReply *reply, void *userdata)
{
    Cleanup *cleanup = userdata;
    EngineStream stream = { NULL, NULL, on_removal_waited, cleanup };

    if (engine_reply_ok(reply) || reply->status == 404)
        finish(cleanup);
    else if (reply->status == 409) /* in progress, by --rm */
        errand_check(&cleanup->errand,
                engine_wait(cleanup->errand.engine, cleanup->id, "removed", &stream, NULL),
                "wait for the container's removal");
    else
        errand_fail(&cleanup->errand, "remove the container", reply);
}

static void remove_container(Cleanup *cleanup)
{
    if (!cleanup->remove) {
        finish(cleanup);
        return;
    }
    errand_check(&cleanup->errand,
            engine_remove(cleanup->errand.engine, cleanup->id, cleanup->remove_flags, on_removed,
                    cleanup, NULL),
            "remove the container");
}

static void on_killed(const EngineReply *reply, void *userdata)
{
    Cleanup *cleanup = userdata;

    /* 409: it is down by now. */
    if (engine_reply_ok(reply) || reply->status == 404 || reply->status == 409)
        remove_container(cleanup);
    else
        errand_fail(&cleanup->errand, "kill the container", reply);
}

/* Not by the engine alone: what shares our PID namespace (--pid=host) and is frozen, by a move that
 * was interrupted, or lives in the payload, outlives the container's first process, keeps its
 * output open, and the engine waits for that without end. */
static void kill_processes(const Cleanup *cleanup)
{
    int r;

    if (!cleanup->layout.mount)
        return;
    r = container_kill(&cleanup->layout, cleanup->id);
    if (r >= 0 && cleanup->layout.unit && cleanup->layout.delegated)
        r = payload_kill(&cleanup->layout, SIGKILL);
    if (r < 0)
        log_warning(
                "cannot kill the processes of %s: %s", cleanup->errand.options->name, strerror(-r));
}

/* By hand, outside the unit: only what nobody supervises any more. */
static bool is_supervised_container(Cleanup *cleanup, const char *unit, JsonValue *state)
{
    _cleanup_free_ char *path = NULL, *unit_path = NULL, *name = NULL;
    pid_t pid = (pid_t)json_member_integer(state, "Pid", 0);

    /* Its cgroup does not tell before the move, in mode none, and when it is detached. */
    if (*unit && bus_unit_is_up(unit))
        return true;
    if (pid <= 0 || cgroup_of_process(pid, &path) < 0)
        return false;
    if (cgroup_path_unit(path, &unit_path, &name) < 0 || !text_equal(name, unit))
        return false;
    cgroup_layout_clear(&cleanup->layout);
    if (cgroup_layout_of_unit(unit_path, &cleanup->layout) < 0)
        return false;
    return supervisor_is_populated(&cleanup->layout) > 0;
}

static bool may_clean(Cleanup *cleanup, JsonValue *inspect)
{
    const char *name = cleanup->errand.options->name;
    _cleanup_free_ char *unit = owner_of(inspect, name);

    if (!unit) {
        log_warning("container %s was not started by systemd-ctr: it is left alone", name);
        return false;
    }
    if (cleanup->layout.unit) {
        if (strcmp(unit, cleanup->layout.unit_name) == 0)
            return true;
        cleanup->is_of_other_unit = true;
        log_warning("container %s is of the unit %s: it is left alone", name, unit);
        return false;
    }
    if (is_supervised_container(cleanup, unit, json_value_get(inspect, "State"))) {
        log_warning("container %s is supervised by %s: stop that unit instead", name, unit);
        return false;
    }
    return true;
}

/* By hand: of a container that is not there yet, for its image is pulled, there may be a notify
 * socket already, with somebody who listens. */
static bool is_expected(const Cleanup *cleanup)
{
    const char *name = cleanup->errand.options->name;
    _cleanup_free_ char *directory = notify_directory_of(name);

    if (cleanup->layout.unit || !directory || !notify_proxy_is_there(directory))
        return false;
    log_warning("container %s is being started: nothing is cleaned up", name);
    return true;
}

static void on_inspected(const EngineReply *reply, void *userdata)
{
    Cleanup *cleanup = userdata;
    JsonValue *state = json_value_get(reply->body, "State");
    const char *id = json_member_string(reply->body, "Id", "");
    const char *status = json_member_string(state, "Status", "");

    if (reply->status == 404 ||
            (engine_reply_ok(reply) &&
                    !container_has_name(reply->body, cleanup->errand.options->name))) {
        if (is_expected(cleanup))
            errand_end(&cleanup->errand, 0);
        else
            finish(cleanup);
        return;
    }
    if (!engine_reply_ok(reply) || text_replace(&cleanup->id, id) < 0) {
        errand_fail(&cleanup->errand, "look for the container", reply);
        return;
    }
    if (!may_clean(cleanup, reply->body)) {
        cleanup->other_pid = (pid_t)json_member_integer(state, "Pid", 0);
        (void)text_replace(&cleanup->id, NULL);
        errand_end(&cleanup->errand, 0);
        return;
    }

    /* A stopped one without --rm stays until the next start, for whoever wants to look at it; one
     * of ours that never ran is worth nothing. */
    cleanup->remove_flags = ENGINE_REMOVE_FORCE | ENGINE_REMOVE_VOLUMES;
    cleanup->remove =
            (strcmp(status, "created") == 0 && *container_label(reply->body, LABEL_SPEC)) ||
            json_member_boolean(json_value_get(reply->body, "HostConfig"), "AutoRemove", false);
    /* It may not know of all that lives. */
    kill_processes(cleanup);
    if (!json_member_boolean(state, "Running", false)) {
        remove_container(cleanup);
        return;
    }
    errand_check(&cleanup->errand,
            engine_kill(cleanup->errand.engine, cleanup->id, NULL, on_killed, cleanup, NULL),
            "kill the container");
}

static void on_connected(Errand *errand)
{
    Cleanup *cleanup = (Cleanup *)errand;

    /* While a start is under way the engine answers this only when that is over: so none that a
     * killed wrapper had begun slips through. */
    errand_check(errand,
            engine_inspect(errand->engine, errand->options->name, ERRAND_ANSWER_USEC, on_inspected,
                    cleanup, NULL),
            "look for the container");
}

int cleanup_run(const Options *options)
{
    Cleanup cleanup = { 0 };
    uint64_t wait = options->engine_wait_usec;
    _cleanup_close_ int lock = -1;
    bool in_unit;
    int r;

    /* In ExecStopPost= we run in the unit (with Delegate=yes, in its .control). */
    if (cgroup_layout_find(&cleanup.layout) < 0)
        log_debug("no cgroups that systemd keeps are mounted here");
    /* Who stands in for a detached container's main process (main_process.h) may be there still. */
    if (cleanup.layout.unit && cleanup.layout.delegated)
        lock = cgroup_layout_claim(&cleanup.layout);
    if (lock == -EBUSY) {
        log_error("%s is running: cleanup is for its ExecStopPost=", cleanup.layout.unit_name);
        cgroup_layout_clear(&cleanup.layout);
        return EXIT_ENGINE;
    }

    in_unit = cleanup.layout.unit;
    r = errand_run(&cleanup.errand, options,
            wait < ENGINE_WAIT_MAX_USEC ? wait : ENGINE_WAIT_MAX_USEC, on_connected);
    /* In the unit, which is down, they are nobody's any more, whatever the engine says. By hand it
     * alone tells whether somebody lives there. */
    if (in_unit || cleanup.is_over)
        clean_remains(&cleanup);
    if (cleanup.is_over)
        owner_remove(options->name);
    cgroup_layout_clear(&cleanup.layout);
    free(cleanup.id);
    return r;
}
