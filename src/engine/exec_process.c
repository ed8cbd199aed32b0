/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/exec_process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/process.h"
#include "base/text.h"

/* Held and killed at once; what is more is found in the next round, by its session. */
#define HELD_MAX 256U

typedef struct Found {
    pid_t pid;
    int pidfd;
} Found;

typedef struct Tree {
    pid_t top;
    bool has_session; /* the top leads one */
    uint64_t deadline;
    Found found[HELD_MAX];
    size_t size;
} Tree;

/* ---- whose it is ---- */

static int check_container(pid_t pid, pid_t first)
{
    _cleanup_free_ char *its_cgroups = NULL, *the_first_ones = NULL;
    uint64_t ours, its, the_first_one;
    int r;

    if (pid <= 1 || pid == first || pid == getpid())
        return -EPERM;
    r = process_pid_namespace(pid, &its);
    if (r >= 0)
        r = process_pid_namespace(first, &the_first_one);
    if (r >= 0)
        r = process_pid_namespace(getpid(), &ours);
    if (r < 0)
        return r;
    if (its != the_first_one)
        return -EPERM;
    if (its != ours)
        return 0;

    r = process_read(pid, "cgroup", &its_cgroups);
    if (r >= 0)
        r = process_read(first, "cgroup", &the_first_ones);
    if (r < 0)
        return r;
    return text_equal(its_cgroups, the_first_ones) ? 0 : -EPERM;
}

/* ---- its tree ---- */

static bool is_found(const Tree *tree, pid_t pid)
{
    for (size_t i = 0; i < tree->size; i++)
        if (tree->found[i].pid == pid)
            return true;
    return false;
}

static bool belongs(const Tree *tree, pid_t pid)
{
    ProcessStat stat;

    if (process_stat(pid, &stat) < 0 || stat.ended)
        return false;
    return is_found(tree, stat.parent) || (tree->has_session && stat.session == tree->top);
}

/* Holds and stops one more. */
static void take(Tree *tree, pid_t pid, int pidfd)
{
    (void)pidfd_send_signal(pidfd, SIGSTOP, NULL, 0);
    tree->found[tree->size++] = (Found){ pid, pidfd };
}

/* Takes what belongs to the tree by now and is not in it. False: that is nothing. */
static bool grow(Tree *tree)
{
    size_t before = tree->size;
    struct dirent *entry;
    DIR *proc;

    proc = opendir("/proc");
    if (!proc)
        return false;
    while (tree->size < HELD_MAX && now_usec() < tree->deadline && (entry = readdir(proc))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        int pidfd;

        if (pid <= 1 || is_found(tree, pid) || !belongs(tree, pid))
            continue;
        pidfd = pidfd_open(pid, 0);
        if (pidfd < 0)
            continue;
        /* Again, now that it cannot be replaced any more. */
        if (belongs(tree, pid))
            take(tree, pid, pidfd);
        else
            (void)close(pidfd);
    }
    (void)closedir(proc);
    return tree->size > before;
}

static int kill_found(Tree *tree)
{
    int r = 0;

    for (size_t i = 0; i < tree->size; i++) {
        if (pidfd_send_signal(tree->found[i].pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
            r = -errno;
        (void)close(tree->found[i].pidfd);
    }
    tree->size = 0;
    return r;
}

static int kill_tree(Tree *tree)
{
    bool was_full = true;
    int r = 0;

    while (r >= 0 && was_full) {
        while (grow(tree))
            ;
        was_full = tree->size == HELD_MAX;
        r = kill_found(tree);
        if (r >= 0 && now_usec() >= tree->deadline)
            r = -ETIME;
    }
    return r;
}

int exec_process_kill(pid_t pid, pid_t first, uint64_t max_usec)
{
    _cleanup_close_ int pidfd = -1;
    ProcessStat stat;
    Tree tree = { .top = pid, .deadline = now_usec() + max_usec };
    int r;

    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0)
        return -errno;
    r = check_container(pid, first);
    if (r >= 0)
        r = process_stat(pid, &stat);
    if (r >= 0 && stat.ended)
        r = -ESRCH;
    /* What was looked at was the same all the time if it lives now. */
    if (r >= 0 && pidfd_send_signal(pidfd, 0, NULL, 0) < 0)
        r = -errno;
    if (r < 0)
        return r;

    tree.has_session = stat.session == pid;
    take(&tree, pid, TAKE_FD(pidfd));
    return kill_tree(&tree);
}
