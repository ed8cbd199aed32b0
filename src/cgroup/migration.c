/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/migration.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "cgroup/container_processes.h"
#include "cgroup/core_files.h"

/* Moves go on for so long in one turn of the loop. Each takes from 10 µs to some 100 µs, as there
 * are controllers. */
#define TURN_MAX (5 * USEC_PER_MSEC)
#define FREEZE_MAX (2 * USEC_PER_SEC)
/* Between sweeps that moved nothing although something lives there, and how many of them. */
#define PAUSE (20 * USEC_PER_MSEC)
#define IDLE_SWEEPS_MAX 50
/* For all of it: what forks faster than it can be moved must not keep us for ever. */
#define MIGRATION_MAX (60 * USEC_PER_SEC)

typedef enum Sweep {
    SWEEP_DONE,
    SWEEP_AGAIN, /* at once */
    SWEEP_PAUSE, /* when something changed */
} Sweep;

struct Migration {
    sd_event *event;
    sd_event_source *timer, *changed;
    MigrationHandler handler;
    void *userdata;

    int source, destination_procs, events;
    int fatal; /* what the destination answered */
    bool whole;
    bool frozen;   /* by us */
    bool freezing; /* we wait for it */
    ContainerProcesses processes;

    uint64_t freeze_deadline, deadline, turn_deadline;
    unsigned moved_in_turn, idle_sweeps;
    MigrationResult result;
};

static void thaw(Migration *migration)
{
    if (migration->frozen)
        (void)cgroup_write(migration->source, "cgroup.freeze", "0");
    migration->frozen = false;
}

Migration *migration_free(Migration *migration)
{
    if (!migration)
        return NULL;
    thaw(migration);
    (void)sd_event_source_disable_unref(migration->changed);
    (void)sd_event_source_disable_unref(migration->timer);
    close_p(&migration->source);
    close_p(&migration->destination_procs);
    close_p(&migration->events);
    (void)sd_event_unref(migration->event);
    free(migration);
    return NULL;
}

/* Does anything live in the source? Of one that is not the container's own that says nothing. */
static bool is_populated(Migration *migration)
{
    return migration->whole && cgroup_events_get(migration->events, "populated") == 1;
}

static void finish(Migration *migration, int r)
{
    MigrationResult result;

    migration->result.r = r;
    migration->result.populated = is_populated(migration);
    thaw(migration);
    result = migration->result;
    migration->handler(&result, migration->userdata);
}

/* Errors that every process would meet: the destination is at fault. */
static bool is_fatal(int r)
{
    return r == -EBUSY || r == -EOPNOTSUPP || r == -ENODEV || r == -ENOMEM;
}

static int move_process(pid_t pid, void *userdata)
{
    Migration *migration = userdata;
    int r;

    if (!migration->whole && !container_processes_contain(&migration->processes, pid))
        return 0;
    r = cgroup_write_pid(migration->destination_procs, pid);
    if (r == -ESRCH)
        return 0;
    if (is_fatal(r)) {
        migration->fatal = r;
        return r;
    }
    if (r < 0) {
        migration->result.left++;
        migration->result.left_error = r;
        return 0;
    }
    migration->result.moved++;
    migration->moved_in_turn++;
    return now_usec() >= migration->turn_deadline;
}

static int move_cgroup(int cgroup, void *userdata)
{
    return cgroup_each_process(cgroup, move_process, userdata);
}

/* One turn: a Sweep or a negative errno. Each begins with a fresh list, so that a process listed
 * long ago, whose number may be another's by now, is never moved. */
static int sweep(Migration *migration)
{
    int r;

    migration->turn_deadline = now_usec() + TURN_MAX;
    migration->moved_in_turn = 0;
    migration->result.left = 0;
    migration->result.left_error = 0;
    if (migration->whole)
        r = cgroup_each(migration->source, move_cgroup, migration);
    else
        r = move_cgroup(migration->source, migration);
    if (migration->fatal < 0)
        return migration->fatal;
    /* systemd removes a scope as soon as it is empty. */
    if (cgroup_is_gone(r) || now_usec() >= migration->deadline)
        return SWEEP_DONE;
    if (r < 0)
        return r;
    if (migration->moved_in_turn > 0) {
        migration->idle_sweeps = 0;
        return SWEEP_AGAIN;
    }
    if (!is_populated(migration) || ++migration->idle_sweeps >= IDLE_SWEEPS_MAX)
        return SWEEP_DONE;
    return SWEEP_PAUSE;
}

/* By the timer also when there is no time to wait: a defer source that is enabled again and again
 * is always first in sd-event's queue, and other timers (the watchdog's) would starve. */
static int advance_at(Migration *migration, uint64_t usec)
{
    int r;

    r = sd_event_source_set_time(migration->timer, usec);
    return r < 0 ? r : sd_event_source_set_enabled(migration->timer, SD_EVENT_ONESHOT);
}

/* When the source changes, at the latest at `usec`. */
static int advance_on_change(Migration *migration, uint64_t usec)
{
    int r;

    r = advance_at(migration, usec);
    return r < 0 ? r : sd_event_source_set_enabled(migration->changed, SD_EVENT_ONESHOT);
}

static void stop_waiting(Migration *migration)
{
    (void)sd_event_source_set_enabled(migration->timer, SD_EVENT_OFF);
    if (migration->changed)
        (void)sd_event_source_set_enabled(migration->changed, SD_EVENT_OFF);
}

/* Is the source frozen, or is it time to go on without? */
static bool is_frozen(Migration *migration)
{
    return cgroup_events_get(migration->events, "frozen") != 0 ||
            now_usec() >= migration->freeze_deadline;
}

static void advance(Migration *migration)
{
    int r;

    stop_waiting(migration);
    if (migration->freezing) {
        if (!is_frozen(migration)) {
            r = advance_on_change(migration, migration->freeze_deadline);
            if (r < 0)
                finish(migration, r);
            return;
        }
        migration->freezing = false;
    }

    r = sweep(migration);
    if (r == SWEEP_AGAIN)
        r = advance_at(migration, now_usec());
    else if (r == SWEEP_PAUSE)
        r = advance_on_change(migration, now_usec() + PAUSE);
    else {
        finish(migration, r);
        return;
    }
    if (r < 0)
        finish(migration, r);
}

static int on_changed(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)fd;
    (void)events;
    advance(userdata);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    advance(userdata);
    return 0;
}

static int watch(Migration *migration)
{
    uint64_t now = now_usec();
    int r;

    migration->freeze_deadline = now + FREEZE_MAX;
    migration->deadline = now + MIGRATION_MAX;
    r = sd_event_add_time(
            migration->event, &migration->timer, CLOCK_MONOTONIC, now, 1, on_timer, migration);
    if (r < 0 || !migration->whole)
        return r;
    r = sd_event_add_io(migration->event, &migration->changed, migration->events, EPOLLPRI,
            on_changed, migration);
    if (r >= 0)
        r = sd_event_source_set_enabled(migration->changed, SD_EVENT_OFF);
    return r;
}

static int open_files(Migration *migration, const MigrationRequest *request)
{
    migration->source = cgroup_open_file(request->source, ".", O_RDONLY | O_DIRECTORY);
    if (migration->source < 0)
        return migration->source;
    migration->destination_procs = cgroup_open_file(request->destination, "cgroup.procs", O_WRONLY);
    if (migration->destination_procs < 0)
        return migration->destination_procs;
    if (!request->whole)
        return container_processes_of(request->first, &migration->processes);
    migration->events = cgroup_open_file(request->source, "cgroup.events", O_RDONLY);
    return migration->events < 0 ? migration->events : 0;
}

int migration_start(sd_event *event, const MigrationRequest *request, MigrationHandler handler,
        void *userdata, Migration **ret)
{
    _cleanup_(migration_free_p) Migration *migration = calloc(1, sizeof(*migration));
    int r;

    if (!migration)
        return -ENOMEM;
    migration->source = migration->destination_procs = migration->events = -1;
    migration->event = sd_event_ref(event);
    migration->handler = handler;
    migration->userdata = userdata;
    migration->whole = request->whole;

    r = open_files(migration, request);
    if (r < 0)
        return r;
    r = watch(migration);
    if (r < 0)
        return r;
    if (migration->whole) {
        /* Without a freezer (Linux before 5.2) sweeping alone must do. */
        r = cgroup_write(migration->source, "cgroup.freeze", "1");
        if (r < 0 && !cgroup_is_gone(r))
            return r;
        migration->frozen = migration->freezing = r >= 0;
    }
    *ret = TAKE_PTR(migration);
    return 0;
}
