/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/container_processes.h"

#include <unistd.h>

#include "base/process.h"

/* Parents to follow up to the container's first process. */
#define ANCESTORS_MAX 4096

int container_processes_of(pid_t first, ContainerProcesses *ret)
{
    uint64_t ours, theirs;
    int r;

    r = process_pid_namespace(getpid(), &ours);
    if (r >= 0)
        r = process_pid_namespace(first, &theirs);
    if (r < 0)
        return r;
    *ret = (ContainerProcesses){ .first = first, .shared = ours == theirs, .namespace = theirs };
    return 0;
}

static bool descends_from(pid_t pid, pid_t ancestor)
{
    ProcessStat stat;

    for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
        if (pid == ancestor)
            return true;
        if (process_stat(pid, &stat) < 0)
            return false;
        pid = stat.parent;
    }
    return false;
}

bool container_processes_contain(const ContainerProcesses *processes, pid_t pid)
{
    uint64_t namespace;

    if (!processes->shared && process_pid_namespace(pid, &namespace) >= 0 &&
            namespace == processes->namespace)
        return true;
    return descends_from(pid, processes->first);
}
