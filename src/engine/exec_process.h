/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ends what an exec started: its process, and all that come from it.
 *
 * The engine tells a number, and between its word and our signal that number
 * may have become another process's: what is signalled is held by a pidfd and
 * looked at first. It must be in the PID namespace of the container's first
 * process (`first`) or, where that one is ours too (--pid=host), in its very
 * cgroups; and it is never `first` itself.
 *
 * Those that come from it are its descendants, and what is in its session: runc
 * and crun give an exec one of its own, so those count whose parents are gone.
 * Each is stopped when it is found: what is stopped does not fork. A process
 * that has made itself a session, and lost its parents, is a daemon that the
 * command wanted to have; it stays.
 */

#include <stdint.h>
#include <sys/types.h>

/* 0, and they have got SIGKILL; or -ESRCH: it is gone; -EPERM: `pid` is not of this container, or
 * is not ours to kill; -ETIME: they were too many for `max_usec`, in which nothing else of the
 * caller's runs. */
int exec_process_kill(pid_t pid, pid_t first, uint64_t max_usec);
