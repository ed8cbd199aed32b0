/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The pid file (PIDFile= of systemd.service(5)): "PID\n", 0644, replaced atomically; a symbolic
 * link at its place is replaced, not followed. */

#include <sys/types.h>

int pid_file_write(const char *path, pid_t pid);
/* 1: it names this one; 0: it does not, or is nothing that we write; or a negative errno. */
int pid_file_names(const char *path, pid_t pid);
/* Removes it if it still names `pid` (0: whatever it names). What is not there, or another's by
 * now, is fine. */
int pid_file_remove(const char *path, pid_t pid);
