/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/version1_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/clock.h"
#include "cgroup/container_processes.h"
#include "cgroup/core_files.h"

/* Moves go on for so long in one turn of the loop. */
#define TURN_MAX (5 * USEC_PER_MSEC)
/* For all of it: what forks faster than it can be moved must not keep us for ever. */
#define SWEEP_MAX (60 * USEC_PER_SEC)
#define QUIET_SWEEPS 2

struct path {
    int source, destination_procs;
    bool whole;
    unsigned moved;
};

struct Sweep {
    sd_event *event;
    sd_event_source *timer;
    SweepHandler handler;
    void *userdata;

    struct path *paths, *path; /* `path`: where we are */
    size_t n;
    ContainerProcesses processes;
    pid_t keeper;

    uint64_t deadline, turn_deadline;
    unsigned moved_in_turn, quiet;
    int fatal;
    SweepResult result;
};

Sweep *sweep_free(Sweep *sweep)
{
    if (!sweep)
        return NULL;
    for (size_t i = 0; i < sweep->n; i++) {
        close_p(&sweep->paths[i].source);
        close_p(&sweep->paths[i].destination_procs);
    }
    free(sweep->paths);
    (void)sd_event_source_disable_unref(sweep->timer);
    (void)sd_event_unref(sweep->event);
    free(sweep);
    return NULL;
}

/* A PID namespace says whose a process is. In the host's own (--pid=host), where a process of the
 * container may be nobody's descendant any more, the container's own cgroup does. */
static bool is_to_be_moved(const Sweep *sweep, pid_t pid)
{
    if (pid == sweep->keeper || pid == getpid())
        return false;
    if (sweep->path->whole && sweep->processes.shared)
        return true;
    return container_processes_contain(&sweep->processes, pid);
}

/* Errors that every process would meet: the destination is at fault. */
static bool is_fatal(int r)
{
    return r == -EBUSY || r == -ENODEV || r == -ENOMEM || r == -ENOSPC;
}

static int move_process(pid_t pid, void *userdata)
{
    Sweep *sweep = userdata;
    int r;

    if (!is_to_be_moved(sweep, pid))
        return 0;
    r = cgroup_write_pid(sweep->path->destination_procs, pid);
    if (r == -ESRCH)
        return 0;
    if (is_fatal(r)) {
        sweep->fatal = r;
        return r;
    }
    if (r < 0) {
        sweep->result.left++;
        sweep->result.left_error = r;
        return 0;
    }
    sweep->path->moved++;
    sweep->moved_in_turn++;
    return now_usec() >= sweep->turn_deadline;
}

static int move_cgroup(int cgroup, void *userdata)
{
    return cgroup_each_process(cgroup, move_process, userdata);
}

/* One turn, with fresh lists: a number that was listed long ago may be another's by now. 1: there
 * is more to do. */
static int sweep_once(Sweep *sweep)
{
    int r = 0;

    sweep->turn_deadline = now_usec() + TURN_MAX;
    sweep->moved_in_turn = 0;
    sweep->result.left = 0;
    sweep->result.left_error = 0;
    for (size_t i = 0; r == 0 && i < sweep->n; i++) {
        sweep->path = &sweep->paths[i];
        r = sweep->path->whole ? cgroup_each(sweep->path->source, move_cgroup, sweep)
                               : move_cgroup(sweep->path->source, sweep);
        if (cgroup_is_gone(r) && sweep->fatal == 0)
            r = 0;
    }
    if (r < 0)
        return r;
    sweep->quiet = sweep->moved_in_turn > 0 ? 0 : sweep->quiet + 1;
    return sweep->quiet < QUIET_SWEEPS && now_usec() < sweep->deadline;
}

static void finish(Sweep *sweep, int r)
{
    SweepResult result = sweep->result;

    result.r = r;
    for (size_t i = 0; i < sweep->n; i++)
        if (sweep->paths[i].moved > result.moved)
            result.moved = sweep->paths[i].moved;
    sweep->handler(&result, sweep->userdata);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    Sweep *sweep = userdata;
    int r;

    (void)usec;
    r = sweep_once(sweep);
    if (r <= 0) {
        finish(sweep, r);
        return 0;
    }
    r = sd_event_source_set_time(source, now_usec());
    if (r >= 0)
        r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    if (r < 0)
        finish(sweep, r);
    return 0;
}

static int open_path(struct path *path, const SweepPath *request)
{
    path->whole = request->whole;
    path->destination_procs = -1;
    path->source = cgroup_open_file(request->source, ".", O_RDONLY | O_DIRECTORY);
    if (path->source < 0)
        return path->source;
    path->destination_procs = cgroup_open_file(request->destination, "cgroup.procs", O_WRONLY);
    return path->destination_procs < 0 ? path->destination_procs : 0;
}

int sweep_start(sd_event *event, const SweepRequest *request, SweepHandler handler, void *userdata,
        Sweep **ret)
{
    _cleanup_(sweep_free_p) Sweep *sweep = calloc(1, sizeof(*sweep));
    int r;

    if (!sweep)
        return -ENOMEM;
    sweep->event = sd_event_ref(event);
    sweep->handler = handler;
    sweep->userdata = userdata;
    sweep->keeper = request->keeper;
    sweep->paths = calloc(request->n + 1, sizeof(*sweep->paths));
    if (!sweep->paths)
        return -ENOMEM;
    r = container_processes_of(request->first, &sweep->processes);
    for (size_t i = 0; r >= 0 && i < request->n; i++)
        r = open_path(&sweep->paths[sweep->n++], &request->paths[i]);
    if (r < 0)
        return r;
    sweep->deadline = now_usec() + SWEEP_MAX;
    /* A timer, not a defer source, which would starve the other timers. */
    r = sd_event_add_time(event, &sweep->timer, CLOCK_MONOTONIC, now_usec(), 1, on_timer, sweep);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(sweep);
    return 0;
}
