/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define STAT_MAX 4096
/* Parents to follow up to the container's first process. */
#define ANCESTORS_MAX 4096

/* The inode names the namespace, namespaces(7). */
static int namespace_of(pid_t pid, uint64_t *ret)
{
    char path[48];
    struct stat st;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
    if (stat(path, &st) < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    *ret = st.st_ino;
    return 0;
}

static int read_stat(pid_t pid, char *ret_state, pid_t *ret_parent)
{
    _cleanup_free_ char *text = NULL;
    const char *after;
    char path[32];
    int r;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    r = file_read(path, STAT_MAX, &text, NULL);
    if (r < 0)
        return r == -ENOENT ? -ESRCH : r;
    /* The name stands in parentheses and may hold any of them itself, proc(5). */
    after = strrchr(text, ')');
    if (!after || sscanf(after, ") %c %d", ret_state, ret_parent) != 2)
        return -EBADMSG;
    return 0;
}

/* From the time that it gave its memory back a process has no program, proc_pid_exe(5); only then
 * does it leave its cgroups, and become a zombie later (do_exit() in the kernel). */
static bool is_ending(pid_t pid)
{
    char path[32], program[1];

    (void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    return readlink(path, program, sizeof(program)) < 0 && errno == ENOENT;
}

bool process_is_alive(pid_t pid)
{
    pid_t parent;
    char state;

    return !is_ending(pid) && read_stat(pid, &state, &parent) >= 0 && state != 'Z' && state != 'X';
}

bool process_is_in_other_namespace(pid_t pid)
{
    uint64_t ours, theirs;

    return namespace_of(getpid(), &ours) >= 0 && namespace_of(pid, &theirs) >= 0 && ours != theirs;
}

int container_processes_of(pid_t first, ContainerProcesses *ret)
{
    uint64_t ours, theirs;
    int r;

    r = namespace_of(getpid(), &ours);
    if (r >= 0)
        r = namespace_of(first, &theirs);
    if (r < 0)
        return r;
    *ret = (ContainerProcesses){ .first = first, .shared = ours == theirs, .namespace = theirs };
    return 0;
}

static bool descends_from(pid_t pid, pid_t ancestor)
{
    char state;

    for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
        if (pid == ancestor)
            return true;
        if (read_stat(pid, &state, &pid) < 0)
            return false;
    }
    return false;
}

bool container_processes_contain(const ContainerProcesses *processes, pid_t pid)
{
    uint64_t namespace;

    if (!processes->shared && namespace_of(pid, &namespace) >= 0 &&
            namespace == processes->namespace)
        return true;
    return descends_from(pid, processes->first);
}
