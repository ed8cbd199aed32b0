/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The hierarchies of a host whose controllers are on cgroup v1: one or several
 * controllers each, mounted below /sys/fs/cgroup, and with systemd two without
 * any, by which it tracks its units' processes: name=systemd (v1), and on a
 * hybrid host a cgroup v2 at /sys/fs/cgroup/unified, which counts more.
 *
 * A container has its cgroup in each. It is moved in those that systemd tracks
 * by, always: without them the unit does not know its processes. And in those
 * that --cgroups names, if the unit has a cgroup of its own there: systemd makes
 * one where the unit has settings, or Delegate=yes. Elsewhere the container
 * stays where Docker put it, with the limits that it has there.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* The name of cgroup v2 here: in /proc/PID/cgroup it has none. */
#define HIERARCHY_UNIFIED "unified"
#define HIERARCHY_SYSTEMD "name=systemd"

typedef struct Hierarchy {
    char *name; /* "cpu,cpuacct", HIERARCHY_SYSTEMD, HIERARCHY_UNIFIED */
    char *mount;
    int number;    /* as in /proc/cgroups; of tracking ones 0 */
    bool tracking; /* these come first, and of them HIERARCHY_UNIFIED */
    bool has_unit; /* the unit has a cgroup of its own there */
    bool chosen;   /* what moves, moves there */
} Hierarchy;

typedef struct Hierarchies {
    Hierarchy *items;
    size_t n;
} Hierarchies;

/* -ENOTSUP: the host is not of this kind, or systemd does not run it. */
int hierarchies_find(Hierarchies **ret);
/* NULL is fine. Returns NULL. */
Hierarchies *hierarchies_free(Hierarchies *hierarchies);
DEFINE_CLEANUP(Hierarchies *, hierarchies_free);

/* Those that systemd tracks by, of what /proc/self/mountinfo says: appended to *hierarchies. */
int hierarchies_parse_mounts(const char *mountinfo, Hierarchies *hierarchies);

/* Looks in which of them the unit has a cgroup; chooses the tracking ones. */
void hierarchies_look_for_unit(Hierarchies *hierarchies, const char *unit);
/* Chooses, where the unit has a cgroup, those that have one of these names too: "memory", "all",
 * "cpu,cpuacct" in any order, with or without "name="; NULL: none. -EINVAL, with a sentence in
 * *ret_message: there is no such hierarchy. */
int hierarchies_choose(Hierarchies *hierarchies, char *const *names, char **ret_message);

/* systemd tracks by cgroup v2, and has controllers on v1. */
bool hierarchies_are_hybrid(const Hierarchies *hierarchies);
/* "name=systemd, memory": those that are chosen, or all. The caller's; NULL without memory. */
char *hierarchies_describe(const Hierarchies *hierarchies, bool chosen);
