/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/check_record.h"
#include "supervisor/state_file.h"
#include "unit/runtime_directory.h"

/* As often results that change nothing are written at most: probes may come every few milliseconds.
 */
#define PUBLISH_USEC USEC_PER_SEC

/* A result that `systemd-ctr healthcheck` brings: counted before it is answered. */
static JsonValue *on_question(JsonValue *question, void *userdata)
{
    Supervisor *supervisor = userdata;
    _cleanup_json_ JsonValue *answer = json_new_object();
    CheckResult result;

    if (check_result_parse(question, &result) < 0 || result.ended > now_usec())
        return NULL;
    check_take_result(supervisor, result.began, result.ended, &result.end);
    publish(supervisor, true);
    if (json_set_string(answer, "Status", health_status_name(check_status(supervisor))) < 0 ||
            json_set_integer(
                    answer, "FailingStreak", supervisor->check.health.record.failing_streak) < 0)
        return NULL;
    return TAKE_PTR(answer);
}

/* Of a run that was killed; this one has nothing to tell. */
static void remove_stale(const char *name)
{
    _cleanup_free_ char *directory = NULL;

    if (runtime_directory_path(name, &directory) >= 0)
        (void)state_file_remove(directory);
}

void publish_open(Supervisor *supervisor)
{
    const char *name = supervisor->container.name;
    int r;

    if (!supervisor->check.begun && name)
        remove_stale(name);
    /* A container that runs on without us has its record from detached.c. */
    if (!supervisor->check.begun || supervisor->control || !name || supervisor->detached)
        return;
    r = runtime_directory_make(name, &supervisor->directory);
    if (r >= 0)
        r = control_listen(supervisor->event, supervisor->directory, on_question, supervisor,
                &supervisor->control);
    if (r < 0)
        log_warning("container %s: its health is not to be asked for here: %s", name, strerror(-r));
    publish(supervisor, true);
}

int publish_describe(const Supervisor *supervisor, JsonValue **ret)
{
    const Check *check = &supervisor->check;
    const Options *options = supervisor->options;
    _cleanup_json_ JsonValue *record = json_new_object();
    const CgroupLayout *layout = &supervisor->layout;
    bool judged = check_is_there(supervisor) && options->watchdog != WATCHDOG_RUNNING &&
            options->on_unhealthy != UNHEALTHY_NONE;
    int r;

    r = check_record_store(record, &check->health);
    if (r < 0 || json_set_string(record, "Unit", layout->unit_name ? layout->unit_name : "") < 0 ||
            json_set_string(record, "Cgroup", layout->unit ? layout->unit : "") < 0 ||
            json_set_string(record, "Id", supervisor->container.id) < 0 ||
            json_set_integer(record, "Pid", supervisor->container.pid) < 0 ||
            json_set_string(record, "Place",
                    supervisor->placement_text ? supervisor->placement_text : "") < 0 ||
            json_set_integer(record, "Started", (int64_t)check->health.started) < 0 ||
            json_set_boolean(record, "Judged", judged) < 0 ||
            json_set_boolean(record, "Triggers", options->on_unhealthy == UNHEALTHY_TRIGGER) < 0 ||
            json_set_string(record, "Probe", options->probe ? options->probe : "") < 0)
        return -ENOMEM;
    if (check->settings && json_set(record, "Healthcheck", json_value_ref(check->settings)) < 0)
        return -ENOMEM;
    *ret = TAKE_PTR(record);
    return 0;
}

void publish(Supervisor *supervisor, bool changed)
{
    _cleanup_json_ JsonValue *record = NULL;
    uint64_t now = now_usec();
    int r;

    if (!supervisor->directory || (!changed && now - supervisor->published_usec < PUBLISH_USEC))
        return;
    supervisor->published_usec = now;
    r = publish_describe(supervisor, &record);
    if (r >= 0)
        r = state_file_write(supervisor->directory, record);
    if (r < 0)
        log_debug("cannot write the health of the container to %s: %s", supervisor->directory,
                strerror(-r));
}

void publish_close(Supervisor *supervisor)
{
    supervisor->control = control_free(supervisor->control);
    if (!supervisor->directory)
        return;
    /* What hear.c has there goes with it. */
    (void)runtime_directory_remove(supervisor->container.name);
    free(TAKE_PTR(supervisor->directory));
}
