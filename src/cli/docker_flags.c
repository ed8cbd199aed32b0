/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docker_flags.h"

#include <string.h>

#include "base/cleanup.h"

#define SWITCH(name, shorthand) { name, shorthand, false }, DOCKER_SWITCH
#define TEXT(name, shorthand) { name, shorthand, true }, DOCKER_TEXT
#define LIST(name, shorthand) { name, shorthand, true }, DOCKER_LIST
#define INTEGER(name, shorthand) { name, shorthand, true }, DOCKER_INTEGER
#define BYTES(name, shorthand) { name, shorthand, true }, DOCKER_BYTES
#define CPUS(name, shorthand) { name, shorthand, true }, DOCKER_CPUS
#define DURATION(name, shorthand) { name, shorthand, true }, DOCKER_DURATION

/* `docker run --help` of 28.2 in its order, and what it hides: dns-opt, net, net-alias. */
static const DockerFlag flags[] = {
    { LIST("add-host", 0), DOCKER_COLLECTED, NULL },
    { LIST("annotation", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("attach", 'a'), DOCKER_UNSUPPORTED, NULL },
    { INTEGER("blkio-weight", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("blkio-weight-device", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("cap-add", 0), DOCKER_COLLECTED, NULL },
    { LIST("cap-drop", 0), DOCKER_COLLECTED, NULL },
    { TEXT("cgroup-parent", 0), DOCKER_REFUSED,
            "placement is the unit's: use Slice= in the unit, and --cgroup-mode" },
    { TEXT("cgroupns", 0), DOCKER_COLLECTED, NULL },
    { TEXT("cidfile", 0), DOCKER_COLLECTED, NULL },
    { INTEGER("cpu-count", 0), DOCKER_WINDOWS, NULL },
    { INTEGER("cpu-percent", 0), DOCKER_WINDOWS, NULL },
    { INTEGER("cpu-period", 0), DOCKER_UNSUPPORTED, NULL },
    { INTEGER("cpu-quota", 0), DOCKER_UNSUPPORTED, NULL },
    { INTEGER("cpu-rt-period", 0), DOCKER_UNSUPPORTED, NULL },
    { INTEGER("cpu-rt-runtime", 0), DOCKER_UNSUPPORTED, NULL },
    { INTEGER("cpu-shares", 'c'), DOCKER_CARRIED, "HostConfig.CpuShares" },
    { CPUS("cpus", 0), DOCKER_CARRIED, "HostConfig.NanoCpus" },
    { TEXT("cpuset-cpus", 0), DOCKER_CARRIED, "HostConfig.CpusetCpus" },
    { TEXT("cpuset-mems", 0), DOCKER_UNSUPPORTED, NULL },
    { SWITCH("detach", 'd'), DOCKER_NO_EFFECT, NULL },
    { TEXT("detach-keys", 0), DOCKER_NO_EFFECT, NULL },
    { LIST("device", 0), DOCKER_COLLECTED, NULL },
    { LIST("device-cgroup-rule", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("device-read-bps", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("device-read-iops", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("device-write-bps", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("device-write-iops", 0), DOCKER_UNSUPPORTED, NULL },
    { SWITCH("disable-content-trust", 0), DOCKER_COLLECTED, NULL },
    { LIST("dns", 0), DOCKER_COLLECTED, NULL },
    { LIST("dns-opt", 0), DOCKER_CARRIED, "HostConfig.DnsOptions" },
    { LIST("dns-option", 0), DOCKER_CARRIED, "HostConfig.DnsOptions" },
    { LIST("dns-search", 0), DOCKER_COLLECTED, NULL },
    { TEXT("domainname", 0), DOCKER_UNSUPPORTED, NULL },
    { TEXT("entrypoint", 0), DOCKER_COLLECTED, NULL },
    { LIST("env", 'e'), DOCKER_COLLECTED, NULL },
    { LIST("env-file", 0), DOCKER_COLLECTED, NULL },
    { LIST("expose", 0), DOCKER_COLLECTED, NULL },
    { LIST("gpus", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("group-add", 0), DOCKER_CARRIED, "HostConfig.GroupAdd" },
    { TEXT("health-cmd", 0), DOCKER_COLLECTED, NULL },
    { DURATION("health-interval", 0), DOCKER_COLLECTED, NULL },
    { INTEGER("health-retries", 0), DOCKER_COLLECTED, NULL },
    { DURATION("health-start-interval", 0), DOCKER_COLLECTED, NULL },
    { DURATION("health-start-period", 0), DOCKER_COLLECTED, NULL },
    { DURATION("health-timeout", 0), DOCKER_COLLECTED, NULL },
    { SWITCH("help", 0), DOCKER_REFUSED, "it belongs before \"run\"" },
    { TEXT("hostname", 'h'), DOCKER_CARRIED, "Hostname" },
    { SWITCH("init", 0), DOCKER_CARRIED, "HostConfig.Init" },
    { SWITCH("interactive", 'i'), DOCKER_NO_EFFECT, NULL },
    { BYTES("io-maxbandwidth", 0), DOCKER_WINDOWS, NULL },
    { INTEGER("io-maxiops", 0), DOCKER_WINDOWS, NULL },
    { TEXT("ip", 0), DOCKER_UNSUPPORTED, NULL },
    { TEXT("ip6", 0), DOCKER_UNSUPPORTED, NULL },
    { TEXT("ipc", 0), DOCKER_CARRIED, "HostConfig.IpcMode" },
    { TEXT("isolation", 0), DOCKER_WINDOWS, NULL },
    { BYTES("kernel-memory", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("label", 'l'), DOCKER_COLLECTED, NULL },
    { LIST("label-file", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("link", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("link-local-ip", 0), DOCKER_UNSUPPORTED, NULL },
    { TEXT("log-driver", 0), DOCKER_CARRIED, "HostConfig.LogConfig.Type" },
    { LIST("log-opt", 0), DOCKER_COLLECTED, NULL },
    { TEXT("mac-address", 0), DOCKER_UNSUPPORTED, NULL },
    { BYTES("memory", 'm'), DOCKER_CARRIED, "HostConfig.Memory" },
    { BYTES("memory-reservation", 0), DOCKER_UNSUPPORTED, NULL },
    { TEXT("memory-swap", 0), DOCKER_COLLECTED, NULL },
    { INTEGER("memory-swappiness", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("mount", 0), DOCKER_COLLECTED, NULL },
    { TEXT("name", 0), DOCKER_COLLECTED, NULL },
    { LIST("net", 0), DOCKER_COLLECTED, "network" },
    { LIST("net-alias", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("network", 0), DOCKER_COLLECTED, NULL },
    { LIST("network-alias", 0), DOCKER_UNSUPPORTED, NULL },
    { SWITCH("no-healthcheck", 0), DOCKER_COLLECTED, NULL },
    { SWITCH("oom-kill-disable", 0), DOCKER_UNSUPPORTED, NULL },
    { INTEGER("oom-score-adj", 0), DOCKER_UNSUPPORTED, NULL },
    { TEXT("pid", 0), DOCKER_COLLECTED, NULL },
    { INTEGER("pids-limit", 0), DOCKER_CARRIED, "HostConfig.PidsLimit" },
    { TEXT("platform", 0), DOCKER_COLLECTED, NULL },
    { SWITCH("privileged", 0), DOCKER_CARRIED, "HostConfig.Privileged" },
    { LIST("publish", 'p'), DOCKER_COLLECTED, NULL },
    { SWITCH("publish-all", 'P'), DOCKER_UNSUPPORTED, NULL },
    { TEXT("pull", 0), DOCKER_COLLECTED, NULL },
    { SWITCH("quiet", 'q'), DOCKER_NO_EFFECT, NULL },
    { SWITCH("read-only", 0), DOCKER_CARRIED, "HostConfig.ReadonlyRootfs" },
    { TEXT("restart", 0), DOCKER_COLLECTED, NULL },
    { SWITCH("rm", 0), DOCKER_COLLECTED, NULL },
    { TEXT("runtime", 0), DOCKER_COLLECTED, NULL },
    { LIST("security-opt", 0), DOCKER_COLLECTED, NULL },
    { BYTES("shm-size", 0), DOCKER_CARRIED, "HostConfig.ShmSize" },
    { SWITCH("sig-proxy", 0), DOCKER_NO_EFFECT, NULL },
    { TEXT("stop-signal", 0), DOCKER_COLLECTED, NULL },
    { INTEGER("stop-timeout", 0), DOCKER_CARRIED, "StopTimeout" },
    { LIST("storage-opt", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("sysctl", 0), DOCKER_COLLECTED, NULL },
    { LIST("tmpfs", 0), DOCKER_COLLECTED, NULL },
    { SWITCH("tty", 't'), DOCKER_CARRIED, "Tty" },
    { LIST("ulimit", 0), DOCKER_COLLECTED, NULL },
    { SWITCH("use-api-socket", 0), DOCKER_UNSUPPORTED, NULL },
    { TEXT("user", 'u'), DOCKER_CARRIED, "User" },
    { TEXT("userns", 0), DOCKER_COLLECTED, NULL },
    { TEXT("uts", 0), DOCKER_COLLECTED, NULL },
    { LIST("volume", 'v'), DOCKER_COLLECTED, NULL },
    { TEXT("volume-driver", 0), DOCKER_UNSUPPORTED, NULL },
    { LIST("volumes-from", 0), DOCKER_UNSUPPORTED, NULL },
    { TEXT("workdir", 'w'), DOCKER_CARRIED, "WorkingDir" },
};

const Flag *docker_flag_find(const char *name, size_t size)
{
    for (size_t i = 0; i < ELEMENTS(flags); i++) {
        const Flag *flag = &flags[i].flag;

        if (size == 0 ? flag->shorthand == *name
                      : strlen(flag->name) == size && memcmp(flag->name, name, size) == 0)
            return flag;
    }
    return NULL;
}

const DockerFlag *docker_flag_at(size_t index)
{
    return index < ELEMENTS(flags) ? &flags[index] : NULL;
}
