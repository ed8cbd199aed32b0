/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/healthcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cgroup/core_files.h"
#include "cgroup/layout.h"
#include "health/go_time.h"
#include "health/health_json.h"
#include "supervisor/check_record.h"
#include "supervisor/check_run.h"
#include "supervisor/create_request.h"
#include "supervisor/detached.h"
#include "supervisor/errand.h"
#include "supervisor/main_process.h"
#include "supervisor/state_file.h"
#include "supervisor/supervision.h"
#include "unit/control.h"
#include "unit/runtime_directory.h"

#define ENGINE_WAIT_MAX_USEC (10 * USEC_PER_SEC)
/* For those before us in the line; each takes milliseconds. */
#define COUNTED_USEC (20 * USEC_PER_SEC)

typedef struct HealthCheck {
    Errand errand;
    char *directory; /* NULL: there is none */
    char *id;
    int pidfd; /* of the container's first process */
    uint64_t timeout_usec;
    ProbeSpec *probe;
    char **command;
    CheckRun *run;
    uint64_t watchdog_usec; /* of the unit, if it is ours to serve */
    sd_event_source *pinging;
} HealthCheck;

static void tell(JsonValue *record, bool changed)
{
    int r;

    r = detached_tell(record, changed, now_usec());
    if (r < 0)
        log_warning("cannot speak to systemd for %s: %s", json_member_string(record, "Unit", "?"),
                strerror(-r));
}

/* The record that a check without a wrapper goes on from, and its lock. */
static int read_record(const HealthCheck *check, JsonValue **ret, int *ret_lock)
{
    int r;

    r = check->directory ? state_file_lock(check->directory, COUNTED_USEC, ret_lock) : -ENOENT;
    return r < 0 ? r : state_file_read(check->directory, ret);
}

/* -ENOENT: nobody keeps a record of this container. */
static int count_in_file(const HealthCheck *check, const CheckResult *result)
{
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_close_ int lock = -1;
    bool changed;
    int r;

    r = read_record(check, &record, &lock);
    if (r >= 0)
        r = check_record_count(record, result, now_usec(), &changed);
    if (r >= 0)
        r = state_file_write(check->directory, record);
    if (r < 0)
        return r;
    /* Still locked: or of two that tell, the older might come last. */
    tell(record, changed);
    return 0;
}

static int deliver(const HealthCheck *check, const CheckResult *result)
{
    _cleanup_json_ JsonValue *question = check_result_format(result), *answer = NULL;
    int r;

    if (!question)
        return -ENOMEM;
    if (!check->directory)
        return 0;
    r = control_ask(check->directory, question, COUNTED_USEC, &answer);
    if (r == -ENOENT || r == -ECONNREFUSED)
        r = count_in_file(check, result);
    return r == -ENOENT ? 0 : r;
}

/* While it stands still there is nothing to check, and what is known does not age. `record` is
 * locked. */
static void stand_still(const HealthCheck *check, JsonValue *record)
{
    if (json_set_integer(record, "Ended", (int64_t)now_usec()) >= 0 &&
            state_file_write(check->directory, record) >= 0)
        tell(record, false);
}

static void note_pause(const HealthCheck *check)
{
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_close_ int lock = -1;

    if (read_record(check, &record, &lock) >= 0)
        stand_still(check, record);
}

/* systemctl freeze: the timer is outside of the unit, and goes on. */
static bool is_frozen(JsonValue *record)
{
    _cleanup_(cgroup_layout_clear) CgroupLayout layout = {};
    _cleanup_close_ int unit = -1, events = -1;

    if (cgroup_layout_of_unit(json_member_string(record, "Cgroup", ""), &layout) < 0)
        return false;
    unit = cgroup_open(layout.mount, layout.unit);
    events = unit < 0 ? unit : cgroup_open_file(unit, "cgroup.events", O_RDONLY);
    return events >= 0 && cgroup_events_get(events, "frozen") == 1;
}

static void print_output(JsonValue *result)
{
    const char *output = json_member_string(result, "Output", "");
    size_t size = strlen(output);

    (void)fputs(output, stdout);
    if (size > 0 && output[size - 1] != '\n')
        (void)putchar('\n');
}

static void finish(HealthCheck *check, const CheckResult *result)
{
    _cleanup_json_ JsonValue *printable = check_result_format(result);

    if (printable)
        print_output(printable);
    errand_end(&check->errand, result->end.exit_code == 0 ? 0 : 1);
    errand_check(&check->errand, deliver(check, result), "have the result counted");
}

static void on_ended(
        CheckRunEnd how, uint64_t began, uint64_t ended, const ProbeEnd *end, void *userdata)
{
    HealthCheck *check = userdata;
    CheckResult result = { began, ended, *end };
    _cleanup_free_ char *late = NULL;
    char timeout[GO_TIME_SIZE];

    check->run = NULL;
    if (how == CHECK_RUN_SILENT) {
        log_error("cannot run the health check: %.*s", (int)end->size, end->output);
        errand_end(&check->errand, EXIT_UNAVAILABLE);
        return;
    }
    if (how == CHECK_RUN_TIMED_OUT) {
        go_duration_format(check->timeout_usec, timeout);
        late = text_format(
                "Health check exceeded timeout (%s): %.*s", timeout, (int)end->size, end->output);
        result.end.output = late ? late : "";
        result.end.size = strlen(result.end.output);
    }
    finish(check, &result);
}

/* What is to be run: the probe that the record names, else Docker's check. */
static int find_check(HealthCheck *check, JsonValue *config)
{
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_free_ char *message = NULL;
    const char *probe = "";

    if (check->directory && state_file_read(check->directory, &record) >= 0)
        probe = json_member_string(record, "Probe", "");
    if (*probe)
        return probe_spec_parse(probe, &check->probe, &message);
    return health_command_parse(config, &check->command);
}

/* The number is the engine's, which may be of another host. A pidfd first, then the look at what it
 * stands for. 0: it is not the container's process. */
static pid_t find_process(HealthCheck *check, JsonValue *inspect)
{
    pid_t pid = (pid_t)json_member_integer(json_value_get(inspect, "State"), "Pid", 0);
    _cleanup_free_ char *path = NULL, *unit = NULL, *name = NULL;

    check->pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (check->pidfd >= 0 && cgroup_of_process(pid, &path) >= 0 &&
            (strstr(path, check->id) ||
                    (cgroup_path_unit(path, &unit, &name) >= 0 &&
                            text_equal(name, container_label(inspect, LABEL_UNIT)))))
        return pid;
    close_p(&check->pidfd);
    check->pidfd = -1;
    return 0;
}

static void run_check(HealthCheck *check, JsonValue *inspect)
{
    JsonValue *config = json_value_get(inspect, "Config");
    HealthConfig given;
    Health health;
    pid_t pid;
    int r;

    r = find_check(check, config);
    if (r < 0) {
        log_error("container %s has no health check%s", check->errand.options->name,
                r == -ENOENT ? "" : " that can be run");
        errand_end(&check->errand, EXIT_ENGINE);
        return;
    }
    health_config_parse(json_value_get(config, "Healthcheck"), &given);
    health_init(&health, &given, now_usec(), now_usec());
    check->timeout_usec = health.config.timeout_usec;
    r = text_replace(&check->id, json_member_string(inspect, "Id", ""));
    pid = r >= 0 ? find_process(check, inspect) : 0;
    if (r >= 0)
        r = check_run_start(check->errand.event, check->errand.engine,
                &(CheckRunRequest){
                        .probe = check->probe,
                        .command = check->command,
                        .container = check->id,
                        .pid = pid,
                        .pidfd = check->pidfd,
                        .timeout_usec = check->timeout_usec,
                },
                on_ended, check, &check->run);
    errand_check(&check->errand, r, "run the health check");
}

static void on_inspected(const EngineReply *reply, void *userdata)
{
    HealthCheck *check = userdata;
    const char *name = check->errand.options->name;
    JsonValue *state = json_value_get(reply->body, "State");

    if (!engine_reply_ok(reply) && reply->status != 404) {
        errand_fail(&check->errand, "look for the container", reply);
        return;
    }
    if (reply->status == 404 || !container_has_name(reply->body, name) ||
            !json_member_boolean(state, "Running", false)) {
        log_error("there is no running container %s", name);
        errand_end(&check->errand, EXIT_ENGINE);
        return;
    }
    if (json_member_boolean(state, "Paused", false)) {
        log_notice("container %s is paused: it is not checked", name);
        /* A wrapper knows by the engine's event. */
        if (check->errand.options->if_due)
            note_pause(check);
        errand_end(&check->errand, check->errand.options->if_due ? 0 : EXIT_ENGINE);
        return;
    }
    run_check(check, reply->body);
}

static void on_connected(Errand *errand)
{
    HealthCheck *check = (HealthCheck *)errand;

    errand_check(errand,
            engine_inspect(errand->engine, errand->options->name, ERRAND_ANSWER_USEC, on_inspected,
                    check, NULL),
            "look for the container");
}

/* What was known before is what counts while the check takes its time, or its engine is away. */
static void ping_now(const HealthCheck *check)
{
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_close_ int lock = -1;

    if (read_record(check, &record, &lock) >= 0)
        tell(record, false);
}

static int on_ping_due(sd_event_source *source, uint64_t usec, void *userdata)
{
    const HealthCheck *check = userdata;

    ping_now(check);
    (void)sd_event_source_set_time(source, usec + check->watchdog_usec / 2);
    (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

static void on_end(Errand *errand)
{
    HealthCheck *check = (HealthCheck *)errand;

    check->run = check_run_cancel(check->run);
    /* The timer's next run comes half a period after this one's end. */
    if (check->pinging)
        ping_now(check);
    check->pinging = sd_event_source_disable_unref(check->pinging);
}

static void on_begin(Errand *errand)
{
    HealthCheck *check = (HealthCheck *)errand;
    int r;

    if (check->watchdog_usec == 0)
        return;
    r = sd_event_add_time(
            errand->event, &check->pinging, CLOCK_MONOTONIC, now_usec(), 1, on_ping_due, check);
    if (r < 0)
        log_warning("cannot serve the unit's watchdog: %s", strerror(-r));
}

/* Between two checks the engine is not needed to see that the newest result is good: so the pings
 * go on where it is restarted. */
static bool is_due(HealthCheck *check)
{
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_close_ int lock = -1;
    int64_t watchdog;

    if (read_record(check, &record, &lock) < 0)
        return true;
    /* We run, so the unit has not heard of it. */
    if (!main_process_is_there(record)) {
        (void)main_process_join_unit(record);
        return false;
    }
    if (is_frozen(record)) {
        stand_still(check, record);
        return false;
    }
    if (!check_record_is_due(record, now_usec())) {
        tell(record, false);
        return false;
    }
    watchdog = json_member_integer(record, "WatchdogUSec", 0);
    check->watchdog_usec = watchdog > 0 ? (uint64_t)watchdog : 0;
    return true;
}

static int await_end(const HealthCheck *check)
{
    _cleanup_json_ JsonValue *record = NULL;
    int r;

    r = check->directory ? state_file_read(check->directory, &record) : -ENOENT;
    if (r >= 0)
        r = main_process_await_end(record);
    if (r >= 0 || r == -ENOENT)
        return 0;
    log_warning("cannot wait for the end of container %s in its unit: %s",
            check->errand.options->name, strerror(-r));
    return EXIT_ENGINE;
}

int healthcheck_run(const Options *options)
{
    HealthCheck check = { .errand = { .on_begin = on_begin, .on_end = on_end }, .pidfd = -1 };
    uint64_t wait = options->engine_wait_usec;
    int r;

    r = runtime_directory_path(options->name, &check.directory);
    if (r < 0)
        log_debug("no runtime directory: %s", strerror(-r));
    check.errand.options = options;
    if (options->await_end)
        r = await_end(&check);
    else if (options->if_due && !is_due(&check))
        r = 0;
    else
        r = errand_run(&check.errand, options,
                wait < ENGINE_WAIT_MAX_USEC ? wait : ENGINE_WAIT_MAX_USEC, on_connected);
    (void)probe_spec_free(check.probe);
    text_vector_free(check.command);
    close_p(&check.pidfd);
    free(check.id);
    free(check.directory);
    return r;
}
