/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The command line of an OCI runtime, as containerd's shims write it:
 *
 *     runc --root DIR --log FILE --log-format json --systemd-cgroup
 *         create --bundle DIR --pid-file FILE ID
 *
 * There is no standard but runc's usage (runc(8), runc-create(8)), which crun
 * follows. Pure.
 */

#include <stdbool.h>

/* All borrowed from argv. */
typedef struct RuntimeArguments {
    const char *command; /* NULL: none */
    const char *bundle;  /* "." where none is given: the runtime's own default */
    const char *id;      /* NULL: not exactly one operand, so not the command of one container */
    const char *log;     /* where errors go besides stderr, or NULL */
    bool log_is_json;
} RuntimeArguments;

/* argv[0] is skipped. Total: what is not understood reads as absent. */
void runtime_arguments_parse(char *const *argv, RuntimeArguments *ret);

/* Does this command make a container? */
bool runtime_arguments_create(const RuntimeArguments *line);

/* Takes --systemd-cgroup and crun's --cgroup-manager off the options in front of the command. */
void runtime_arguments_drop_systemd_cgroup(char **argv);
