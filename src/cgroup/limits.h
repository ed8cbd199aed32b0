/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The limits that the engine set on a container's cgroup (memory, CPU, pids,
 * io, cpuset, hugetlb), and how they come into force in the payload's.
 *
 * Only what differs from the kernel's default is a limit. libcgroup creates the
 * group, with its controllers enabled all the way down; what it claims is read
 * back. kernel: admin-guide/cgroup-v2.rst, "Controllers".
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

/* The limits set on this cgroup. For limits_clear(). */
int limits_read(int cgroup, Limits *ret);
/* Drops those that `cgroup` has at least as strict: they hold for all below it. With `tasks_only`
 * none but pids.max. */
void limits_drop_implied(Limits *limits, int cgroup, bool tasks_only);
/* The first that is not in force in `cgroup`; NULL: all are. Borrowed. */
const Limit *limits_missing(const Limits *limits, int cgroup);

/* Brings the limits of `source` into force in the payload's cgroup, which it makes if need be.
 * Negative errno on failure, with a sentence that names the limit in *ret_message (the caller's;
 * NULL without memory). */
int limits_carry(int source, const CgroupLayout *layout, char **ret_message);
