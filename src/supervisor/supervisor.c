/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "supervisor/create_request.h"
#include "supervisor/detached.h"
#include "supervisor/supervision.h"
#include "unit/notify.h"

/* KillSignal= of units of docker run, which passes it on: the container has a stop signal of its
 * own. */
static const int stop_signals[] = { SIGTERM, SIGINT, SIGQUIT };

/* Signals that docker run would pass on and that mean something to services; SIGHUP is a reload;
 * the rest of them mean to systemd-ctr what they mean to any process. */
static const int forwarded_signals[] = { SIGUSR1, SIGUSR2, SIGWINCH };

/* Indexed by bit, as the Actions are. */
static void (*const actions[ACTION_COUNT_])(Supervisor *supervisor) = {
    [1] = action_look,
    [2] = action_clear,
    [3] = action_pull,
    [4] = action_create,
    [5] = action_subscribe,
    [6] = action_start,
    [7] = action_place,
    [8] = action_settle,
    [9] = action_announce,
    [10] = action_stop,
    [11] = action_signal,
    [12] = action_kill,
    [13] = action_reap,
    [14] = action_leave,
    [15] = action_discard,
    [16] = action_hand_over,
    [17] = action_end,
};

const char *supervisor_container_name(const Supervisor *supervisor)
{
    if (supervisor->container.name)
        return supervisor->container.name;
    return supervisor->container.id ? supervisor->container.id : "(unnamed)";
}

void supervisor_fail(Supervisor *supervisor, int exit_code, const char *format, ...)
{
    char message[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);

    log_error("%s", message);
    if (supervisor->end.failure != 0)
        return;
    supervisor->end.failure = exit_code;
    notify_status("%s", message);
}

/* How long a state may last before something else must be tried. The states that are missing
 * here last as long as they do: systemd's own TimeoutStartSec= bounds the start as a whole. */
static uint64_t deadline_of(const Supervisor *supervisor, State state)
{
    uint64_t grace = supervisor->container.stop_timeout_usec;

    switch (state) {
    case STATE_CONNECTING:
        /* 0: tried once. */
        return supervisor->options->engine_wait_usec != 0 ? supervisor->options->engine_wait_usec
                                                          : PING_TIMEOUT_USEC;
    case STATE_LOOKING:
        return 60 * USEC_PER_SEC;
    case STATE_CLEARING:
        return grace == USEC_INFINITY ? USEC_INFINITY : grace + 60 * USEC_PER_SEC;
    case STATE_SUBSCRIBING:
    case STATE_ADOPTING:
    case STATE_PLACING:
        return 30 * USEC_PER_SEC;
    case STATE_CANCELLING:
    case STATE_HALTING:
        return 20 * USEC_PER_SEC;
    case STATE_STOPPING:
        /* The engine kills by itself when the grace is over; it is given a little longer. */
        return grace == USEC_INFINITY ? USEC_INFINITY : grace + 5 * USEC_PER_SEC;
    case STATE_REAPING:
        return 15 * USEC_PER_SEC;
    case STATE_KILLING:
    case STATE_LEAVING:
    case STATE_DISCARDING:
        return 10 * USEC_PER_SEC;
    default:
        return USEC_INFINITY;
    }
}

static void note_timeout(Supervisor *supervisor, State state)
{
    uint64_t wait = supervisor->options->engine_wait_usec;

    if (state == STATE_CONNECTING)
        supervisor_fail(supervisor, EXIT_UNAVAILABLE,
                "the engine at %s did not answer%s%s (%s); is docker.service running?",
                engine_host(supervisor->engine), wait > 0 ? " within " : "",
                wait > 0 ? format_span(wait) : "",
                supervisor->engine_trouble ? supervisor->engine_trouble : "no answer");
    else
        supervisor_fail(supervisor, EXIT_ENGINE, "container %s: no end of %s within %s",
                supervisor_container_name(supervisor), life_cycle_state_name(state),
                format_span(deadline_of(supervisor, state)));
}

/* A deadline that passed while another event waited was that of the state before. */
static void forget_timeouts(Supervisor *supervisor)
{
    size_t kept = 0;

    for (size_t i = 0; i < supervisor->reports_size; i++)
        if (supervisor->reports[i] != EVENT_TIMED_OUT)
            supervisor->reports[kept++] = supervisor->reports[i];
    supervisor->reports_size = kept;
}

static void carry_out(Supervisor *supervisor, State from, Event event, Transition transition)
{
    log_debug("%s: %s -> %s", life_cycle_state_name(from), life_cycle_event_name(event),
            life_cycle_state_name(transition.state));

    supervisor->state = transition.state;
    if (transition.state != from) {
        forget_timeouts(supervisor);
        supervisor_set_deadline(supervisor, deadline_of(supervisor, transition.state));
    }

    if (transition.actions & ACTION_NOTE_TIMEOUT)
        note_timeout(supervisor, from);
    for (size_t i = 1; i < ACTION_COUNT_; i++)
        if (transition.actions & (1U << i))
            actions[i](supervisor);
}

static int on_report(sd_event_source *source, void *userdata)
{
    Supervisor *supervisor = userdata;

    (void)source;
    while (supervisor->reports_size > 0) {
        Event event = supervisor->reports[0];
        State from = supervisor->state;

        supervisor->reports_size--;
        memmove(supervisor->reports, supervisor->reports + 1,
                supervisor->reports_size * sizeof(supervisor->reports[0]));
        carry_out(supervisor, from, event, life_cycle_next(from, event));
    }
    return 0;
}

/* Always from the loop, never from inside the call that reports: so whoever reports may still use
 * what the action releases. */
void supervisor_report(Supervisor *supervisor, Event event)
{
    if (supervisor->reports_size == REPORTS_MAX) {
        log_warning("too many events at once, %s is dropped", life_cycle_event_name(event));
        return;
    }
    supervisor->reports[supervisor->reports_size++] = event;
    (void)sd_event_source_set_enabled(supervisor->reporting, SD_EVENT_ONESHOT);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    supervisor_report(userdata, EVENT_TIMED_OUT);
    return 0;
}

/* One-shot timers that are made at their first use. */
static int set_timer(Supervisor *supervisor, sd_event_source **timer, uint64_t usec,
        sd_event_time_handler_t handler)
{
    int r;

    if (!*timer)
        /* An accuracy of 1 us keeps the loop from rounding short waits up to 250 ms. */
        return sd_event_add_time_relative(
                supervisor->event, timer, CLOCK_MONOTONIC, usec, 1, handler, supervisor);
    r = sd_event_source_set_time_relative(*timer, usec);
    if (r < 0)
        return r;
    return sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
}

void supervisor_set_deadline(Supervisor *supervisor, uint64_t usec)
{
    if (usec == USEC_INFINITY)
        supervisor->deadline = sd_event_source_disable_unref(supervisor->deadline);
    else if (set_timer(supervisor, &supervisor->deadline, usec, on_deadline) < 0)
        log_warning(
                "cannot set a timer for the state %s", life_cycle_state_name(supervisor->state));
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
    Supervisor *supervisor = userdata;

    (void)source;
    (void)usec;
    supervisor->after_pause(supervisor);
    return 0;
}

void supervisor_pause(Supervisor *supervisor, uint64_t usec, void (*then)(Supervisor *supervisor))
{
    supervisor->after_pause = then;
    if (set_timer(supervisor, &supervisor->pause, usec, on_pause_over) < 0)
        log_warning(
                "cannot set a timer for the state %s", life_cycle_state_name(supervisor->state));
}

static int on_stop_signal(
        sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    Supervisor *supervisor = userdata;

    (void)source;
    log_debug("got %s", format_signal((int)info->ssi_signo));
    supervisor->end.stop_asked = true;
    supervisor_report(supervisor, EVENT_STOP_ASKED);
    return 0;
}

/* The unit's watchdog, for want of our pings; so WatchdogSignal= has to be SIGABRT, its default.
 * The container has its stop signal and its time, as when it is asked to stop: what does not answer
 * a probe may have data to write. systemd gives us TimeoutAbortSec=, as long as TimeoutStopSec=. */
static int on_watchdog_signal(
        sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    Supervisor *supervisor = userdata;

    (void)source;
    (void)info;
    supervisor_fail(supervisor, EXIT_FAILURE,
            "the watchdog of the unit ends it: stopping container %s",
            supervisor_container_name(supervisor));
    supervisor_report(supervisor, EVENT_STOP_ASKED);
    return 0;
}

static int on_forwarded_signal(
        sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    Supervisor *supervisor = userdata;
    const char *name = format_signal((int)info->ssi_signo);

    (void)source;
    /* A window was resized: httpd would take it for an order to end. */
    if (info->ssi_signo == SIGWINCH && info->ssi_code == SI_KERNEL)
        return 0;
    if (supervisor->state != STATE_SETTLING && supervisor->state != STATE_RUNNING) {
        log_warning("%s comes while the container is %s: it is not passed on", name,
                life_cycle_state_name(supervisor->state));
        return 0;
    }
    if (info->ssi_signo == SIGHUP) {
        reload(supervisor);
        return 0;
    }
    log_info("passing %s on to container %s", name, supervisor_container_name(supervisor));
    (void)engine_kill(supervisor->engine, supervisor->container.id, name, action_ignore_reply,
            supervisor, NULL);
    return 0;
}

static int watch_signals(Supervisor *supervisor)
{
    sigset_t signals;
    int r;

    (void)sigemptyset(&signals);
    for (size_t i = 0; i < ELEMENTS(stop_signals); i++)
        (void)sigaddset(&signals, stop_signals[i]);
    (void)sigaddset(&signals, SIGABRT);
    (void)sigaddset(&signals, SIGHUP);
    for (size_t i = 0; i < ELEMENTS(forwarded_signals); i++)
        (void)sigaddset(&signals, forwarded_signals[i]);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        return -errno;
    (void)signal(SIGPIPE, SIG_IGN);

    r = sd_event_add_signal(supervisor->event, NULL, SIGABRT, on_watchdog_signal, supervisor);
    for (size_t i = 0; r >= 0 && i < ELEMENTS(stop_signals); i++)
        r = sd_event_add_signal(
                supervisor->event, NULL, stop_signals[i], on_stop_signal, supervisor);
    if (r >= 0)
        r = sd_event_add_signal(supervisor->event, NULL, SIGHUP, on_forwarded_signal, supervisor);
    for (size_t i = 0; r >= 0 && i < ELEMENTS(forwarded_signals); i++)
        r = sd_event_add_signal(
                supervisor->event, NULL, forwarded_signals[i], on_forwarded_signal, supervisor);
    return r;
}

static int prepare(Supervisor *supervisor)
{
    _cleanup_free_ char *message = NULL;
    int r;

    r = sd_event_new(&supervisor->event);
    if (r >= 0)
        r = sd_event_add_defer(supervisor->event, &supervisor->reporting, on_report, supervisor);
    if (r >= 0)
        r = sd_event_source_set_enabled(supervisor->reporting, SD_EVENT_OFF);
    if (r >= 0)
        r = watch_signals(supervisor);
    if (r < 0) {
        supervisor_fail(supervisor, EXIT_ENGINE, "cannot set up the event loop: %s", strerror(-r));
        return r;
    }

    notify_attach(supervisor->event);
    ready_serve_watchdog(supervisor);
    r = mode_find_place(supervisor);
    if (r < 0)
        return r;

    r = create_request_complete(supervisor->request, supervisor->options,
            supervisor->has_layout ? supervisor->layout.unit_name : NULL, &message);
    if (r < 0) {
        supervisor_fail(supervisor, r == -EINVAL ? EXIT_USAGE : EXIT_ENGINE, "%s",
                message ? message : strerror(-r));
        return r;
    }
    if (message)
        log_warning("%s", message);
    (void)text_replace(&message, NULL);
    r = check_parse(supervisor, &message);
    if (r >= 0)
        r = text_replace(&supervisor->container.name, supervisor->request->name);
    if (r < 0)
        return r;

    r = engine_new(supervisor->event, supervisor->options->host, &supervisor->engine, &message);
    if (r < 0)
        supervisor_fail(supervisor, EXIT_USAGE, "%s", message ? message : strerror(-r));
    return r;
}

static void release(Supervisor *supervisor)
{
    claim_release(supervisor);
    hear_close(supervisor);
    publish_close(supervisor);
    (void)subscription_free(supervisor->subscription);
    (void)placement_free(supervisor->placement);
    (void)watchdog_free(supervisor->watchdog);
    (void)oom_watch_free(supervisor->oom);
    (void)output_free(supervisor->output);
    check_release(supervisor);
    (void)engine_free(supervisor->engine);
    (void)detached_checks_free(supervisor->detached_checks);
    mode_end_birth(supervisor);
    (void)sd_event_source_disable_unref(supervisor->deadline);
    (void)sd_event_source_disable_unref(supervisor->pause);
    (void)sd_event_source_disable_unref(supervisor->process);
    (void)sd_event_source_disable_unref(supervisor->reporting);
    notify_close();
    (void)sd_event_unref(supervisor->event);
    close_p(&supervisor->container.pidfd);
    close_p(&supervisor->unit_lock);
    cgroup_layout_clear(&supervisor->layout);
    free(supervisor->container.name);
    free(supervisor->container.id);
    free(supervisor->engine_trouble);
    free(supervisor->placement_text);
    free(supervisor->container_status);
    free(supervisor->oom_cause);
}

int supervisor_run(const Options *options, RunRequest *request)
{
    Supervisor supervisor = {
        .options = options,
        .request = request,
        .container.pidfd = -1,
        .container.stop_signal = SIGTERM,
        .unit_lock = -1,
        .container.stop_timeout_usec = 10 * USEC_PER_SEC,
        /* Who is to be heard needs somebody who listens. */
        .detached =
                options->logs == LOGS_NONE && request->remove == REMOVE_NEVER && !options->notify,
        /* Without an attached output there is none to wait for at the end. */
        .output_ended = options->logs != LOGS_ATTACH,
    };
    int r;

    r = prepare(&supervisor);
    if (r >= 0) {
        start_connect(&supervisor);
        supervisor_set_deadline(&supervisor, deadline_of(&supervisor, STATE_CONNECTING));
        r = sd_event_loop(supervisor.event);
    }
    if (r < 0 && supervisor.end.failure == 0)
        supervisor_fail(&supervisor, EXIT_ENGINE, "the event loop failed: %s", strerror(-r));

    supervisor.end.stop_signal = supervisor.container.stop_signal;
    r = exit_status_of(&supervisor.end);
    stop_say_goodbye(&supervisor, r);
    release(&supervisor);
    return r;
}
