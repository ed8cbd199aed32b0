/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/healthcheck.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "engine/exec.h"
#include "supervisor/check_record.h"
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
    char *directory;
    CheckTimes times;
    CheckTimestamps at;
    EngineExec *exec;
} HealthCheck;

static uint64_t realtime_usec(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

static void tell(HealthCheck *check, JsonValue *record, bool changed)
{
    int r;

    r = detached_tell(record, &check->times, changed, now_usec());
    if (r < 0)
        log_warning("cannot speak to systemd for %s: %s", json_member_string(record, "Unit", "?"),
                strerror(-r));
}

/* -ENOENT: nobody keeps a record of this container. */
static int count_in_file(HealthCheck *check, JsonValue *result)
{
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_close_ int lock = -1;
    bool changed;
    int r;

    r = state_file_lock(check->directory, COUNTED_USEC, &lock);
    if (r >= 0)
        r = state_file_read(check->directory, &record);
    if (r >= 0)
        r = check_record_count(record, &check->times, result, &changed);
    if (r >= 0)
        r = state_file_write(check->directory, record);
    if (r < 0)
        return r;
    /* Still locked: or of two that tell, the older might come last. */
    tell(check, record, changed);
    return 0;
}

static int deliver(HealthCheck *check, JsonValue *result)
{
    _cleanup_json_ JsonValue *answer = NULL;
    int r;

    if (!check->directory)
        return 0;
    r = control_ask(check->directory, result, COUNTED_USEC, &answer);
    if (r == -ENOENT || r == -ECONNREFUSED)
        r = count_in_file(check, result);
    return r == -ENOENT ? 0 : r;
}

/* While it stands still there is nothing to check, and what is known does not age. */
static void note_pause(HealthCheck *check)
{
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_close_ int lock = -1;

    if (!check->directory || state_file_lock(check->directory, COUNTED_USEC, &lock) < 0 ||
            state_file_read(check->directory, &record) < 0 ||
            json_set_integer(record, "Ended", (int64_t)now_usec()) < 0 ||
            state_file_write(check->directory, record) < 0)
        return;
    tell(check, record, false);
}

static void print_output(const char *output)
{
    size_t size = strlen(output);

    (void)fputs(output, stdout);
    if (size > 0 && output[size - 1] != '\n')
        (void)putchar('\n');
}

/* -ETIMEDOUT: it was killed; -EREMOTEIO: the engine could not start it. Both are results. */
static JsonValue *result_of(const HealthCheck *check, int code, const char *output)
{
    _cleanup_free_ char *late = NULL;

    if (code == -ETIMEDOUT) {
        late = text_format("Health check exceeded timeout (%s): %s",
                format_span(check->times.timeout_usec), output);
        output = late ? late : "";
    }
    return check_result_new(&check->at, code < 0 ? -1 : code, output);
}

static void on_checked(int code, const char *output, size_t size, void *userdata)
{
    HealthCheck *check = userdata;
    _cleanup_json_ JsonValue *result = NULL;
    int r;

    (void)size;
    check->at.ended = now_usec();
    check->at.ended_realtime = realtime_usec();
    if (code < 0 && code != -ETIMEDOUT && code != -EREMOTEIO) {
        log_error("cannot run the health check: %s", *output ? output : strerror(-code));
        errand_end(&check->errand, EXIT_UNAVAILABLE);
        return;
    }
    result = result_of(check, code, output);
    if (!result) {
        errand_check(&check->errand, -ENOMEM, "count the result");
        return;
    }
    print_output(json_member_string(result, "Output", ""));
    errand_end(&check->errand, code == 0 ? 0 : 1);
    r = deliver(check, result);
    errand_check(&check->errand, r, "have the result counted");
}

static void run_check(HealthCheck *check, JsonValue *inspect)
{
    _cleanup_json_ JsonValue *command = check_command(json_value_get(inspect, "Config"));
    const char *name = check->errand.options->name;

    if (!command) {
        log_error("container %s has no health check", name);
        errand_end(&check->errand, EXIT_ENGINE);
        return;
    }
    check->at.began = now_usec();
    check->at.began_realtime = realtime_usec();
    errand_check(&check->errand,
            engine_exec(check->errand.event, check->errand.engine,
                    json_member_string(inspect, "Id", name), command, check->times.timeout_usec,
                    on_checked, check, &check->exec),
            "run the health check");
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
        note_pause(check);
        errand_end(&check->errand, check->errand.options->if_due ? 0 : EXIT_ENGINE);
        return;
    }
    check_times_parse(
            json_value_get(json_value_get(reply->body, "Config"), "Healthcheck"), &check->times);
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

static void on_end(Errand *errand)
{
    HealthCheck *check = (HealthCheck *)errand;

    check->exec = engine_exec_free(check->exec);
}

/* Between two checks the engine is not needed to see that the newest result is good: so the pings
 * go on where it is restarted. */
static bool is_due(HealthCheck *check)
{
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_close_ int lock = -1;
    int r;

    r = check->directory ? state_file_lock(check->directory, COUNTED_USEC, &lock) : -ENOENT;
    if (r >= 0)
        r = state_file_read(check->directory, &record);
    if (r < 0)
        return true;
    /* We run, so the unit has not heard of it. */
    if (!main_process_is_there(record)) {
        (void)main_process_join_unit(record);
        return false;
    }
    check_times_parse(json_value_get(record, "Healthcheck"), &check->times);
    if (strcmp(json_member_string(record, "Status", ""), "none") != 0 &&
            check_record_is_due(record, &check->times, now_usec()))
        return true;
    tell(check, record, false);
    return false;
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
    HealthCheck check = { .errand.on_end = on_end };
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
    free(check.directory);
    return r;
}
