/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "health/go_time.h"
#include "health/health_json.h"
#include "unit/notify.h"

#define ANSWER_TIMEOUT_USEC (5 * USEC_PER_SEC)
/* From this API on the engine knows a start interval. */
#define API_MINOR_START_INTERVAL 44U
/* How long after it should be there a result of Docker's is looked for, and how often at most. */
#define DOCKER_SLACK_USEC (500 * USEC_PER_MSEC)
/* Beyond an interval and a timeout, for a result of an engine that has only just come back. */
#define ENGINE_SLACK_USEC (5 * USEC_PER_SEC)
/* Beyond what the next result takes in any case. */
#define EXTEND_SLACK_USEC (5 * USEC_PER_SEC)

static void schedule(Supervisor *supervisor);

/* As long as the start period runs and probes come back, the start goes on: the next one is to be
 * waited for. */
static void extend_start(Supervisor *supervisor)
{
    const Health *health = &supervisor->check.health;

    if (supervisor->state == STATE_SETTLING && health_is_in_start_period(health, now_usec()))
        notify_extend_timeout(
                health->config.interval_usec + health->config.timeout_usec + EXTEND_SLACK_USEC);
}

/* A result is here, or the status changed without one. */
static void note_result(Supervisor *supervisor, bool changed)
{
    publish(supervisor, changed);
    if (changed)
        ready_note_health(supervisor);
    else if (supervisor->state == STATE_SETTLING || check_status(supervisor) == HEALTH_UNHEALTHY)
        ready_tell(supervisor);
    schedule(supervisor);
}

/* When we run Docker's check the next time. */
static uint64_t own_due_after(const Check *check, uint64_t ended)
{
    const HealthConfig *config = &check->health.config;

    return ended + (check->stands_in ? config->interval_usec : config->start_interval_usec);
}

static void on_run_ended(
        CheckRunEnd how, uint64_t began, uint64_t ended, const ProbeEnd *end, void *userdata)
{
    Supervisor *supervisor = userdata;
    Check *check = &supervisor->check;
    Health *health = &check->health;
    bool changed = false;

    check->run = NULL;
    log_debug("health check: exit code %d: %.*s", end->exit_code, (int)end->size, end->output);
    if (check->source == CHECK_DOCKER) {
        check->own_due = own_due_after(check, ended);
        if (how != CHECK_RUN_SILENT)
            changed = health_result(health, began, ended, end);
    } else if (how == CHECK_RUN_SILENT)
        health_probe_cancelled(health, ended);
    else {
        if (how == CHECK_RUN_TIMED_OUT)
            health_probe_timed_out(health);
        changed = health_probe_ended(health, ended, end);
    }
    extend_start(supervisor);
    note_result(supervisor, changed);
}

int check_run_now(
        Supervisor *supervisor, const ProbeSpec *probe, CheckRunHandler handler, CheckRun **ret)
{
    const CheckRunRequest request = {
        .probe = probe,
        .command = supervisor->check.command,
        .container = supervisor->container.id,
        .pid = supervisor->container.pid,
        .pidfd = supervisor->container.pidfd,
        .timeout_usec = supervisor->check.health.config.timeout_usec,
    };

    return check_run_start(
            supervisor->event, supervisor->engine, &request, handler, supervisor, ret);
}

static void run_scheduled(Supervisor *supervisor)
{
    Check *check = &supervisor->check;
    uint64_t now = now_usec();
    int r;

    if (check->run)
        return;
    if (check->source == CHECK_PROBE) {
        health_probe_requested(&check->health, now);
        health_probe_started(&check->health, now);
    }
    r = check_run_now(supervisor, check->probe, on_run_ended, &check->run);
    if (r >= 0)
        return;
    log_warning("cannot run the health check: %s", strerror(-r));
    check->own_due = own_due_after(check, now);
    health_probe_cancelled(&check->health, now);
}

static void on_docker_asked(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->health_call = NULL;
    supervisor->check.asked = now_usec();
    /* An engine that is away: the subscription notices. Its silence is no evidence. */
    if (engine_reply_ok(reply))
        check_take_inspect(supervisor, reply->body);
    schedule(supervisor);
}

/* The event has the status, but not what the probe said; and an event is a hint, not the truth. */
void check_ask_docker(Supervisor *supervisor)
{
    if (supervisor->state > STATE_RUNNING)
        return; /* the call is another's then */
    supervisor->health_call = engine_call_cancel(supervisor->health_call);
    supervisor->check.asked = now_usec();
    (void)engine_inspect(supervisor->engine, supervisor->container.id, ANSWER_TIMEOUT_USEC,
            on_docker_asked, supervisor, &supervisor->health_call);
}

/* When Docker should have a new result. */
static uint64_t docker_due(const Check *check)
{
    const HealthConfig *config = &check->health.config;
    /* Where we stand in for it, the evidence is ours. */
    uint64_t result = check->stands_in ? 0 : check->health.evidence + config->interval_usec;
    uint64_t again = check->asked + config->interval_usec;

    return (result > again ? result : again) + DOCKER_SLACK_USEC;
}

static uint64_t next_due(const Supervisor *supervisor)
{
    const Check *check = &supervisor->check;
    uint64_t due;

    if (check->source == CHECK_PROBE) {
        HealthNext next = health_next(&check->health);

        /* How long a run may take, the run itself sees to. */
        return next.action == HEALTH_RUN_PROBE ? next.at_usec : USEC_INFINITY;
    }
    due = supervisor->health_call ? USEC_INFINITY : docker_due(check);
    return !check->run && check->own_due < due ? check->own_due : due;
}

static void act(Supervisor *supervisor)
{
    Check *check = &supervisor->check;
    uint64_t now = now_usec();

    if (check->source == CHECK_PROBE) {
        run_scheduled(supervisor);
        return;
    }
    if (check->own_due <= now) {
        check->own_due = USEC_INFINITY;
        if (check->stands_in || health_is_in_start_period(&check->health, now))
            run_scheduled(supervisor);
    }
    if (!supervisor->health_call && docker_due(check) <= now)
        check_ask_docker(supervisor);
}

void check_note_standstill(Supervisor *supervisor)
{
    Check *check = &supervisor->check;
    uint64_t now = now_usec(), from = check->timer_usec;

    if (!check->begun)
        return;
    log_debug("the unit stood still: what was probed meanwhile does not count");
    /* Without a timer there was an answer to wait for. */
    if (from == USEC_INFINITY)
        from = check->source == CHECK_PROBE ? check->health.requested : check->asked;
    health_stood_still(&check->health, from < now ? from : now, now);
    if (check->run) {
        check->run = check_run_cancel(check->run);
        check->own_due = now;
    }
    schedule(supervisor);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    Supervisor *supervisor = userdata;

    (void)source;
    (void)usec;
    if (!standstill_look(supervisor))
        act(supervisor);
    schedule(supervisor);
    return 0;
}

static void schedule(Supervisor *supervisor)
{
    Check *check = &supervisor->check;
    int r = 0;

    if (!check->begun ||
            (supervisor->state != STATE_SETTLING && supervisor->state != STATE_RUNNING))
        return;
    check->timer_usec = next_due(supervisor);
    if (check->timer_usec == USEC_INFINITY) {
        if (check->timer)
            (void)sd_event_source_set_enabled(check->timer, SD_EVENT_OFF);
        return;
    }
    if (!check->timer)
        r = sd_event_add_time(supervisor->event, &check->timer, CLOCK_MONOTONIC, check->timer_usec,
                USEC_PER_MSEC, on_timer, supervisor);
    else
        r = sd_event_source_set_time(check->timer, check->timer_usec);
    if (r >= 0)
        r = sd_event_source_set_enabled(check->timer, SD_EVENT_ONESHOT);
    if (r < 0)
        log_warning("cannot set a timer for the health check: %s", strerror(-r));
}

static uint64_t start_of(const Supervisor *supervisor, uint64_t now)
{
    return supervisor->container.started_usec != 0 ? supervisor->container.started_usec : now;
}

static void begin(Supervisor *supervisor, HealthConfig *config)
{
    Check *check = &supervisor->check;
    uint64_t now = now_usec();

    check->own_due = USEC_INFINITY;
    check->asked = now;
    config->has_check = true;
    health_init(&check->health, config, start_of(supervisor, now), now);
    check->begun = true;

    config = &check->health.config;
    if (check->source == CHECK_DOCKER && check->command &&
            engine_api_minor(supervisor->engine) < API_MINOR_START_INTERVAL &&
            config->start_interval_usec < config->interval_usec &&
            health_is_in_start_period(&check->health, now))
        check->own_due = now + config->start_interval_usec;
}

void check_learn(Supervisor *supervisor, JsonValue *inspect)
{
    Check *check = &supervisor->check;
    JsonValue *container = json_value_get(inspect, "Config");
    JsonValue *state = json_value_get(inspect, "State");
    HealthConfig config;

    if (!check->begun) {
        health_config_parse(json_value_get(container, "Healthcheck"), &config);
        if (check->start_interval_usec != 0)
            config.start_interval_usec = check->start_interval_usec;
        check->source = check->probe ? CHECK_PROBE : config.has_check ? CHECK_DOCKER : CHECK_NONE;
        (void)json_value_unref(check->settings);
        check->settings = json_value_ref(json_value_get(container, "Healthcheck"));
        text_vector_free(TAKE_PTR(check->command));
        if (check->source == CHECK_DOCKER)
            (void)health_command_parse(container, &check->command);
        if (supervisor->state == STATE_PLACING && json_member_boolean(state, "Running", false) &&
                check->source != CHECK_NONE)
            begin(supervisor, &config);
        else if (check->source == CHECK_NONE)
            /* The startup probe has its times from there. */
            health_init(&check->health, &config, start_of(supervisor, now_usec()), now_usec());
    }
    check_take_inspect(supervisor, inspect);
}

void check_take_inspect(Supervisor *supervisor, JsonValue *inspect)
{
    Check *check = &supervisor->check;
    JsonValue *state = json_value_get(inspect, "State");
    uint64_t now = now_usec();
    bool changed = false;
    int r = 0;

    if (check->begun && check->source == CHECK_DOCKER)
        r = docker_log_feed(
                &check->log, &check->health, inspect, now, now_realtime_usec(), &changed);
    /* Docker's silence is no reason to wait longer for a start. */
    if (r > 0) {
        check->stands_in = false;
        extend_start(supervisor);
    }
    if (r > 0 || changed)
        note_result(supervisor, changed);
    check_note_pause(supervisor, json_member_boolean(state, "Paused", false));
}

void check_note_engine_back(Supervisor *supervisor)
{
    Check *check = &supervisor->check;
    const HealthConfig *config = &check->health.config;
    uint64_t needed = config->timeout_usec + ENGINE_SLACK_USEC;
    uint64_t stale = health_stale_at(&check->health);
    uint64_t due = now_usec() + config->interval_usec + needed;

    if (!check->begun || check->source != CHECK_DOCKER || !check->command)
        return;
    check->stands_in = true;
    /* In time, where the engine was away for long. */
    check->own_due = due < stale - needed ? due : stale - needed;
    schedule(supervisor);
}

void check_take_result(Supervisor *supervisor, uint64_t began, uint64_t ended, const ProbeEnd *end)
{
    extend_start(supervisor);
    note_result(supervisor, health_result(&supervisor->check.health, began, ended, end));
}

void check_note_pause(Supervisor *supervisor, bool paused)
{
    Check *check = &supervisor->check;

    /* So that both sides of it begin with a whole period. */
    if (paused != supervisor->container.is_paused) {
        supervisor->container.is_paused = true;
        watchdog_ping(supervisor->watchdog);
        supervisor->container.is_paused = paused;
    }
    if (!check->begun)
        return;
    if (paused)
        health_pause(&check->health, now_usec());
    else
        health_resume(&check->health, now_usec());
    schedule(supervisor);
}

void check_start(Supervisor *supervisor)
{
    extend_start(supervisor);
    publish_open(supervisor);
    startup_start(supervisor);
    /* Its engine may have been away before us. */
    if (supervisor->container.ran_before)
        check_note_engine_back(supervisor);
    schedule(supervisor);
    standstill_watch(supervisor);
}

void check_stop(Supervisor *supervisor)
{
    Check *check = &supervisor->check;

    check->run = check_run_cancel(check->run);
    check->timer = sd_event_source_disable_unref(check->timer);
    standstill_stop(supervisor);
    startup_stop(supervisor);
    supervisor->health_call = engine_call_cancel(supervisor->health_call);
}

void check_release(Supervisor *supervisor)
{
    Check *check = &supervisor->check;

    check_stop(supervisor);
    check->probe = probe_spec_free(check->probe);
    supervisor->startup.probe = probe_spec_free(supervisor->startup.probe);
    text_vector_free(TAKE_PTR(check->command));
    check->settings = json_value_unref(check->settings);
}

int check_parse(Supervisor *supervisor, char **ret_message)
{
    const Options *options = supervisor->options;
    Check *check = &supervisor->check;
    JsonValue *healthcheck = json_value_get(supervisor->request->body, "Healthcheck");
    int64_t interval = json_member_integer(healthcheck, "StartInterval", 0);
    int r = 0;

    /* run_request_fit_api() takes it away from an engine that does not know it. */
    check->start_interval_usec = interval > 0 ? (uint64_t)interval / NSEC_PER_USEC : 0;
    if (options->probe)
        r = probe_spec_parse(options->probe, &check->probe, ret_message);
    if (r >= 0 && options->startup_probe)
        r = probe_spec_parse(options->startup_probe, &supervisor->startup.probe, ret_message);
    return r;
}

bool check_needs_network(const Supervisor *supervisor)
{
    const ProbeSpec *probe = supervisor->check.probe, *startup = supervisor->startup.probe;

    return (probe && probe->kind != PROBE_EXEC) || (startup && startup->kind != PROBE_EXEC);
}

bool check_is_there(const Supervisor *supervisor)
{
    return supervisor->check.source != CHECK_NONE;
}

HealthStatus check_status(const Supervisor *supervisor)
{
    const Check *check = &supervisor->check;

    if (check->source == CHECK_NONE)
        return HEALTH_NONE;
    return check->begun ? check->health.record.status : HEALTH_STARTING;
}

bool check_is_stale(const Supervisor *supervisor)
{
    return supervisor->check.begun && health_is_stale(&supervisor->check.health, now_usec());
}

void check_last_words(const Supervisor *supervisor, char *ret, size_t size)
{
    const Check *check = &supervisor->check;
    const HealthResult *newest = check->begun ? health_record_newest(&check->health.record) : NULL;

    *ret = '\0';
    if (newest && newest->exit_code != 0)
        health_output_line(newest, ret, size);
    else
        startup_last_words(supervisor, ret, size);
}
