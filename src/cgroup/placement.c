/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/placement.h"

#include <errno.h>
#include <string.h>

#include "base/process.h"
#include "base/text.h"
#include "cgroup/core_files.h"
#include "cgroup/device_filter.h"
#include "cgroup/limits.h"
#include "cgroup/migration.h"
#include "cgroup/version1_placement.h"

struct Placement {
    sd_event *event;
    sd_event_source *begin;
    const CgroupLayout *layout;
    char *container_id;
    pid_t first;
    bool privileged;

    char *source; /* where it is moved from */
    bool whole;   /* all that lives there is the container's */
    Migration *migration;
    Version1Placement *version1; /* where there are several hierarchies */
    PlacementHandler handler;
    void *userdata;
};

Placement *placement_free(Placement *placement)
{
    if (!placement)
        return NULL;
    (void)migration_free(placement->migration);
    (void)version1_placement_free(placement->version1);
    (void)sd_event_source_disable_unref(placement->begin);
    (void)sd_event_unref(placement->event);
    free(placement->container_id);
    free(placement->source);
    free(placement);
    return NULL;
}

/* The last thing that is done with the placement: the handler may free it. */
static void finish(Placement *placement, int r, const char *message, unsigned moved)
{
    if (r < 0 && !process_is_alive(placement->first)) {
        r = -ESRCH;
        message = "the container ended before it was in the unit's cgroup";
    }
    if (r < 0 && !message)
        message = strerror(-r);
    placement->handler(r, message, moved, placement->userdata);
}

/* Sets placement->source; NULL: all is in its place. */
static int find_source(Placement *placement)
{
    _cleanup_free_ char *path = NULL;
    int r;

    r = cgroup_of_process(placement->first, &path);
    if (r < 0)
        return r;
    placement->whole = true;
    if (!cgroup_path_is_below(path, placement->layout->payload)) {
        r = cgroup_path_container(path, placement->container_id, &placement->source);
        if (r != -ENOENT)
            return r;
        placement->whole = false;
        placement->source = TAKE_PTR(path);
        return 0;
    }
    /* Adopted, perhaps from one who was killed in the middle of this; and where nobody removes the
     * emptied cgroup (cgroupfs driver) processes may have been put there since. */
    r = cgroup_find_container(placement->layout->mount, placement->container_id,
            placement->layout->payload, &placement->source);
    return r == -ENOENT ? 0 : r;
}

/* Without delegation the destination is the unit's own cgroup, and there we live as well. */
static int open_destination(const Placement *placement)
{
    const CgroupLayout *layout = placement->layout;
    int r;

    if (layout->delegated) {
        r = cgroup_make_anew(layout->mount, layout->payload);
        if (r < 0)
            return r;
    }
    return cgroup_open(layout->mount, layout->payload);
}

static int carry_walls(const Placement *placement, int source, int destination, char **ret_message)
{
    int r;

    r = device_filter_carry(source, destination, !placement->privileged, ret_message);
    /* Limits of somebody else's cgroup are not the container's. */
    if (r < 0 || !placement->whole)
        return r;
    return limits_carry(source, placement->layout, ret_message);
}

static bool first_arrived(const Placement *placement)
{
    _cleanup_free_ char *path = NULL;

    return cgroup_of_process(placement->first, &path) >= 0 &&
            cgroup_path_is_below(path, placement->layout->payload);
}

/* Engines with the cgroupfs driver leave the emptied cgroup there and go on using it: what is
 * executed in the container later would land in it, outside the unit, and a pause would freeze
 * nothing. Without it they take the first process's. A scope is systemd's to remove. */
static void remove_source(const Placement *placement)
{
    _cleanup_free_ char *directory = NULL;
    _cleanup_close_ int source = -1;

    if (!placement->whole || text_ends_with(placement->source, ".scope"))
        return;
    directory = text_format("%s%s", placement->layout->mount, placement->source);
    source = cgroup_open(placement->layout->mount, placement->source);
    if (!directory || source < 0)
        return;
    cgroup_remove_below(source);
    (void)rmdir(directory);
}

static char *describe_failure(const Placement *placement, int r)
{
    if (r == -EBUSY)
        return text_format("the container cannot be moved into %s: cgroups below it have "
                           "controllers",
                placement->layout->payload);
    /* cgroup-v2.rst, "Delegation Containment". */
    if (r == -EACCES)
        return text_format("the container cannot be moved from %s to %s: a user may move processes "
                           "only within what that user's own service manager has; make it a unit "
                           "of that (systemctl --user), or use --cgroup-mode=none",
                placement->source, placement->layout->payload);
    return text_format(
            "the container cannot be moved into %s: %s", placement->layout->payload, strerror(-r));
}

static void on_migrated(const MigrationResult *result, void *userdata)
{
    Placement *placement = userdata;
    _cleanup_free_ char *message = NULL;
    int r = result->r;

    if (r >= 0 && !first_arrived(placement))
        r = result->left_error < 0 ? result->left_error : -EXDEV;
    if (r < 0)
        message = describe_failure(placement, r);
    else if (result->left > 0)
        message = text_format("%u processes of the container stay outside the unit, in %s: %s",
                result->left, placement->source, strerror(-result->left_error));
    else if (result->populated)
        message = text_format("processes of the container that cannot be moved from here stay "
                              "outside the unit, in %s",
                placement->source);
    else
        remove_source(placement);
    finish(placement, r, message, result->moved);
}

static void on_version1_placed(int r, const char *message, unsigned moved, void *userdata)
{
    finish(userdata, r, message, moved);
}

static int begin_version1(Placement *placement, char **ret_message)
{
    const PlacementRequest request = {
        .layout = placement->layout,
        .container_id = placement->container_id,
        .first = placement->first,
        .privileged = placement->privileged,
    };

    return version1_placement_start(placement->event, &request, on_version1_placed, placement,
            &placement->version1, ret_message);
}

static int begin(Placement *placement, char **ret_message)
{
    _cleanup_close_ int source = -1, destination = -1;
    int r;

    r = find_source(placement);
    if (r < 0)
        return r;
    if (!placement->source) {
        finish(placement, 0, NULL, 0);
        return 0;
    }
    source = cgroup_open(placement->layout->mount, placement->source);
    if (source < 0)
        return source;
    destination = open_destination(placement);
    if (destination < 0)
        return destination;
    r = carry_walls(placement, source, destination, ret_message);
    if (r < 0)
        return r;
    return migration_start(placement->event,
            &(MigrationRequest){
                    .source = source,
                    .destination = destination,
                    .whole = placement->whole,
                    .first = placement->first,
            },
            on_migrated, placement, &placement->migration);
}

static int on_begin(sd_event_source *source, void *userdata)
{
    Placement *placement = userdata;
    _cleanup_free_ char *message = NULL;
    int r;

    (void)source;
    r = placement->layout->hierarchies ? begin_version1(placement, &message)
                                       : begin(placement, &message);
    if (r < 0)
        finish(placement, r, message, 0);
    return 0;
}

static bool is_container_id(const char *text)
{
    return strlen(text) == CONTAINER_ID_SIZE &&
            strspn(text, "0123456789abcdef") == CONTAINER_ID_SIZE;
}

int placement_start(sd_event *event, const PlacementRequest *request, PlacementHandler handler,
        void *userdata, Placement **ret)
{
    _cleanup_(placement_free_p) Placement *placement = calloc(1, sizeof(*placement));
    int r;

    if (!request->layout->unit || request->first <= 0 || !is_container_id(request->container_id))
        return -EINVAL;
    if (!placement)
        return -ENOMEM;
    placement->event = sd_event_ref(event);
    placement->layout = request->layout;
    placement->container_id = strdup(request->container_id);
    placement->first = request->first;
    placement->privileged = request->privileged;
    placement->handler = handler;
    placement->userdata = userdata;
    if (!placement->container_id)
        return -ENOMEM;
    r = sd_event_add_defer(event, &placement->begin, on_begin, placement);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(placement);
    return 0;
}
