/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/detached.h"
#include "unit/notify.h"

/* Of a probe's output, what a status line has room for. */
#define LAST_WORDS_SIZE 256

static bool is_up(const Supervisor *supervisor)
{
    return supervisor->state == STATE_SETTLING || supervisor->state == STATE_RUNNING;
}

static const char *phase_of(const Supervisor *supervisor)
{
    if (supervisor->announced)
        return "Running";
    if (supervisor->options->ready == READY_NOTIFY && !supervisor->container_ready)
        return "Waiting for the container's READY=1";
    return startup_is_waited_for(supervisor) ? "Waiting for the startup probe" : "Started";
}

void ready_tell(Supervisor *supervisor)
{
    const char *place = supervisor->placement_text ? supervisor->placement_text : "";
    HealthStatus status = check_status(supervisor);
    char words[LAST_WORDS_SIZE], pid[32] = "";
    const char *health = status == HEALTH_NONE ? "" : health_status_name(status);

    if (supervisor->state > STATE_RUNNING)
        return; /* going down has lines of its own */
    if (supervisor->container_status && status != HEALTH_UNHEALTHY) {
        notify_status("%s", supervisor->container_status);
        return;
    }
    check_last_words(supervisor, words, sizeof(words));
    if (status == HEALTH_HEALTHY && supervisor->announced)
        words[0] = '\0'; /* one failure makes nobody sick */
    if (supervisor->container.pid > 0)
        (void)snprintf(pid, sizeof(pid), ", PID %d", (int)supervisor->container.pid);
    notify_status("%s%s%s%s%s%s%s", phase_of(supervisor), *health ? ", " : "", health, pid, place,
            words[0] ? ": " : "", words);
}

/* The evidence that the watchdog's ping stands for. */
static bool is_alive(void *userdata)
{
    Supervisor *supervisor = userdata;
    WatchdogSource source = supervisor->options->watchdog;

    /* Coming up and going down take their time; systemd bounds them by TimeoutStartSec= and
     * TimeoutStopSec=. */
    if (!is_up(supervisor))
        return true;
    if (supervisor->container.process_gone)
        return false;
    /* From READY=1 on its own ping is passed on when it comes, see hear.c, and there is none of
     * ours beside it. What is paused cannot ping. */
    if (source == WATCHDOG_CONTAINER && !supervisor->announced)
        return true;
    if (source == WATCHDOG_CONTAINER && !supervisor->container.is_paused)
        return false;
    if (source == WATCHDOG_RUNNING || supervisor->options->on_unhealthy == UNHEALTHY_NONE)
        return true;
    (void)standstill_look(supervisor);
    return check_status(supervisor) != HEALTH_UNHEALTHY && !check_is_stale(supervisor);
}

bool ready_when_started(const Supervisor *supervisor)
{
    if (supervisor->options->wait_before_notify_usec != 0 || startup_is_waited_for(supervisor))
        return false;
    if (supervisor->options->ready == READY_NOTIFY)
        return supervisor->container_ready;
    return supervisor->options->ready == READY_STARTED || !check_is_there(supervisor);
}

static bool is_ready(const Supervisor *supervisor)
{
    if (startup_is_waited_for(supervisor))
        return false;
    if (supervisor->options->ready == READY_NOTIFY)
        return supervisor->container_ready;
    if (supervisor->options->ready == READY_STARTED || !check_is_there(supervisor))
        return true;
    return check_status(supervisor) == HEALTH_HEALTHY;
}

static void report_ready(Supervisor *supervisor)
{
    if (is_ready(supervisor))
        supervisor_report(supervisor, EVENT_READY);
}

void ready_consider(Supervisor *supervisor)
{
    if (supervisor->state == STATE_SETTLING && !supervisor->waiting_before_notify)
        report_ready(supervisor);
}

static void act_on_unhealthy(Supervisor *supervisor)
{
    switch (supervisor->options->on_unhealthy) {
    case UNHEALTHY_TRIGGER:
        if (supervisor->announced)
            notify_watchdog_trigger();
        break;
    case UNHEALTHY_STOP:
        supervisor_fail(supervisor, EXIT_FAILURE, "container %s is unhealthy: stopping it",
                supervisor_container_name(supervisor));
        supervisor_report(supervisor, EVENT_UNHEALTHY);
        break;
    case UNHEALTHY_WATCHDOG:
    case UNHEALTHY_NONE:
        break;
    }
}

void ready_note_health(Supervisor *supervisor)
{
    HealthStatus status = check_status(supervisor);
    bool unhealthy = status == HEALTH_UNHEALTHY;
    char words[LAST_WORDS_SIZE];

    if (!is_up(supervisor))
        return;
    check_last_words(supervisor, words, sizeof(words));
    log_line(unhealthy ? LOG_WARNING : LOG_INFO, "container %s is %s%s%s",
            supervisor_container_name(supervisor), health_status_name(status),
            unhealthy && words[0] ? ": " : "", unhealthy ? words : "");
    ready_tell(supervisor);
    if (unhealthy)
        act_on_unhealthy(supervisor);
    else
        watchdog_ping(supervisor->watchdog);
    ready_consider(supervisor);
}

void ready_tell_failure(const Supervisor *supervisor)
{
    char words[LAST_WORDS_SIZE];

    if (supervisor->announced || !supervisor->placement_text || is_ready(supervisor))
        return;
    check_last_words(supervisor, words, sizeof(words));
    log_warning("container %s was not ready%s%s", supervisor_container_name(supervisor),
            words[0] ? "; its last probe: " : "", words);
    notify_status("Not ready: %s", words[0] ? words : phase_of(supervisor));
}

static void on_waited_before_notify(Supervisor *supervisor)
{
    supervisor->waiting_before_notify = false;
    report_ready(supervisor);
}

void ready_serve_watchdog(Supervisor *supervisor)
{
    int r;

    if (supervisor->options->watchdog == WATCHDOG_OFF)
        return;
    r = watchdog_start(supervisor->event, is_alive, supervisor, &supervisor->watchdog);
    if (r < 0)
        log_warning("cannot serve the unit's watchdog: %s", strerror(-r));
}

void action_settle(Supervisor *supervisor)
{
    uint64_t wait = supervisor->options->wait_before_notify_usec;
    uint64_t lived = now_usec() - supervisor->container.started_usec;

    check_start(supervisor);
    /* One that is adopted. */
    if (check_status(supervisor) == HEALTH_UNHEALTHY)
        act_on_unhealthy(supervisor);
    if (wait > lived) {
        ready_tell(supervisor);
        supervisor->waiting_before_notify = true;
        supervisor_pause(supervisor, wait - lived, on_waited_before_notify);
        return;
    }
    if (!is_ready(supervisor))
        ready_tell(supervisor);
    report_ready(supervisor);
}

void action_announce(Supervisor *supervisor)
{
    /* The container has a whole period for the first ping of its own. */
    watchdog_ping(supervisor->watchdog);
    supervisor->announced = true;
    ready_tell(supervisor);
    notify_ready(NULL);
    hear_announced(supervisor);
    /* Before, there was nothing for systemd to act on. */
    if (check_status(supervisor) == HEALTH_UNHEALTHY &&
            supervisor->options->on_unhealthy == UNHEALTHY_TRIGGER)
        notify_watchdog_trigger();
    /* Last: with NotifyAccess=main nothing that we say is heard after it. */
    if (supervisor->container.pid > 0 &&
            (supervisor->options->main_pid_is_container || supervisor->detached))
        notify_main_pid(supervisor->container.pid);
    if (supervisor->detached)
        supervisor_report(supervisor, EVENT_DETACHED);
}

void action_hand_over(Supervisor *supervisor)
{
    log_info("container %s runs on under PID %d, without a supervisor",
            supervisor_container_name(supervisor), (int)supervisor->container.pid);
    supervisor->end.handed_over = true;
    /* What is in flight is not ours any more. */
    check_stop(supervisor);
    if (supervisor->options->on_unhealthy == UNHEALTHY_STOP && check_is_there(supervisor))
        log_warning(
                "--on-unhealthy=stop: nobody stays to stop the container; the unit's WatchdogSec= "
                "can end it");
    if (detached_checks_start(supervisor) <= 0)
        (void)sd_event_exit(supervisor->event, 0);
}
