/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/detached.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "supervisor/main_process.h"
#include "supervisor/state_file.h"
#include "supervisor/supervision.h"
#include "unit/manager_notify.h"
#include "unit/notify.h"
#include "unit/runtime_directory.h"
#include "unit/transient_timer.h"

/* One run: the engine's answer, the start of the check, its timeout, and some. */
#define RUN_USEC (60 * USEC_PER_SEC)
#define ACCURACY_MAX_USEC USEC_PER_SEC
#define PROGRAM_MAX 4096U

struct DetachedChecks {
    char *name;
    char *description;
    char **command;
    char **end_command;
    char **environment;
    char *runtime_directory;
    CheckSchedule schedule; /* empty: nothing is to be run */
    uint64_t watchdog_usec;
    TransientTimerSettings settings;
    TransientTimer *timer;
};

DetachedChecks *detached_checks_free(DetachedChecks *checks)
{
    if (!checks)
        return NULL;
    (void)transient_timer_free(checks->timer);
    free(checks->name);
    free(checks->description);
    text_vector_free(checks->command);
    text_vector_free(checks->end_command);
    text_vector_free(checks->environment);
    free(checks->runtime_directory);
    free(checks);
    return NULL;
}

/* This program, by the path that it was started from; a newer one by now, if it was replaced. */
static int find_program(char **ret)
{
    static const char replaced[] = " (deleted)";
    char path[PROGRAM_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (size < 0)
        return -errno;
    path[size] = '\0';
    if (text_ends_with(path, replaced))
        path[size - (ssize_t)strlen(replaced)] = '\0';
    *ret = strdup(path);
    return *ret ? 0 : -ENOMEM;
}

static int fill_command(
        char ***command, const char *program, const Supervisor *supervisor, const char *option)
{
    const char *const words[] = { program, "--host", supervisor->options->host, "healthcheck",
        option, supervisor->container.name };
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ELEMENTS(words); i++)
        r = text_vector_append(command, words[i]);
    return r;
}

static int fill_commands(DetachedChecks *checks, const Supervisor *supervisor)
{
    _cleanup_free_ char *program = NULL;
    int r;

    r = find_program(&program);
    if (r >= 0)
        r = fill_command(&checks->command, program, supervisor, "--if-due");
    if (r >= 0)
        r = fill_command(&checks->end_command, program, supervisor, "--await-end");
    return r;
}

/* How the engine is reached: what engine_new() reads. */
static int fill_environment(DetachedChecks *checks)
{
    static const char *const names[] = { "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
        "DOCKER_API_VERSION", "HOME" };
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ELEMENTS(names); i++) {
        const char *value = getenv(names[i]);
        _cleanup_free_ char *setting = value ? text_format("%s=%s", names[i], value) : NULL;

        if (value)
            r = setting ? text_vector_append(&checks->environment, setting) : -ENOMEM;
    }
    return r;
}

static int fill(DetachedChecks *checks, const Supervisor *supervisor)
{
    const char *name = supervisor->container.name;
    uint64_t accuracy = checks->schedule.again_usec / 20;
    int r;

    checks->name = text_format("systemd-ctr-health-%s", name);
    checks->description = text_format("Health check of container %s", name);
    checks->runtime_directory = text_format("systemd-ctr/containers/%s", name);
    if (!checks->name || !checks->description || !checks->runtime_directory)
        return -ENOMEM;
    r = fill_commands(checks, supervisor);
    if (r >= 0)
        r = fill_environment(checks);
    checks->settings = (TransientTimerSettings){ .name = checks->name,
        .unit = supervisor->layout.unit_name,
        .description = checks->description,
        .command = checks->schedule.first_size > 0 ? checks->command : NULL,
        .end_command = checks->end_command,
        .environment = checks->environment,
        .first_usec = checks->schedule.first_usec,
        .first_size = checks->schedule.first_size,
        .interval_usec = checks->schedule.again_usec,
        .accuracy_usec = accuracy < ACCURACY_MAX_USEC ? accuracy : ACCURACY_MAX_USEC,
        .timeout_usec = supervisor->check.health.config.timeout_usec + RUN_USEC,
        .runtime_directory = checks->runtime_directory };
    return r;
}

/* What the runs of the check go on from. */
static int write_record(const Supervisor *supervisor)
{
    uint64_t watchdog_usec = supervisor->detached_checks->watchdog_usec;
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_free_ char *directory = NULL;
    int r;

    r = publish_describe(supervisor, &record);
    if (r < 0)
        return r;
    if (json_set_integer(record, "WatchdogUSec", (int64_t)watchdog_usec) < 0 ||
            json_set_boolean(record, "Told", notify_is_wanted()) < 0)
        return -ENOMEM;
    r = runtime_directory_make(supervisor->container.name, &directory);
    return r < 0 ? r : state_file_write(directory, record);
}

static void warn(const Supervisor *supervisor, int r, const char *message)
{
    log_warning("cannot set up the timer for the health check of container %s: %s",
            supervisor_container_name(supervisor), message ? message : strerror(-r));
}

static void on_timer_set(int r, const char *message, void *userdata)
{
    Supervisor *supervisor = userdata;

    /* Not before: the end of the timer of the run before takes the runtime directory with it. */
    if (r >= 0)
        r = write_record(supervisor);
    if (r < 0)
        warn(supervisor, r, message);
    (void)sd_event_exit(supervisor->event, 0);
}

/* 0 where no watchdog is to be served. */
static uint64_t watchdog_period(const Supervisor *supervisor)
{
    uint64_t period;

    if (supervisor->options->watchdog == WATCHDOG_OFF || notify_watchdog_period(&period) <= 0)
        return 0;
    if (geteuid() != 0)
        log_notice("the pings of the unit's watchdog need NotifyAccess=all here");
    return period;
}

int detached_checks_start(Supervisor *supervisor)
{
    const HealthConfig *config = &supervisor->check.health.config;
    DetachedChecks *checks;
    int r;

    if (!supervisor->has_layout || !supervisor->container.name || supervisor->container.pid <= 0)
        return 0;
    checks = supervisor->detached_checks = calloc(1, sizeof(*checks));
    if (!checks)
        return 0;

    checks->watchdog_usec = watchdog_period(supervisor);
    if (config->has_check || checks->watchdog_usec > 0)
        check_schedule(config, checks->watchdog_usec, &checks->schedule);
    r = fill(checks, supervisor);
    if (r >= 0)
        r = transient_timer_start(
                supervisor->event, &checks->settings, on_timer_set, supervisor, &checks->timer);
    if (r < 0)
        warn(supervisor, r, NULL);
    return r >= 0;
}

static char *format_message(JsonValue *record, bool changed, uint64_t now)
{
    const char *status = json_member_string(record, "Status", "none");
    JsonValue *log = json_value_get(record, "Log");
    JsonValue *last = json_value_at(log, json_value_length(log) - 1);
    bool unhealthy = strcmp(status, "unhealthy") == 0;
    bool serves = json_member_integer(record, "WatchdogUSec", 0) > 0;
    bool is_alive =
            !json_member_boolean(record, "Judged", true) || check_record_is_alive(record, now);
    _cleanup_free_ char *output = NULL, *line = NULL;

    /* Of an unhealthy one each run may say something new. */
    if (changed || unhealthy) {
        output = strdup(unhealthy ? json_member_string(last, "Output", "") : "");
        if (!output)
            return NULL;
        /* systemd takes a return for the end of a field, too: what follows would be one of its own,
         * and we are root. */
        output[strcspn(output, "\r\n")] = '\0';
        text_make_printable(output);
        text_cut(output, NOTIFY_STATUS_MAX / 2);
        line = text_format("STATUS=Running, %s, PID %d%s%s%s\n", status,
                (int)json_member_integer(record, "Pid", 0), json_member_string(record, "Place", ""),
                *output ? ": " : "", output);
    }
    return text_format("%s%s%s", line ? line : "", serves && is_alive ? "WATCHDOG=1\n" : "",
            changed && unhealthy && json_member_boolean(record, "Triggers", false)
                    ? "WATCHDOG=trigger\n"
                    : "");
}

int detached_tell(JsonValue *record, bool changed, uint64_t now)
{
    pid_t pid = (pid_t)json_member_integer(record, "Pid", 0);
    _cleanup_free_ char *message = NULL, *path = NULL;
    int r;

    if (!json_member_boolean(record, "Told", false))
        return 0;
    if (!main_process_is_there(record))
        return -ESRCH;
    message = format_message(record, changed, now);
    if (!message)
        return -ENOMEM;
    if (!*message)
        return 0;
    r = manager_notify_socket(&path);
    if (r < 0)
        return r;
    r = manager_notify_as(path, pid, message);
    if (r != -EPERM)
        return r;
    /* systemd believes who lives in the unit's cgroup. */
    r = main_process_join_unit(record);
    return r < 0 ? r : manager_notify_as(path, 0, message);
}
