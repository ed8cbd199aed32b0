/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Our own part of the command line: which verb, and the options before `run`.
 *
 * Pure: nothing is opened, contacted or printed. What a name, a value or a
 * spelling means stands in one table, option_table.c; --help is made from it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

typedef enum Verb {
    VERB_RUN,
    VERB_CLEANUP,
    VERB_HEALTHCHECK,
    VERB_STATUS,
    VERB_CHECK,
    VERB_SETUP_RUNTIME,
    VERB_HELP,
    VERB_VERSION,
} Verb;

typedef enum LogsMode {
    LOGS_ATTACH,
    LOGS_JOURNALD,
    LOGS_NONE,
} LogsMode;

typedef enum CgroupMode {
    CGROUP_MODE_AUTO,
    CGROUP_MODE_PARENT,
    CGROUP_MODE_RUNTIME,
    CGROUP_MODE_MOVE,
    CGROUP_MODE_NONE,
} CgroupMode;

typedef enum ReadyWhen {
    READY_AUTO,
    READY_STARTED,
    READY_HEALTHY,
    READY_NOTIFY, /* what auto becomes with --notify */
} ReadyWhen;

typedef enum WatchdogSource {
    WATCHDOG_AUTO,
    WATCHDOG_HEALTHY,
    WATCHDOG_RUNNING,
    WATCHDOG_CONTAINER, /* what auto becomes with --notify */
    WATCHDOG_OFF,
} WatchdogSource;

typedef enum UnhealthyAction {
    UNHEALTHY_WATCHDOG,
    UNHEALTHY_TRIGGER,
    UNHEALTHY_STOP,
    UNHEALTHY_NONE,
} UnhealthyAction;

typedef enum ExistingAction {
    EXISTING_ADOPT,
    EXISTING_REPLACE,
    EXISTING_FAIL,
} ExistingAction;

/* --rm of ours and of docker's in one: the run line's wins over ours. */
typedef enum RemovePolicy {
    REMOVE_AT_NEXT_START,
    REMOVE_AT_END,
    REMOVE_NEVER,
} RemovePolicy;

typedef struct Options {
    Verb verb;
    bool verbose;
    bool dry_run;
    bool json;      /* status --json */
    bool if_due;    /* healthcheck --if-due */
    bool await_end; /* healthcheck --await-end */
    bool notify;    /* the container speaks to systemd, through us */
    struct {
        bool remove;
        char *runtime; /* absolute, or NULL: as it is */
        char *config;  /* dockerd's daemon.json: absolute, or NULL: where dockerd looks */
    } setup;           /* of setup-runtime */
    bool pass_environment;
    LogsMode logs;
    CgroupMode cgroup_mode;
    char **hierarchies; /* --cgroups, as given, less a leading "name=" */
    char *pid_file;     /* absolute, or NULL */
    RemovePolicy remove;
    ReadyWhen ready;
    uint64_t wait_before_notify_usec;
    WatchdogSource watchdog;
    UnhealthyAction on_unhealthy;
    char *probe;         /* as given, or NULL */
    char *startup_probe; /* likewise */
    int reload_signal;
    char *reload_command; /* one line, or NULL: reload_signal */
    bool main_pid_is_container;
    ExistingAction existing;
    uint64_t engine_wait_usec;
    char *host; /* -H, else $DOCKER_HOST, else the default socket; never NULL */
    char *name; /* what the verbs are asked about; NULL for the others */
    char *const
            *run_line; /* VERB_RUN: docker run's arguments, borrowed from argv; NULL-terminated */
} Options;

/* `environment` is environ(7); argv[0] is skipped. Returns 0, or -EINVAL with one sentence (no
 * program name, no new line) in *ret_message, the caller's, that names what was wrong and what to
 * do. *ret is for options_clear() in either case. */
int options_parse(char *const *argv, char *const *environment, Options *ret, char **ret_message);
void options_clear(Options *options);

/* The text of --help, for people on 80 columns; static. */
const char *options_help(void);
