/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/process.h"
#include "base/text.h"
#include "health/go_time.h"
#include "unit/notify.h"
#include "unit/pid_file.h"

#define ANSWER_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define INSPECT_AGAIN_USEC (200 * USEC_PER_MSEC)

static void fail(Supervisor *supervisor, const char *message)
{
    supervisor_fail(supervisor, EXIT_ENGINE, "container %s: %s",
            supervisor_container_name(supervisor), message);
    supervisor_report(supervisor, EVENT_FAILED);
}

/* The monotonic time of the start of one that was adopted. */
static uint64_t start_in(JsonValue *state)
{
    uint64_t now = now_usec(), realtime = now_realtime_usec(), started;

    if (go_time_parse(json_member_string(state, "StartedAt", ""), &started) < 0 ||
            started > realtime || realtime - started > now)
        return now;
    return now - (realtime - started);
}

void place_learn(Supervisor *supervisor, JsonValue *inspect)
{
    Container *container = &supervisor->container;
    JsonValue *config = json_value_get(inspect, "Config");
    JsonValue *host = json_value_get(inspect, "HostConfig");
    JsonValue *state = json_value_get(inspect, "State");
    int64_t timeout = json_member_integer(config, "StopTimeout", 10);

    if (parse_signal(json_member_string(config, "StopSignal", "TERM"), &container->stop_signal) < 0)
        container->stop_signal = SIGTERM;
    container->stop_timeout_usec = timeout < 0 ? USEC_INFINITY : (uint64_t)timeout * USEC_PER_SEC;
    container->auto_remove = json_member_boolean(host, "AutoRemove", false);
    container->privileged = json_member_boolean(host, "Privileged", false);
    if (container->started_usec == 0 && json_member_boolean(state, "Running", false))
        container->started_usec = start_in(state);
    check_learn(supervisor, inspect);
}

static int on_process_gone(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Supervisor *supervisor = userdata;

    (void)fd;
    (void)events;
    (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
    supervisor->container.process_gone = true;
    supervisor_report(supervisor, EVENT_PROCESS_GONE);
    return 0;
}

/* Is this PID, which the engine named, the container's process here? An engine behind tcp:// may
 * speak of another host's. */
bool place_has_process(const Supervisor *supervisor, pid_t pid)
{
    _cleanup_free_ char *lines = NULL, *cgroup = NULL;

    if (process_read(pid, "cgroup", &lines) < 0)
        return false;
    /* In any hierarchy, and at any depth: some move themselves to a cgroup below at once. */
    if (strstr(lines, supervisor->container.id))
        return true;
    /* An adopted one lives in the unit already. */
    return supervisor->has_layout && cgroup_of_process(pid, &cgroup) >= 0 &&
            cgroup_path_is_below(cgroup, supervisor->layout.payload);
}

/* A pidfd first, then the look at what it stands for: so the PID cannot change hands between.
 * -ESRCH: it is gone; -EXDEV: it is somebody else's. */
static int watch_process(Supervisor *supervisor, pid_t pid)
{
    _cleanup_close_ int pidfd = pidfd_open(pid, 0);
    int r;

    if (pidfd < 0)
        return -errno;
    /* One that is ending is in no cgroup of version 1 any more, cgroups(7). */
    if (!place_has_process(supervisor, pid))
        return process_is_alive(pid) ? -EXDEV : -ESRCH;
    supervisor->container.pid = pid;
    supervisor->container.pidfd = TAKE_FD(pidfd);

    /* sd_event_add_child_pidfd() would wait for it, and it is no child of ours. */
    r = sd_event_add_io(supervisor->event, &supervisor->process, supervisor->container.pidfd,
            EPOLLIN, on_process_gone, supervisor);
    if (r >= 0)
        /* The engine's word on the exit, if both come at once, says more. */
        r = sd_event_source_set_priority(supervisor->process, SD_EVENT_PRIORITY_IDLE);
    return r;
}

static void finish_placing(Supervisor *supervisor)
{
    /* The child that moves us is to be reaped in any case. */
    bool reap = supervisor->entering > 0;
    const char *path = supervisor->options->pid_file;
    char pid[32] = "";
    int r;

    if (reap)
        (void)mode_enter_unit(supervisor);
    /* Not of one that is not to be seen from here. */
    if (supervisor->container.pid > 0)
        (void)snprintf(pid, sizeof(pid), "PID %d, ", (int)supervisor->container.pid);
    log_info("container %s: %scgroup mode %s (%s)", supervisor_container_name(supervisor), pid,
            cgroup_mode_name(supervisor->mode), supervisor->mode_reason);
    supervisor->placement_text =
            text_format(", cgroup mode %s", cgroup_mode_name(supervisor->mode));
    if (path && supervisor->container.pidfd >= 0) {
        r = pid_file_write(path, supervisor->container.pid);
        if (r < 0)
            log_warning("cannot write the pid file %s: %s", path, strerror(-r));
        supervisor->pid_file_written = r >= 0;
    }
    supervisor_report(supervisor, EVENT_PLACED);
}

static void on_placed(int r, const char *message, unsigned moved, void *userdata)
{
    Supervisor *supervisor = userdata;

    if (r == -ESRCH) {
        /* It ended on the way; its exit status tells the rest. */
        supervisor_report(supervisor, EVENT_PROCESS_GONE);
        return;
    }
    if (r < 0) {
        fail(supervisor, message);
        return;
    }
    if (message && *message) {
        supervisor->left_outside = true;
        log_warning("container %s: %s", supervisor_container_name(supervisor), message);
    }
    if (moved > 0)
        log_info("container %s: %u processes moved to %s", supervisor_container_name(supervisor),
                moved, supervisor->layout.payload);
    finish_placing(supervisor);
}

/* It is where it is to be, without a move: born there, or left in Docker's own cgroup. */
static bool is_in_place(Supervisor *supervisor)
{
    _cleanup_free_ char *path = NULL, *own = NULL;

    if (cgroup_of_process(supervisor->container.pid, &path) < 0)
        return supervisor->mode == CGROUP_MODE_NONE;
    if (supervisor->mode != CGROUP_MODE_NONE &&
            (!cgroup_mode_is_born(supervisor->mode) ||
                    !cgroup_path_is_below(path, supervisor->layout.payload)))
        return false;
    /* Its limits are there, wherever below it the first process has gone since. */
    if (cgroup_path_container(path, supervisor->container.id, &own) < 0)
        own = TAKE_PTR(path);
    oom_start(supervisor, own);
    return true;
}

static void move_into_unit(Supervisor *supervisor)
{
    const PlacementRequest request = {
        .layout = &supervisor->layout,
        .container_id = supervisor->container.id,
        .first = supervisor->container.pid,
        .privileged = supervisor->container.privileged,
    };
    int r;

    if (is_in_place(supervisor)) {
        finish_placing(supervisor);
        return;
    }
    if (cgroup_mode_is_born(supervisor->mode)) {
        log_warning("container %s: cgroup mode %s did not bring it into %s: moving it there",
                supervisor_container_name(supervisor), cgroup_mode_name(supervisor->mode),
                supervisor->layout.payload);
        supervisor->mode = CGROUP_MODE_MOVE;
    }
    r = mode_enter_unit(supervisor);
    if (r >= 0)
        oom_start(supervisor, NULL);
    if (r < 0) {
        supervisor_fail(supervisor, EXIT_ENGINE, "cannot set up the cgroups of %s below %s: %s",
                supervisor->layout.unit_name, supervisor->layout.unit, strerror(-r));
        supervisor_report(supervisor, EVENT_FAILED);
        return;
    }
    r = placement_start(supervisor->event, &request, on_placed, supervisor, &supervisor->placement);
    if (r < 0)
        fail(supervisor, strerror(-r));
}

static void on_inspected(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;
    JsonValue *state = json_value_get(reply->body, "State");
    pid_t pid = (pid_t)json_member_integer(state, "Pid", 0);
    int r;

    supervisor->call = NULL;
    if (reply->error != 0) {
        /* The engine went away at a bad moment; where the container is, only it can tell. */
        supervisor_pause(supervisor, INSPECT_AGAIN_USEC, action_place);
        return;
    }
    if (!engine_reply_ok(reply)) {
        /* Removed with its exit (--rm): the subscription has the status. */
        if (reply->status != 404)
            fail(supervisor, reply->message);
        return;
    }
    place_learn(supervisor, reply->body);
    if (!json_member_boolean(state, "Running", false))
        return; /* likewise */

    if (supervisor->options->ready == READY_HEALTHY && !check_is_there(supervisor)) {
        fail(supervisor,
                "--ready=healthy, but it has no health check: add --health-cmd or --probe");
        return;
    }
    r = watch_process(supervisor, pid);
    if ((r == -EXDEV || r == -ESRCH) && supervisor->mode == CGROUP_MODE_NONE) {
        /* If it is gone, its exit is on its way. */
        if (check_needs_network(supervisor)) {
            fail(supervisor,
                    "its process is not to be seen from here, and so its network is not to be "
                    "entered: use exec: for probes");
            return;
        }
        log_warning("container %s: its process %d is not to be seen from here; only the engine "
                    "tells of its end",
                supervisor_container_name(supervisor), (int)pid);
    } else if (r == -EXDEV) {
        fail(supervisor,
                "its process is not to be seen from here, so it cannot be moved into the "
                "unit; for an engine elsewhere use --cgroup-mode=none");
        return;
    } else if (r == -ESRCH) {
        /* Gone between the engine's answer and our look; the exit is on its way. */
        supervisor_report(supervisor, EVENT_PROCESS_GONE);
        return;
    } else if (r < 0) {
        fail(supervisor, strerror(-r));
        return;
    }
    move_into_unit(supervisor);
}

void action_place(Supervisor *supervisor)
{
    int r;

    if (supervisor->exit_seen) {
        supervisor_report(supervisor, EVENT_EXITED);
        return;
    }
    r = engine_inspect(supervisor->engine, supervisor->container.id, ANSWER_TIMEOUT_USEC,
            on_inspected, supervisor, &supervisor->call);
    if (r < 0)
        fail(supervisor, strerror(-r));
}
