/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "unit/notify.h"

/* Beyond what the next run takes in any case. */
#define EXTEND_SLACK_USEC (5 * USEC_PER_SEC)

static void again(Supervisor *supervisor)
{
    sd_event_source *timer = supervisor->startup.timer;
    uint64_t interval = supervisor->check.health.config.start_interval_usec;

    if (sd_event_source_set_time_relative(timer, interval) < 0 ||
            sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT) < 0)
        log_warning("cannot set a timer for the startup probe");
}

static void on_ended(
        CheckRunEnd how, uint64_t began, uint64_t ended, const ProbeEnd *end, void *userdata)
{
    Supervisor *supervisor = userdata;
    Startup *startup = &supervisor->startup;
    const HealthConfig *config = &supervisor->check.health.config;

    (void)began;
    (void)ended;
    startup->run = NULL;
    startup->passed = how == CHECK_RUN_TOLD && end->exit_code == 0;
    if (startup->passed) {
        log_info("container %s: its startup probe passed", supervisor_container_name(supervisor));
        ready_tell(supervisor);
        ready_consider(supervisor);
        return;
    }

    (void)snprintf(startup->output, sizeof(startup->output), "%s%.*s",
            how == CHECK_RUN_TIMED_OUT ? "no answer in time: " : "", (int)end->size, end->output);
    text_make_printable(startup->output);
    ready_tell(supervisor);
    if (now_usec() < supervisor->check.health.started + config->start_period_usec)
        notify_extend_timeout(
                config->timeout_usec + config->start_interval_usec + EXTEND_SLACK_USEC);
    again(supervisor);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    Supervisor *supervisor = userdata;
    Startup *startup = &supervisor->startup;
    int r;

    (void)source;
    (void)usec;
    r = check_run_now(supervisor, startup->probe, on_ended, &startup->run);
    if (r < 0) {
        log_warning("cannot run the startup probe: %s", strerror(-r));
        again(supervisor);
    }
    return 0;
}

void startup_start(Supervisor *supervisor)
{
    Startup *startup = &supervisor->startup;

    if (startup_is_waited_for(supervisor) && !startup->timer &&
            sd_event_add_time_relative(supervisor->event, &startup->timer, CLOCK_MONOTONIC, 0,
                    USEC_PER_MSEC, on_timer, supervisor) < 0)
        log_warning("cannot set a timer for the startup probe");
}

void startup_stop(Supervisor *supervisor)
{
    Startup *startup = &supervisor->startup;

    startup->run = check_run_cancel(startup->run);
    startup->timer = sd_event_source_disable_unref(startup->timer);
}

bool startup_is_waited_for(const Supervisor *supervisor)
{
    return supervisor->startup.probe && !supervisor->startup.passed;
}

void startup_last_words(const Supervisor *supervisor, char *ret, size_t size)
{
    if (startup_is_waited_for(supervisor))
        (void)snprintf(ret, size, "%s", supervisor->startup.output);
}
