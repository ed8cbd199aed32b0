/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define PROC_FILE_MAX 65536U
#define PROC_PATH_MAX 48U

int process_read(pid_t pid, const char *name, char **ret)
{
    char path[PROC_PATH_MAX];
    int r;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    r = file_read(path, PROC_FILE_MAX, ret, NULL);
    return r == -ENOENT ? -ESRCH : r;
}

int process_stat(pid_t pid, ProcessStat *ret)
{
    _cleanup_free_ char *text = NULL;
    const char *after;
    char state;
    int r;

    r = process_read(pid, "stat", &text);
    if (r < 0)
        return r;
    /* The name stands in parentheses and may hold any of them itself, proc_pid_stat(5). */
    after = strrchr(text, ')');
    if (!after || sscanf(after, ") %c %d %*d %d", &state, &ret->parent, &ret->session) != 3)
        return -EBADMSG;
    ret->ended = state == 'Z' || state == 'X';
    return 0;
}

int process_pid_namespace(pid_t pid, uint64_t *ret)
{
    char path[PROC_PATH_MAX];
    struct stat st;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
    if (stat(path, &st) < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    *ret = st.st_ino;
    return 0;
}

/* From the time that it gave its memory back a process has no program, proc_pid_exe(5); only then
 * does it leave its cgroups, and become a zombie later (do_exit() in the kernel). */
static bool is_ending(pid_t pid)
{
    char path[PROC_PATH_MAX], program[1];

    (void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    return readlink(path, program, sizeof(program)) < 0 && errno == ENOENT;
}

bool process_is_alive(pid_t pid)
{
    ProcessStat stat;

    return !is_ending(pid) && process_stat(pid, &stat) >= 0 && !stat.ended;
}
