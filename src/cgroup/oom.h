/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Kills for want of memory, and whose limit it was.
 *
 * The engine does not see them once the container has left its cgroup, so we
 * read the kernel's counts: memory.events (a cgroup with all below it) and
 * memory.events.local (its own limit). A kill is counted where the victim
 * lived, "oom" where the limit was hit; both show in memory.events of all above.
 * kernel: admin-guide/cgroup-v2.rst, "Memory Interface Files".
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "cgroup/layout.h"

#define OOM_NO_LIMIT UINT64_MAX

typedef enum OomCause {
    OOM_OF_CONTAINER, /* its own limit */
    OOM_OF_INSIDE,    /* one that was set within the container */
    OOM_OF_UNIT,      /* MemoryMax= */
    OOM_OF_OTHERS,    /* a slice above the unit, or the machine has no more */
} OomCause;

typedef struct OomReport {
    uint64_t killed; /* processes, since the last report */
    OomCause cause;
    uint64_t limit; /* memory.max of container or unit, in bytes; OOM_NO_LIMIT: not known */
} OomReport;

typedef struct OomWatch OomWatch;

/* From the loop, at most twice a second, or from within oom_watch_look(). Not to free the watch. */
typedef void (*OomHandler)(const OomReport *report, void *userdata);

/* Counts from now on. `container_cgroup`: where the container's own limits are, which need not be
 * there yet; NULL: in the layout's payload. One that lies outside of the unit is watched alone.
 * -ENOENT: nothing counts there (no memory controller, cgroup v1). Borrows nothing. */
int oom_watch_new(sd_event *event, const CgroupLayout *layout, const char *container_cgroup,
        OomHandler handler, void *userdata, OomWatch **ret);
/* What the loop has yet to see, as far as it can be read still. NULL is fine. */
void oom_watch_look(OomWatch *watch);
/* NULL is fine. Returns NULL. */
OomWatch *oom_watch_free(OomWatch *watch);
DEFINE_CLEANUP(OomWatch *, oom_watch_free);

/* The rest is pure. */

typedef struct OomCounts {
    uint64_t oom;
    uint64_t kills;
} OomCounts;

/* Of memory.events or memory.events.local. -EBADMSG: it is none of these. */
int oom_counts_parse(const char *text, OomCounts *ret);

typedef struct OomLevel {
    bool known; /* it could be read; else its counts are those before */
    OomCounts all;
    OomCounts own;
} OomLevel;

typedef struct OomView {
    OomLevel container;
    OomLevel unit;
} OomView;

/* Fills in the view of the last report by `read`, as often as it takes for no kill to come
 * meanwhile: of one that is counted, the hit that it follows from must not be missing. A few times
 * at most. */
void oom_view_read(OomView *view, void (*read)(OomView *view, void *userdata), void *userdata);

/* How many were killed since then, and why; 0: none, and *ret_cause is untouched. */
uint64_t oom_killed_since(const OomView *then, const OomView *now, OomCause *ret_cause);
