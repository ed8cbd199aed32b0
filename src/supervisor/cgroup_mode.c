/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/cgroup_mode.h"

#include <string.h>

#include "base/text.h"

static const CgroupMode by_preference[] = {
    CGROUP_MODE_PARENT,
    CGROUP_MODE_RUNTIME,
    CGROUP_MODE_MOVE,
    CGROUP_MODE_NONE,
};

const char *cgroup_mode_name(CgroupMode mode)
{
    static const char *const names[] = {
        [CGROUP_MODE_AUTO] = "auto",
        [CGROUP_MODE_PARENT] = "parent",
        [CGROUP_MODE_RUNTIME] = "runtime",
        [CGROUP_MODE_MOVE] = "move",
        [CGROUP_MODE_NONE] = "none",
    };

    return names[mode];
}

/* When a moved container's first cgroup is gone, the runtime has to take the first process's for
 * what is executed in it later. crun insists on the one that it made, and so does runc 1.4.0
 * (opencontainers/runc#5089, mended in 1.4.1). */
static const char *exec_trouble_of(const char *path, const char *runc_version)
{
    /* "v1.4.0-0-g8bd78a99", and of Debian "1.4.0+ds1-1". */
    const char *version = *runc_version == 'v' ? runc_version + 1 : runc_version;
    const char *slash = strrchr(path, '/');
    const char *program = slash ? slash + 1 : path;

    if (strstr(program, "crun"))
        return "crun cannot execute in a container that was moved";
    if (strstr(program, "runc") && text_starts_with(version, "1.4.0"))
        return "runc 1.4.0 cannot execute in a container that was moved (1.4.1 can)";
    return NULL;
}

static bool is_rootless(JsonValue *info)
{
    JsonValue *options = json_value_get(info, "SecurityOptions");

    for (size_t i = 0; i < json_value_length(options); i++)
        if (strcmp(json_value_string(json_value_at(options, i), ""), "name=rootless") == 0)
            return true;
    return false;
}

void cgroup_offer_of_engine(CgroupOffer *offer, JsonValue *info, const char *runtime)
{
    JsonValue *runtimes = json_value_get(info, "Runtimes");
    const char *fallback = json_member_string(info, "DefaultRuntime", "runc");
    const char *runc = json_member_string(json_value_get(info, "RuncCommit"), "ID", "");

    offer->engine_known = true;
    offer->rootless = is_rootless(info);
    offer->cgroupfs = strcmp(json_member_string(info, "CgroupDriver", ""), "cgroupfs") == 0;
    offer->runtime_registered = json_value_get(runtimes, CGROUP_MODE_RUNTIME_NAME);
    offer->runtime_asked = *runtime && strcmp(runtime, CGROUP_MODE_RUNTIME_NAME) != 0;
    if (!offer->runtime_asked)
        runtime = fallback;
    offer->exec_trouble = exec_trouble_of(
            json_member_string(json_value_get(runtimes, runtime), "path", runtime), runc);
}

CgroupMode cgroup_mode_of_container(JsonValue *inspect)
{
    JsonValue *host = json_value_get(inspect, "HostConfig");

    if (strcmp(json_member_string(host, "Runtime", ""), CGROUP_MODE_RUNTIME_NAME) == 0)
        return CGROUP_MODE_RUNTIME;
    return text_ends_with(json_member_string(host, "CgroupParent", ""), "/payload")
            ? CGROUP_MODE_PARENT
            : CGROUP_MODE_MOVE;
}

bool cgroup_mode_is_born(CgroupMode mode)
{
    return mode == CGROUP_MODE_PARENT || mode == CGROUP_MODE_RUNTIME;
}

static const char *obstacle_to_birth(const CgroupOffer *offer)
{
    if (offer->place_trouble)
        return offer->place_trouble;
    if (!offer->delegated)
        return "needs Delegate=yes in the unit";
    if (!offer->engine_known)
        return "the engine does not tell what it is";
    return NULL;
}

const char *cgroup_mode_obstacle(CgroupMode mode, const CgroupOffer *offer)
{
    const char *obstacle;

    switch (mode) {
    case CGROUP_MODE_PARENT:
        obstacle = obstacle_to_birth(offer);
        if (!obstacle && !offer->cgroupfs)
            return "needs an engine with the cgroupfs driver";
        return obstacle;
    case CGROUP_MODE_RUNTIME:
        obstacle = obstacle_to_birth(offer);
        if (!obstacle && offer->version1)
            return "needs cgroup v2 as the only hierarchy";
        if (!obstacle && offer->runtime_asked)
            return "the run line asks for a --runtime of its own";
        if (!obstacle && !offer->runtime_registered)
            return "systemd-ctr-runtime is not registered with the engine: systemd-ctr "
                   "setup-runtime does it";
        return obstacle;
    case CGROUP_MODE_MOVE:
        return offer->place_trouble;
    case CGROUP_MODE_AUTO:
    case CGROUP_MODE_NONE:
        break;
    }
    return NULL;
}

static const char *reason_for(CgroupMode mode, const CgroupOffer *offer)
{
    switch (mode) {
    case CGROUP_MODE_PARENT:
        return "the engine has the cgroupfs driver";
    case CGROUP_MODE_RUNTIME:
        return "systemd-ctr-runtime is registered with the engine";
    case CGROUP_MODE_MOVE:
        return cgroup_mode_obstacle(CGROUP_MODE_RUNTIME, offer);
    case CGROUP_MODE_AUTO:
    case CGROUP_MODE_NONE:
        break;
    }
    return offer->place_trouble ? offer->place_trouble : offer->exec_trouble;
}

CgroupMode cgroup_mode_choose(const CgroupOffer *offer, const char **ret_why)
{
    CgroupMode mode = CGROUP_MODE_NONE;

    for (size_t i = 0; i < ELEMENTS(by_preference); i++) {
        mode = by_preference[i];
        if (mode == CGROUP_MODE_MOVE && offer->exec_trouble)
            continue;
        if (!cgroup_mode_obstacle(mode, offer))
            break;
    }
    *ret_why = reason_for(mode, offer);
    return mode;
}
