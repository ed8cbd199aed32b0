/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whose a process is, where its cgroup does not tell. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct ContainerProcesses {
    pid_t first;
    bool shared;        /* with --pid=host: our namespace is the container's as well */
    uint64_t namespace; /* else: its own */
} ContainerProcesses;

/* -ESRCH: the first process is gone. */
int container_processes_of(pid_t first, ContainerProcesses *ret);
/* Is it in the container's PID namespace, or a descendant of its first process? */
bool container_processes_contain(const ContainerProcesses *processes, pid_t pid);
