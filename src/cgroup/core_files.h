/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core files of a cgroup of version 2 (cgroup.procs, cgroup.freeze,
 * cgroup.events, cgroup.kill) and the tree that they lie in.
 *
 * A cgroup is a file descriptor of its directory here: it stays the same one
 * when the name is removed and made anew meanwhile. Kernel documentation:
 * admin-guide/cgroup-v2.rst, "Core Interface Files". A cgroup that was removed
 * answers with -ENODEV, one that is not there with -ENOENT: cgroup_is_gone().
 */

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/* The cgroup at `path` below `mount`: a descriptor, or a negative errno. */
int cgroup_open(const char *mount, const char *path);
/* A file of the cgroup: a descriptor, or a negative errno. */
int cgroup_open_file(int cgroup, const char *file, int flags);

static inline bool cgroup_is_gone(int r)
{
    return r == -ENOENT || r == -ENODEV;
}

/* Without the last new line; at most 64 KiB (-EFBIG). *ret is the caller's. */
int cgroup_read(int cgroup, const char *file, char **ret);
int cgroup_write(int cgroup, const char *file, const char *text);
int cgroup_write_pid(int procs, pid_t pid);

/* What an open cgroup.events says of `key` ("populated", "frozen"): 0, 1 or a negative errno.
 * Reading arms the next EPOLLPRI on it. */
int cgroup_events_get(int events, const char *key);

/* Calls `visit` for each process of this cgroup until it returns non-zero; returns that. Processes
 * of PID namespaces that ours does not contain have no number here and are left out. */
typedef int (*CgroupProcessVisitor)(pid_t pid, void *userdata);
int cgroup_each_process(int cgroup, CgroupProcessVisitor visit, void *userdata);

/* Calls `visit` for each file of this cgroup whose name fits `pattern`, fnmatch(3), until it
 * returns non-zero; returns that. */
typedef int (*CgroupEntryVisitor)(int cgroup, const char *name, void *userdata);
int cgroup_each_file(int cgroup, const char *pattern, CgroupEntryVisitor visit, void *userdata);

/* Calls `visit` for the cgroup and all below it until it returns non-zero; returns that. What
 * vanishes meanwhile is left out. */
typedef int (*CgroupVisitor)(int cgroup, void *userdata);
int cgroup_each(int cgroup, CgroupVisitor visit, void *userdata);

/* The first cgroup below `mount`, in one of root's or our own, whose path `matches`; *ret is the
 * caller's. -ENOENT: none. Reads every directory of the hierarchy: not for what happens often. */
typedef bool (*CgroupPathMatch)(const char *path, const void *userdata);
int cgroup_find(const char *mount, CgroupPathMatch matches, const void *userdata, char **ret);

/* Removes the empty ones of the cgroups below this one, innermost first. */
void cgroup_remove_below(int cgroup);

/* Makes the cgroup, a new one if there is one without processes: whatever was set or attached
 * there is gone then. One that is populated stays as it is. */
int cgroup_make_anew(const char *mount, const char *path);
