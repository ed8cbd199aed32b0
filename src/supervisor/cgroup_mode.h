/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How the container comes into the unit's cgroup: which of the modes this host
 * offers, and which one is taken. Pure.
 *
 *   parent    born in UNIT/payload: the engine takes a path as CgroupParent
 *             (cgroupfs driver)
 *   runtime   born there: systemd-ctr-runtime, registered with the engine, says
 *             so to the real runtime
 *   move      started by the engine in a cgroup of its own, then moved
 *   none      left there
 *
 * `auto` is the first of these that nothing is in the way of.
 */

#include "base/json.h"
#include "cgroup/layout.h"
#include "cli/options.h"

/* The name under which systemd-ctr-runtime is registered. */
#define CGROUP_MODE_RUNTIME_NAME "systemd-ctr"

/* What is known of the host and of the run line. Strings are static. */
typedef struct CgroupOffer {
    const char *place_trouble; /* why there is no unit's cgroup to use; NULL: there is one */
    bool delegated;            /* the unit has Delegate=yes */
    bool version1;             /* controllers are on cgroup v1 */
    bool engine_known;         /* the engine told what it is */
    bool cgroupfs;             /* it has that driver, not systemd's */
    bool runtime_registered;
    bool runtime_asked;       /* another one, by --runtime of the run line */
    bool rootless;            /* the engine is a user's */
    const char *exec_trouble; /* NULL: docker exec finds its way into a container that was moved */
} CgroupOffer;

/* What the engine's reply to GET /info offers; `runtime` is that of the run line, or "". */
void cgroup_offer_of_engine(CgroupOffer *offer, JsonValue *info, const char *runtime);

/* "parent", ... */
const char *cgroup_mode_name(CgroupMode mode);
/* In a few words what would have to be there for it; NULL: it works. Not for AUTO. */
const char *cgroup_mode_obstacle(CgroupMode mode, const CgroupOffer *offer);
/* The first that works; *ret_why, static, says why it is that one. */
CgroupMode cgroup_mode_choose(const CgroupOffer *offer, const char **ret_why);
/* How a container was made, by its inspect reply: PARENT, RUNTIME, or else (MOVE). */
CgroupMode cgroup_mode_of_container(JsonValue *inspect);
/* The container is in the unit's cgroup before its first instruction runs. */
bool cgroup_mode_is_born(CgroupMode mode);
