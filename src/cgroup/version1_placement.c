/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/version1_placement.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/process.h"
#include "base/text.h"
#include "cgroup/container_processes.h"
#include "cgroup/core_files.h"
#include "cgroup/scope_keeper.h"
#include "cgroup/version1_sweep.h"
#include "cgroup/version1_walls.h"

/* In one hierarchy. */
struct move {
    const Hierarchy *hierarchy;
    char *path; /* of the source */
    bool whole; /* it is the container's own */
    bool again; /* the first process had been moved before */
    int source, destination;
};

struct Version1Placement {
    const CgroupLayout *layout;
    char *container_id;
    pid_t first;
    bool privileged;
    PlacementHandler handler;
    void *userdata;

    struct move *moves;
    size_t n;
    Sweep *sweep;
};

Version1Placement *version1_placement_free(Version1Placement *placement)
{
    if (!placement)
        return NULL;
    (void)sweep_free(placement->sweep);
    for (size_t i = 0; i < placement->n; i++) {
        free(placement->moves[i].path);
        close_p(&placement->moves[i].source);
        close_p(&placement->moves[i].destination);
    }
    free(placement->moves);
    free(placement->container_id);
    free(placement);
    return NULL;
}

/* 0: *move is to be made; 1: all is in its place. */
static int find_move(Version1Placement *placement, const char *proc_cgroup, struct move *move)
{
    _cleanup_free_ char *path = NULL;
    int r;

    r = cgroup_parse_path(proc_cgroup, move->hierarchy->name, &path);
    if (r < 0)
        return r == -ENOENT ? -ESRCH : r;
    if (!cgroup_path_is_below(path, placement->layout->payload)) {
        r = cgroup_path_container(path, placement->container_id, &move->path);
        move->whole = r >= 0;
        if (r != -ENOENT)
            return r;
        move->path = TAKE_PTR(path);
        return 0;
    }
    /* Adopted, perhaps from one who was killed in the middle of this; and what was executed in the
     * container since is there. */
    r = cgroup_find_container(move->hierarchy->mount, placement->container_id,
            placement->layout->payload, &move->path);
    move->whole = move->again = true;
    return r == -ENOENT ? 1 : r;
}

static int open_move(const CgroupLayout *layout, struct move *move)
{
    const char *mount = move->hierarchy->mount;
    int r;

    move->source = cgroup_open(mount, move->path);
    if (move->source < 0)
        return move->source;
    if (layout->delegated) {
        r = cgroup_make_anew(mount, layout->payload);
        if (r < 0)
            return r;
    }
    move->destination = cgroup_open(mount, layout->payload);
    return move->destination < 0 ? move->destination : 0;
}

static int find_moves(Version1Placement *placement, const char *proc_cgroup)
{
    const Hierarchies *hierarchies = placement->layout->hierarchies;

    placement->moves = calloc(hierarchies->n, sizeof(*placement->moves));
    if (!placement->moves)
        return -ENOMEM;
    for (size_t i = 0; i < hierarchies->n; i++) {
        struct move *move = &placement->moves[placement->n];
        int r;

        if (!hierarchies->items[i].chosen)
            continue;
        *move = (struct move){ .hierarchy = &hierarchies->items[i], .source = -1, -1 };
        placement->n++;
        r = find_move(placement, proc_cgroup, move);
        if (r == 0)
            r = open_move(placement->layout, move);
        if (r < 0)
            return r;
        if (r > 0)
            placement->n--;
    }
    return 0;
}

static int carry_walls(const Version1Placement *placement, char **ret_message)
{
    const CgroupLayout *layout = placement->layout;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < placement->n; i++) {
        const struct move *move = &placement->moves[i];

        if (move->hierarchy->tracking)
            continue;
        r = version1_devices_carry(
                move->source, move->destination, layout, !placement->privileged, ret_message);
        /* Limits of somebody else's cgroup are not the container's. */
        if (r >= 0 && move->whole)
            r = version1_limits_carry(
                    move->source, move->destination, layout, move->hierarchy->mount, ret_message);
    }
    return r;
}

static int is_stranger(pid_t pid, void *userdata)
{
    return !container_processes_contain(userdata, pid);
}

/* 1: it is a scope that nobody stays in yet. */
static int needs_keeper(const struct move *move, pid_t first)
{
    ContainerProcesses processes;
    int r;

    if (!move->hierarchy->tracking || !move->whole || !text_ends_with(move->path, ".scope"))
        return 0;
    r = container_processes_of(first, &processes);
    if (r < 0)
        return r;
    /* With --pid=host any process may be the container's: the keeper of before is moved with all
     * the rest, and ended with it. */
    if (!move->again || processes.shared)
        return 1;
    r = cgroup_each_process(move->source, is_stranger, &processes);
    return r < 0 ? r : r == 0;
}

/* Out of the unit's cgroups, which would not be empty otherwise when the unit ends; and not into
 * the container's, where it would count. */
static int put_keeper_aside(
        const Version1Placement *placement, const char *proc_cgroup, const char *number)
{
    const Hierarchies *hierarchies = placement->layout->hierarchies;

    for (size_t i = 0; i < hierarchies->n; i++) {
        _cleanup_close_ int parent = -1;
        _cleanup_free_ char *path = NULL, *own = NULL;

        if (hierarchies->items[i].tracking || !hierarchies->items[i].has_unit ||
                cgroup_parse_path(proc_cgroup, hierarchies->items[i].name, &path) < 0 ||
                cgroup_path_container(path, placement->container_id, &own) < 0)
            continue;
        *strrchr(own, '/') = '\0';
        parent = cgroup_open(hierarchies->items[i].mount, own);
        if (parent < 0)
            return parent;
        (void)cgroup_write(parent, "cgroup.procs", number);
    }
    return 0;
}

static int keep_scope(Version1Placement *placement, const char *proc_cgroup, pid_t *ret_keeper)
{
    char number[16];
    pid_t keeper = 0;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < placement->n; i++) {
        struct move *move = &placement->moves[i];

        r = needs_keeper(move, placement->first);
        if (r <= 0)
            continue;
        if (keeper == 0) {
            keeper = scope_keeper_start();
            if (keeper < 0)
                return keeper;
            (void)snprintf(number, sizeof(number), "%d", keeper);
        }
        r = cgroup_write(move->source, "cgroup.procs", number);
    }
    if (r >= 0 && keeper > 0)
        r = put_keeper_aside(placement, proc_cgroup, number);
    *ret_keeper = keeper;
    return r < 0 ? r : 0;
}

/* Is the first process where it was to be, in all hierarchies? */
static int check_arrival(const Version1Placement *placement)
{
    _cleanup_free_ char *proc_cgroup = NULL;
    int r;

    r = process_read(placement->first, "cgroup", &proc_cgroup);
    for (size_t i = 0; r >= 0 && i < placement->n; i++) {
        _cleanup_free_ char *path = NULL;

        r = cgroup_parse_path(proc_cgroup, placement->moves[i].hierarchy->name, &path);
        if (r >= 0 && !cgroup_path_is_below(path, placement->layout->payload))
            return -EXDEV;
    }
    return r == -ENOENT ? -ESRCH : r;
}

static void on_swept(const SweepResult *result, void *userdata)
{
    Version1Placement *placement = userdata;
    _cleanup_free_ char *message = NULL;
    int r = result->r;

    if (r >= 0)
        r = check_arrival(placement);
    if (r == -EXDEV && result->left_error < 0)
        r = result->left_error;
    if (r < 0)
        message = text_format("the container cannot be moved into %s: %s",
                placement->layout->payload, strerror(-r));
    else if (result->left > 0)
        message = text_format("%u processes of the container stay outside the unit: %s",
                result->left, strerror(-result->left_error));
    placement->handler(r, message, result->moved, placement->userdata);
}

static int start_sweep(Version1Placement *placement, sd_event *event, pid_t keeper)
{
    SweepRequest request = { .n = placement->n, .first = placement->first, .keeper = keeper };
    _cleanup_free_ SweepPath *paths = calloc(placement->n + 1, sizeof(*paths));

    if (!paths)
        return -ENOMEM;
    for (size_t i = 0; i < placement->n; i++)
        paths[i] = (SweepPath){
            .source = placement->moves[i].source,
            .destination = placement->moves[i].destination,
            .whole = placement->moves[i].whole,
        };
    request.paths = paths;
    return sweep_start(event, &request, on_swept, placement, &placement->sweep);
}

int version1_placement_start(sd_event *event, const PlacementRequest *request,
        PlacementHandler handler, void *userdata, Version1Placement **ret, char **ret_message)
{
    _cleanup_(version1_placement_free_p) Version1Placement *placement =
            calloc(1, sizeof(*placement));
    _cleanup_free_ char *proc_cgroup = NULL;
    pid_t keeper = 0;
    int r;

    if (!placement)
        return -ENOMEM;
    placement->layout = request->layout;
    placement->container_id = strdup(request->container_id);
    placement->first = request->first;
    placement->privileged = request->privileged;
    placement->handler = handler;
    placement->userdata = userdata;
    if (!placement->container_id)
        return -ENOMEM;

    r = process_read(placement->first, "cgroup", &proc_cgroup);
    if (r >= 0)
        r = find_moves(placement, proc_cgroup);
    if (r >= 0)
        r = carry_walls(placement, ret_message);
    if (r >= 0)
        r = keep_scope(placement, proc_cgroup, &keeper);
    if (r >= 0)
        r = start_sweep(placement, event, keeper);
    if (r < 0) {
        if (keeper > 0)
            (void)kill(keeper, SIGKILL);
        return r;
    }
    *ret = TAKE_PTR(placement);
    return 0;
}
