/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/option_table.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/refusal.h"

#define UNSUPPORTED (-1)

/* One way to store them all: GCC gives an enum without negative members the type unsigned int. */
static_assert(sizeof(ReadyWhen) == sizeof(unsigned), "enumerations are not ints");

static int refuse_unsupported(char **ret_message, const char *name, const char *value)
{
    return refuse(ret_message, "--%s%s%s is not supported by this version of systemd-ctr", name,
            value ? "=" : "", value ? value : "");
}

static int parse_switch(const Option *option, const char *value, bool *ret, char **ret_message)
{
    *ret = true;
    if (value && parse_boolean(value, ret) < 0)
        return refuse(
                ret_message, "--%s: \"%s\" is neither true nor false", option->flag.name, value);
    return 0;
}

static int take_switch(
        Options *options, const Option *option, const char *value, char **ret_message)
{
    return parse_switch(option, value, (bool *)((char *)options + option->field), ret_message);
}

/* A switch that can only be off. */
static int take_switch_unsupported(
        Options *options, const Option *option, const char *value, char **ret_message)
{
    bool wanted;
    int r;

    (void)options;
    r = parse_switch(option, value, &wanted, ret_message);
    if (r >= 0 && wanted)
        r = refuse_unsupported(ret_message, option->flag.name, NULL);
    return r;
}

static int refuse_choice(const Option *option, const char *value, char **ret_message)
{
    _cleanup_free_ char *words = NULL;

    for (const Choice *choice = option->choices; choice->word; choice++) {
        char *longer;

        if (choice->value < 0)
            continue;
        longer = text_format("%s%s%s", words ? words : "", words ? ", " : "", choice->word);
        if (!longer)
            return -ENOMEM;
        free(words);
        words = longer;
    }
    return refuse(ret_message, "--%s: \"%s\" is none of %s", option->flag.name, value,
            words ? words : "");
}

static int take_choice(
        Options *options, const Option *option, const char *value, char **ret_message)
{
    for (const Choice *choice = option->choices; choice->word; choice++)
        if (strcmp(choice->word, value) == 0) {
            unsigned chosen = (unsigned)choice->value;

            if (choice->value < 0)
                return refuse_unsupported(ret_message, option->flag.name, value);
            (void)memcpy((char *)options + option->field, &chosen, sizeof(chosen));
            return 0;
        }
    return refuse_choice(option, value, ret_message);
}

/* A switch in 2015 (--logs=false, -l=0), a choice since. */
static int take_logs(Options *options, const Option *option, const char *value, char **ret_message)
{
    bool wanted;

    if (!value || parse_boolean(value, &wanted) >= 0) {
        options->logs = !value || wanted ? LOGS_ATTACH : LOGS_NONE;
        return 0;
    }
    return take_choice(options, option, value, ret_message);
}

static int take_main_pid(
        Options *options, const Option *option, const char *value, char **ret_message)
{
    if (!text_equal(value, "wrapper") && !text_equal(value, "container"))
        return refuse_choice(option, value, ret_message);
    options->main_pid_is_container = text_equal(value, "container");
    return 0;
}

static int take_remove(
        Options *options, const Option *option, const char *value, char **ret_message)
{
    bool wanted;
    int r;

    r = parse_switch(option, value, &wanted, ret_message);
    if (r >= 0)
        options->remove = wanted ? REMOVE_AT_END : REMOVE_NEVER;
    return r;
}

static int take_span(Options *options, const Option *option, const char *value, char **ret_message)
{
    uint64_t usec;

    if (parse_span(value, &usec) < 0)
        return refuse(ret_message, "--%s: \"%s\" is not a time span (use for instance 5s or 1min)",
                option->flag.name, value);
    (void)memcpy((char *)options + option->field, &usec, sizeof(usec));
    return 0;
}

static int take_hierarchy(
        Options *options, const Option *option, const char *value, char **ret_message)
{
    const char *name = text_starts_with(value, "name=") ? text_after(value, "name=") : value;

    if (!*name || strchr(name, '/'))
        return refuse(ret_message, "--%s: \"%s\" is not the name of a cgroup hierarchy",
                option->flag.name, value);
    return text_vector_append(&options->hierarchies, name);
}

static int take_path(Options *options, const Option *option, const char *value, char **ret_message)
{
    if (value[0] != '/')
        return refuse(
                ret_message, "--%s: \"%s\" is not an absolute path", option->flag.name, value);
    return text_replace((char **)((char *)options + option->field), value);
}

static int take_text(Options *options, const Option *option, const char *value, char **ret_message)
{
    char **text = (char **)((char *)options + option->field);

    (void)ret_message;
    return text_replace(text, value);
}

static int take_signal(
        Options *options, const Option *option, const char *value, char **ret_message)
{
    if (parse_signal(value, &options->reload_signal) < 0)
        return refuse(ret_message,
                "--%s: \"%s\" is not the name of a signal (use for instance HUP)",
                option->flag.name, value);
    return 0;
}

static int take_verb(Options *options, const Option *option, const char *value, char **ret_message)
{
    if (value)
        return refuse(ret_message, "--%s takes no value", option->flag.name);
    options->verb = text_equal(option->flag.name, "help") ? VERB_HELP : VERB_VERSION;
    return 0;
}

static const Choice logs_choices[] = {
    { "attach", LOGS_ATTACH },
    { "journald", LOGS_JOURNALD },
    { "none", LOGS_NONE },
    { NULL, 0 },
};

static const Choice cgroup_mode_choices[] = {
    { "auto", CGROUP_MODE_AUTO },
    { "parent", CGROUP_MODE_PARENT },
    { "runtime", CGROUP_MODE_RUNTIME },
    { "move", CGROUP_MODE_MOVE },
    { "none", CGROUP_MODE_NONE },
    { NULL, 0 },
};

static const Choice ready_choices[] = {
    { "auto", READY_AUTO },
    { "started", READY_STARTED },
    { "healthy", READY_HEALTHY },
    { "notify", READY_NOTIFY },
    { NULL, 0 },
};

static const Choice watchdog_choices[] = {
    { "auto", WATCHDOG_AUTO },
    { "healthy", WATCHDOG_HEALTHY },
    { "running", WATCHDOG_RUNNING },
    { "container", WATCHDOG_CONTAINER },
    { "off", WATCHDOG_OFF },
    { NULL, 0 },
};

static const Choice unhealthy_choices[] = {
    { "watchdog", UNHEALTHY_WATCHDOG },
    { "trigger", UNHEALTHY_TRIGGER },
    { "stop", UNHEALTHY_STOP },
    { "none", UNHEALTHY_NONE },
    { NULL, 0 },
};

static const Choice main_pid_choices[] = {
    { "wrapper", 0 },
    { "container", 1 },
    { NULL, 0 },
};

static const Choice existing_choices[] = {
    { "adopt", EXISTING_ADOPT },
    { "replace", EXISTING_REPLACE },
    { "fail", EXISTING_FAIL },
    { NULL, 0 },
};

#define FIELD(name) .field = offsetof(Options, name)

const Option option_table[] = {
    { .flag = { "notify", 'n', false },
            .argument = "[=BOOL]",
            .help = "the container says READY=1 itself, to a notify socket of ours that passes on "
                    "what is harmless",
            .take = take_switch,
            FIELD(notify) },
    { .flag = { "logs", 'l', false },
            .argument = "[=MODE]",
            .help = "attach (default): output of the container to ours; journald: the engine "
                    "writes into the journal; none",
            .take = take_logs,
            FIELD(logs),
            .choices = logs_choices },
    { .flag = { "env", 'e', false },
            .argument = "[=BOOL]",
            .help = "pass our environment on, less what is systemd's and this host's; an -e of "
                    "docker's wins",
            .take = take_switch,
            FIELD(pass_environment) },
    { .flag = { "pid-file", 'p', true },
            .argument = "=PATH",
            .help = "write the PID of the container's first process there; cleanup: remove it",
            .take = take_path,
            FIELD(pid_file),
            .is_general = true },
    { .flag = { "rm", 0, false },
            .argument = "[=BOOL]",
            .help = "also an argument of docker's. Without: a stopped container of this name is "
                    "removed at the next start; --rm: at the end too; --rm=false: never, it is "
                    "started again",
            .take = take_remove },
    { .flag = { "existing", 0, true },
            .argument = "=WHAT",
            .help = "a running container of this name and our unit: adopt (default), replace, fail",
            .take = take_choice,
            FIELD(existing),
            .choices = existing_choices },
    { .flag = { "cgroup-mode", 0, true },
            .argument = "=MODE",
            .help = "how it comes into the unit's cgroup: parent or runtime (born there), move, "
                    "none "
                    "(stays in Docker's); auto (default): the first that works",
            .take = take_choice,
            FIELD(cgroup_mode),
            .choices = cgroup_mode_choices },
    { .flag = { "cgroups", 'c', true },
            .argument = "=NAME",
            .help = "cgroup v1: also take over this hierarchy, or all; may be repeated",
            .take = take_hierarchy },
    { .flag = { "ready", 0, true },
            .argument = "=WHEN",
            .help = "READY=1 once started, healthy, or (notify) once the container says so; auto "
                    "(default): notify with --notify, else healthy if there is a health check",
            .take = take_choice,
            FIELD(ready),
            .choices = ready_choices },
    { .flag = { "wait-before-notify", 0, true },
            .argument = "=SPAN",
            .help = "the container must have lived this long before READY=1",
            .take = take_span,
            FIELD(wait_before_notify_usec) },
    { .flag = { "watchdog", 0, true },
            .argument = "=WHAT",
            .help = "WATCHDOG=1 goes on while healthy or running, or is the container's own; off; "
                    "auto (default): container with --notify, else healthy if there is a health "
                    "check",
            .take = take_choice,
            FIELD(watchdog),
            .choices = watchdog_choices },
    { .flag = { "on-unhealthy", 0, true },
            .argument = "=ACT",
            .help = "watchdog (default): WATCHDOG=1 ends; trigger: WATCHDOG=trigger at once; "
                    "stop: the container is stopped, exit 1; none",
            .take = take_choice,
            FIELD(on_unhealthy),
            .choices = unhealthy_choices },
    { .flag = { "probe", 0, true },
            .argument = "=PROBE",
            .help = "health check of ours: http://HOST:PORT/PATH or tcp://HOST:PORT, in the "
                    "container's network, or exec:COMMAND LINE; times as for docker's check",
            .take = take_text,
            FIELD(probe) },
    { .flag = { "startup-probe", 0, true },
            .argument = "=PROBE",
            .help = "READY=1 waits for its first success",
            .take = take_text,
            FIELD(startup_probe) },
    { .flag = { "reload-signal", 0, true },
            .argument = "=SIG",
            .help = "what a reload (SIGHUP to us) sends to the container's first process (HUP)",
            .take = take_signal },
    { .flag = { "reload-cmd", 0, true },
            .argument = "=CMD",
            .help = "the command that a reload executes in the container instead",
            .take = take_text,
            FIELD(reload_command) },
    { .flag = { "main-pid", 0, true },
            .argument = "=WHO",
            .help = "the unit's main process: wrapper (default), container",
            .take = take_main_pid,
            .choices = main_pid_choices },
    { .flag = { "engine-wait", 0, true },
            .argument = "=SPAN",
            .help = "how long to wait for an engine that does not answer (30s); cleanup and "
                    "healthcheck: 10s at most, setup-runtime 5s, status and check 2s",
            .take = take_span,
            FIELD(engine_wait_usec),
            .is_general = true },
    { .flag = { "dry-run", 0, false },
            .help = "contact nothing, change nothing; print the create request as JSON",
            .take = take_switch,
            FIELD(dry_run) },
    { .flag = { "host", 'H', true },
            .argument = "=URL",
            .help = "the engine: unix://PATH or tcp://HOST:PORT ($DOCKER_HOST, else "
                    "unix:///var/run/docker.sock)",
            .take = take_text,
            FIELD(host),
            .is_general = true },
    { .flag = { "json", 0, false },
            .help = "status: for programs",
            .take = take_switch,
            FIELD(json),
            .is_general = true },
    { .flag = { "remove", 0, false },
            .help = "setup-runtime: undo it",
            .take = take_switch,
            FIELD(setup.remove),
            .is_general = true },
    { .flag = { "runtime", 0, true },
            .argument = "=PATH",
            .help = "setup-runtime: the OCI runtime that does the work (runc)",
            .take = take_path,
            FIELD(setup.runtime),
            .is_general = true },
    { .flag = { "config", 0, true },
            .argument = "=FILE",
            .help = "setup-runtime: dockerd's settings (/etc/docker/daemon.json)",
            .take = take_path,
            FIELD(setup.config),
            .is_general = true },
    { .flag = { "if-due", 0, false },
            .help = "healthcheck: only if its interval has passed, as a detached container's timer "
                    "asks",
            .take = take_switch,
            FIELD(if_due),
            .is_general = true },
    { .flag = { "await-end", 0, false },
            .help = "healthcheck: run none; see a detached container to its end, when its unit "
                    "stops",
            .take = take_switch,
            FIELD(await_end),
            .is_general = true },
    { .flag = { "verbose", 'v', false },
            .help = "tell every step",
            .take = take_switch,
            FIELD(verbose),
            .is_general = true },
    { .flag = { "help", 'h', false }, .help = "print this", .take = take_verb, .is_general = true },
    { .flag = { "version", 0, false },
            .help = "print the version",
            .take = take_verb,
            .is_general = true },
    { .flag = { "credentials", 0, false }, .take = take_switch_unsupported },
    { .flag = { NULL, 0, false } },
};

const Flag *option_find(const char *name, size_t size)
{
    for (const Option *option = option_table; option->flag.name; option++) {
        const Flag *flag = &option->flag;

        if (size == 0 ? flag->shorthand == *name
                      : strlen(flag->name) == size && memcmp(flag->name, name, size) == 0)
            return flag;
    }
    return NULL;
}
