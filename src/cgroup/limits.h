/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The limits that the engine set on a container's cgroup (memory, CPU, pids,
 * io, cpuset, hugetlb), and how they come into force in the payload's.
 *
 * Only what differs from the kernel's default is a limit. libcgroup creates the
 * group (controllers.h); what it claims is read back. The files here are those
 * of version 2, admin-guide/cgroup-v2.rst, "Controllers"; for those of version 1
 * see version1_walls.h.
 */

#include <stddef.h>

#include "base/cleanup.h"
#include "cgroup/layout.h"

typedef struct Limit {
    char *file;  /* "memory.max" */
    char *value; /* as the kernel shows it, without the last new line */
} Limit;

typedef struct Limits {
    Limit *items;
    size_t n;
} Limits;

void limits_clear(Limits *limits);
/* Takes over `value`, on failure too. */
int limits_append(Limits *limits, const char *file, char *value);
/* "memory" of "memory.swap.max", in `ret`. */
void limit_controller(const Limit *limit, char ret[static 32]);
/* Returns `r`, and in *ret_message a sentence that names the limit and says why. */
int limit_refuse(int r, const Limit *limit, const char *why, char **ret_message);

/* The limits set on this cgroup. For limits_clear(). */
int limits_read(int cgroup, Limits *ret);
/* Drops those that `cgroup` has at least as strict: they hold for all below it. With `tasks_only`
 * none but pids.max. */
void limits_drop_implied(Limits *limits, int cgroup, bool tasks_only);
/* The first that is not in force in `cgroup`; NULL: all are. Borrowed. */
const Limit *limits_missing(const Limits *limits, int cgroup);

/* Brings them into force in the cgroup at `path`, which it makes if need be. Failure as below. */
int limits_set(const Limits *limits, const char *mount, const char *path, char **ret_message);

/* Brings the limits of `source` into force in the payload's cgroup, which it makes if need be.
 * Negative errno on failure, with a sentence that names the limit in *ret_message (the caller's;
 * NULL without memory). */
int limits_carry(int source, const CgroupLayout *layout, char **ret_message);
