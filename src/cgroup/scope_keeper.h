/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A process that does nothing but stay in the scope that an engine with the
 * systemd driver had made for a container, on hosts with cgroup v1.
 *
 * systemd ends a scope as soon as nothing that it tracks is in it. Where the
 * container moves only in some hierarchies that would take from it what it left
 * in the others: systemd 252 removes the scope's cgroups, moves the processes of
 * the whole slice up where no unit has settings any more (blkio: seen on a
 * hybrid host), and runc 1.1.5 can no longer execute in the container: "openat2
 * .../docker-ID.scope/cgroup.procs: no such file or directory".
 *
 * It ends with the scope, which the engine stops when the container ended. It
 * may outlive us: the container of a unit without a resident supervisor does.
 */

#include <sys/types.h>

/* A new process, with nothing open, that ends by SIGTERM; no child of ours. It is where we are: the
 * caller moves it. -errno: none. */
pid_t scope_keeper_start(void);
