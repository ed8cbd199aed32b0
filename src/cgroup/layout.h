/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where we are: the unit's cgroup and the two below it.
 *
 *     UNIT                 Delegate=yes
 *     |- supervisor        us
 *     `- payload           the container
 *
 * Paths are below the mount point of cgroup v2 ("/system.slice/web.service").
 * The unit's directory is known by its name, and delegation.h tells whether it is
 * delegated; nothing is found by counting levels from where we happen to run:
 * after a restart that would nest.
 *
 * Where controllers are on cgroup v1 (also hybrid) there are several hierarchies
 * (hierarchies.h). `mount` is that of the one by which systemd tracks the unit,
 * and the same tree is in the others as far as they are used.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "cgroup/hierarchies.h"

#define CONTAINER_ID_SIZE 64

typedef struct CgroupLayout {
    char *mount;      /* of cgroup v2, "/sys/fs/cgroup"; else "/sys/fs/cgroup/systemd" */
    char *own;        /* where we were found */
    char *unit;       /* the unit's cgroup, or NULL: we do not run in a service */
    char *unit_name;  /* "web.service", or NULL */
    char *supervisor; /* = unit without delegation */
    char *payload;    /* = unit without delegation */
    bool delegated;
    Hierarchies *hierarchies; /* NULL on cgroup v2 */
} CgroupLayout;

/* 0 or a negative errno; -ENOTSUP: no cgroups here that systemd keeps. For
 * cgroup_layout_clear(). */
int cgroup_layout_find(CgroupLayout *ret);
/* Of a unit by its cgroup path, for those who do not run in it (cleanup, status); `own` is NULL.
 * -ENOENT: no such cgroup (a unit that is down has none); -EINVAL: not a unit's path. */
int cgroup_layout_of_unit(const char *unit_path, CgroupLayout *ret);
void cgroup_layout_clear(CgroupLayout *layout);

/* The mount point of the i-th hierarchy, the first being `mount`; NULL: there are no more. On
 * cgroup v2 there is one. With `tracking` only those by which systemd knows whose a process is. */
const char *cgroup_layout_mount(const CgroupLayout *layout, size_t i, bool tracking);

/* A unit's payload is for one container: the descriptor that is returned holds the unit for us
 * until it is closed, or we end. -EBUSY: another process holds it. */
int cgroup_layout_claim(const CgroupLayout *layout);

/* Makes UNIT/supervisor and UNIT/payload and moves the process `pid` (0: this one) into the first.
 * Nothing to do without delegation. Idempotent. A payload without processes is made anew, so that
 * the filters and limits of the container before are gone. */
int cgroup_layout_enter(const CgroupLayout *layout, pid_t pid);

/* Path arithmetic, pure, on what /proc/PID/cgroup says. *ret is the caller's. -ENXIO: no line of
 * this hierarchy; -ENOENT: the cgroup was removed, so the process is dead; -EXDEV: outside our
 * cgroup namespace. */
int cgroup_parse_path(const char *proc_cgroup, const char *hierarchy, char **ret);
int cgroup_parse_v2_path(const char *proc_cgroup, char **ret);
/* The innermost "*.service" or "*.scope" component: its path and its name, as systemctl knows it.
 * -ENXIO: none. */
int cgroup_path_unit(const char *path, char **ret_unit_path, char **ret_unit_name);
/* Does the last component carry this container's full ID? Only such a cgroup is one of Docker's
 * own for this container (ibuildthecloud/systemd-docker#27). */
bool cgroup_path_is_of_container(const char *path, const char *container_id);

/* `path` or the ancestor of it that cgroup_path_is_of_container(): the container may have cgroups
 * of its own below. -ENOENT: it lives in somebody else's. */
int cgroup_path_container(const char *path, const char *container_id, char **ret);
/* The container's own cgroup below `mount`, but not below `payload` (NULL: wherever it is); *ret is
 * the caller's. -ENOENT: there is none. As expensive as cgroup_find(). */
int cgroup_find_container(
        const char *mount, const char *container_id, const char *payload, char **ret);

/* Is `path` `ancestor` or below it? */
bool cgroup_path_is_below(const char *path, const char *ancestor);

/* The cgroup of a process in the hierarchy that a layout's `mount` is of. *ret is the caller's.
 * -ESRCH: there is no such process; else as cgroup_parse_path(). */
int cgroup_of_process(pid_t pid, char **ret);
