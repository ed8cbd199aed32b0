/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the kernel tells of a process by its number, proc(5). A number may have become another
 * process's since it was learned: who acts on the answer holds the process by a pidfd, and asks
 * that afterwards. Negative errno on failure; -ESRCH: there is no such process any more.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct ProcessStat {
    bool ended; /* but not been reaped */
    pid_t parent;
    pid_t session;
} ProcessStat;

/* The text of /proc/PID/NAME, at most 64 KiB (-EFBIG: it is longer); *ret is the caller's. */
int process_read(pid_t pid, const char *name, char **ret);
/* -EBADMSG: the kernel speaks another language. */
int process_stat(pid_t pid, ProcessStat *ret);
/* The number that names its PID namespace, namespaces(7). */
int process_pid_namespace(pid_t pid, uint64_t *ret);
/* Neither gone nor a zombie, nor on its way there. */
bool process_is_alive(pid_t pid);
