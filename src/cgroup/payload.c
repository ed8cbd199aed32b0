/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "cgroup/core_files.h"
#include "cgroup/placement.h"
#include "cgroup/process.h"

/* Where the kernel cannot kill a cgroup as a whole: what forks while we go through the list is
 * met in the next round. */
#define ROUNDS_MAX 32

struct killing {
    int signal_number;
    bool foreign_only; /* only processes of other PID namespaces than ours */
    unsigned n;
};

static int open_payload(const CgroupLayout *layout)
{
    return layout->payload ? cgroup_open(layout->mount, layout->payload) : -ENOENT;
}

static int kill_process(pid_t pid, void *userdata)
{
    struct killing *killing = userdata;

    if (pid == getpid() || (killing->foreign_only && !process_is_in_other_namespace(pid)))
        return 0;
    if (killing->signal_number == 0 || kill(pid, killing->signal_number) >= 0)
        killing->n++;
    return 0;
}

static int kill_cgroup(int cgroup, void *userdata)
{
    return cgroup_each_process(cgroup, kill_process, userdata);
}

static int kill_listed(const CgroupLayout *layout, int cgroup, int signal_number)
{
    struct killing killing = { .signal_number = signal_number, .foreign_only = !layout->delegated };
    unsigned rounds = signal_number == SIGKILL ? ROUNDS_MAX : 1;
    int r = 0;

    do {
        killing.n = 0;
        r = cgroup_each(cgroup, kill_cgroup, &killing);
    } while (r >= 0 && killing.n > 0 && --rounds > 0);
    return cgroup_is_gone(r) ? 0 : r;
}

/* All in it and below; -ENOENT: the kernel has no such file (Linux 5.14 brought it). */
static int kill_whole(int cgroup)
{
    int r = cgroup_write(cgroup, "cgroup.kill", "1");

    return r == -ENODEV ? 0 : r;
}

int payload_kill(const CgroupLayout *layout, int signal_number)
{
    _cleanup_close_ int payload = open_payload(layout);
    int r;

    if (payload < 0)
        return cgroup_is_gone(payload) ? 0 : payload;
    if (layout->delegated && signal_number == SIGKILL) {
        r = kill_whole(payload);
        if (r != -ENOENT)
            return r;
    }
    return kill_listed(layout, payload, signal_number);
}

static bool is_of_container(const char *path, const void *userdata)
{
    return cgroup_path_is_of_container(path, userdata);
}

int container_kill(const CgroupLayout *layout, const char *container_id)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int cgroup = -1;
    int r;

    r = cgroup_find(layout->mount, is_of_container, container_id, &path);
    if (r < 0)
        return cgroup_is_gone(r) ? 0 : r;
    cgroup = cgroup_open(layout->mount, path);
    if (cgroup < 0)
        return cgroup_is_gone(cgroup) ? 0 : cgroup;
    return kill_whole(cgroup);
}

int payload_is_populated(const CgroupLayout *layout)
{
    _cleanup_close_ int payload = open_payload(layout), events = -1;
    struct killing counting = { .foreign_only = true };
    int r;

    if (payload < 0)
        return cgroup_is_gone(payload) ? 0 : payload;
    if (!layout->delegated) {
        r = cgroup_each(payload, kill_cgroup, &counting);
        return r < 0 && !cgroup_is_gone(r) ? r : counting.n > 0;
    }
    events = cgroup_open_file(payload, "cgroup.events", O_RDONLY);
    r = events < 0 ? events : cgroup_events_get(events, "populated");
    return cgroup_is_gone(r) ? 0 : r;
}

static int thaw_cgroup(int cgroup, void *userdata)
{
    (void)userdata;
    (void)cgroup_write(cgroup, "cgroup.freeze", "0");
    return 0;
}

int payload_clean(const CgroupLayout *layout)
{
    _cleanup_close_ int unit = -1, payload = -1;

    if (!layout->unit || !layout->delegated)
        return 0;
    payload = open_payload(layout);
    if (payload < 0)
        return cgroup_is_gone(payload) ? 0 : payload;
    (void)cgroup_each(payload, thaw_cgroup, NULL);
    cgroup_remove_below(payload);
    unit = cgroup_open(layout->mount, layout->unit);
    if (unit < 0)
        return cgroup_is_gone(unit) ? 0 : unit;
    /* What is populated stays, and that is no failure of ours. */
    if (unlinkat(unit, "payload", AT_REMOVEDIR) < 0 && errno != EBUSY && errno != ENOENT)
        return -errno;
    return 0;
}
