/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cgroup/core_files.h"
#include "cgroup/placement.h"

/* Where the kernel cannot kill a cgroup as a whole: what forks while we go through the list is
 * met in the next round. */
#define ROUNDS_MAX 32

struct killing {
    int signal_number;
    unsigned n;
};

static int kill_process(pid_t pid, void *userdata)
{
    struct killing *killing = userdata;

    if (pid == getpid())
        return 0;
    if (killing->signal_number == 0 || kill(pid, killing->signal_number) >= 0)
        killing->n++;
    return 0;
}

static int kill_cgroup(int cgroup, void *userdata)
{
    return cgroup_each_process(cgroup, kill_process, userdata);
}

static int kill_listed(int cgroup, int signal_number)
{
    struct killing killing = { .signal_number = signal_number };
    unsigned rounds = signal_number == SIGKILL ? ROUNDS_MAX : 1;
    int r = 0;

    do {
        killing.n = 0;
        r = cgroup_each(cgroup, kill_cgroup, &killing);
    } while (r >= 0 && killing.n > 0 && --rounds > 0);
    return cgroup_is_gone(r) ? 0 : r;
}

/* All in it and below; -ENOENT: there is no such file (Linux 5.14 brought it, for version 2). */
static int kill_whole(int cgroup)
{
    int r = cgroup_write(cgroup, "cgroup.kill", "1");

    return r == -ENODEV ? 0 : r;
}

static int kill_payload(const CgroupLayout *layout, const char *mount, int signal_number)
{
    _cleanup_close_ int payload = cgroup_open(mount, layout->payload);
    int r;

    if (payload < 0)
        return cgroup_is_gone(payload) ? 0 : payload;
    if (signal_number == SIGKILL) {
        r = kill_whole(payload);
        if (r != -ENOENT)
            return r;
    }
    return kill_listed(payload, signal_number);
}

int payload_kill(const CgroupLayout *layout, int signal_number)
{
    const char *mount;
    int r = 0;

    if (!layout->delegated)
        return 0;
    /* What is tracked is in all of them. */
    for (size_t i = 0; layout->payload && (mount = cgroup_layout_mount(layout, i, true)); i++) {
        int k = kill_payload(layout, mount, signal_number);

        r = r < 0 ? r : k;
    }
    return r;
}

static int kill_container(const char *mount, const char *container_id)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int cgroup = -1;
    int r;

    r = cgroup_find_container(mount, container_id, NULL, &path);
    if (r < 0)
        return cgroup_is_gone(r) ? 0 : r;
    cgroup = cgroup_open(mount, path);
    if (cgroup < 0)
        return cgroup_is_gone(cgroup) ? 0 : cgroup;
    r = kill_whole(cgroup);
    return r == -ENOENT ? kill_listed(cgroup, SIGKILL) : r;
}

int container_kill(const CgroupLayout *layout, const char *container_id)
{
    const char *mount;
    int r = 0;

    for (size_t i = 0; (mount = cgroup_layout_mount(layout, i, true)); i++) {
        int k = kill_container(mount, container_id);

        r = r < 0 ? r : k;
    }
    return r;
}

/* In the cgroup and below it. */
static int is_populated(int cgroup)
{
    _cleanup_close_ int events = cgroup_open_file(cgroup, "cgroup.events", O_RDONLY);
    struct killing counting = {};
    int r;

    if (events >= 0)
        return cgroup_events_get(events, "populated");
    /* Version 1 has no such file. */
    r = cgroup_each(cgroup, kill_cgroup, &counting);
    return r < 0 ? r : counting.n > 0;
}

int container_thaw(const CgroupLayout *layout, const char *container_id)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int cgroup = -1;
    int r;

    r = cgroup_find_container(layout->mount, container_id, NULL, &path);
    if (r >= 0)
        r = cgroup = cgroup_open(layout->mount, path);
    if (r >= 0)
        r = cgroup_write(cgroup, "cgroup.freeze", "0");
    return cgroup_is_gone(r) ? 0 : r;
}

int supervisor_is_populated(const CgroupLayout *layout)
{
    _cleanup_close_ int supervisor = cgroup_open(layout->mount, layout->supervisor);
    int r = supervisor < 0 ? supervisor : is_populated(supervisor);

    return cgroup_is_gone(r) ? 0 : r;
}

static int thaw_cgroup(int cgroup, void *userdata)
{
    (void)userdata;
    (void)cgroup_write(cgroup, "cgroup.freeze", "0");
    return 0;
}

/* While the unit has controllers for the cgroups below it, systemd can start nothing in its own:
 * not what follows in a unit of several commands. */
static void drop_controllers(int unit)
{
    _cleanup_free_ char *enabled = NULL;
    char *rest, *name;

    if (cgroup_read(unit, "cgroup.subtree_control", &enabled) < 0)
        return;
    rest = enabled;
    while ((name = strsep(&rest, " "))) {
        _cleanup_free_ char *drop = text_format("-%s", name);

        if (drop && *name)
            (void)cgroup_write(unit, "cgroup.subtree_control", drop);
    }
}

static int clean_payload(const CgroupLayout *layout, const char *mount)
{
    _cleanup_close_ int unit = -1, payload = cgroup_open(mount, layout->payload);

    if (payload < 0)
        return cgroup_is_gone(payload) ? 0 : payload;
    (void)cgroup_each(payload, thaw_cgroup, NULL);
    cgroup_remove_below(payload);
    unit = cgroup_open(mount, layout->unit);
    if (unit < 0)
        return cgroup_is_gone(unit) ? 0 : unit;
    /* What is populated stays, and that is no failure of ours. */
    if (unlinkat(unit, "payload", AT_REMOVEDIR) < 0 && errno != ENOENT)
        return errno == EBUSY ? 0 : -errno;
    drop_controllers(unit);
    return 0;
}

/* Where systemd keeps no cgroup of the unit, the engine made one on its way to UNIT/payload/ID
 * (mode parent), and nobody else would remove it. One that systemd keeps is not empty while we run;
 * if it is, systemd copes. */
static void remove_empty_unit(const CgroupLayout *layout, const char *mount)
{
    _cleanup_free_ char *directory = text_format("%s%s", mount, layout->unit);

    if (directory)
        (void)rmdir(directory);
}

int payload_clean(const CgroupLayout *layout)
{
    const char *mount;
    int r = 0;

    if (!layout->unit || !layout->delegated)
        return 0;
    for (size_t i = 0; (mount = cgroup_layout_mount(layout, i, false)); i++) {
        int c = clean_payload(layout, mount);

        r = r < 0 ? r : c;
        if (!cgroup_layout_mount(layout, i, true))
            remove_empty_unit(layout, mount);
    }
    return r;
}
