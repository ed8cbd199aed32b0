/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/transient_timer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define SERVICE "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define INTERFACE "org.freedesktop.systemd1.Manager"

/* For all of it, with the end of what was left by an earlier run. */
#define DEADLINE_USEC (20 * USEC_PER_SEC)

typedef enum Part {
    PART_TIMER,
    PART_SERVICE,
    PART_END,
    PART_COUNT_,
} Part;

struct TransientTimer {
    sd_bus *bus;
    sd_event_source *deadline;
    const TransientTimerSettings *settings;
    char *names[PART_COUNT_];
    sd_bus_slot *attempt; /* a StartTransientUnit() without an answer */
    bool clearing;        /* an earlier one is being stopped */
    TransientTimerHandler handler;
    void *userdata;
};

static int attempt(TransientTimer *timer);

/* Last: the handler may free. */
static void finish(TransientTimer *timer, int r, const char *message)
{
    timer->deadline = sd_event_source_disable_unref(timer->deadline);
    timer->attempt = sd_bus_slot_unref(timer->attempt);
    timer->handler(r, message, timer->userdata);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source, (void)usec;
    finish(userdata, -ETIMEDOUT, NULL);
    return 0;
}

/* a(sv), one of them; `types` as in sd_bus_message_append(3). */
#define append(message, name, ...) sd_bus_message_append(message, "(sv)", name, __VA_ARGS__)

/* It comes and goes with the unit. */
static int append_bonds(sd_bus_message *message, const TransientTimer *timer, Part part)
{
    const char *unit = timer->settings->unit, *end = timer->names[PART_END];
    int r;

    r = append(message, "CollectMode", "s", "inactive-or-failed");
    /* Five starts in ten seconds are too many for systemd, not for an interval of a second. */
    if (r >= 0)
        r = append(message, "StartLimitIntervalUSec", "t", UINT64_C(0));
    if (r >= 0)
        r = append(message, "BindsTo", "as", 1, unit);
    /* That of the end must be there as soon as the unit is, for a stop that follows at once. */
    if (r < 0 || part == PART_END)
        return r;
    r = append(message, "Requires", "as", 1, end);
    if (r >= 0)
        r = append(message, "After", "as", 2, unit, end);
    return r;
}

static int append_timer(sd_bus_message *message, const TransientTimer *timer)
{
    const TransientTimerSettings *settings = timer->settings;
    int r;

    r = append_bonds(message, timer, PART_TIMER);
    if (r >= 0)
        r = append(message, "Description", "s", settings->description);
    for (size_t i = 0; r >= 0 && i < settings->first_size; i++)
        r = append(message, "TimersMonotonic", "a(st)", 1, "OnActiveSec", settings->first_usec[i]);
    if (r >= 0)
        r = append(message, "TimersMonotonic", "a(st)", 1, "OnUnitInactiveSec",
                settings->interval_usec);
    if (r >= 0)
        r = append(message, "AccuracyUSec", "t", settings->accuracy_usec);
    if (r >= 0)
        r = append(message, "RemainAfterElapse", "b", 0);
    return r;
}

/* (property, variant [(path, argv, false)]). ExecStartEx= could keep systemd from expanding "$",
 * but not survive a daemon-reload: systemd 252 writes it to the unit's file and cannot read it. */
static int append_command(sd_bus_message *message, const char *property, char *const *command)
{
    int r;

    r = sd_bus_message_open_container(message, 'r', "sv");
    if (r >= 0)
        r = sd_bus_message_append(message, "s", property);
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'v', "a(sasb)");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(sasb)");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'r', "sasb");
    if (r >= 0)
        r = sd_bus_message_append(message, "s", command[0]);
    if (r >= 0)
        r = sd_bus_message_append_strv(message, (char **)command);
    if (r >= 0)
        r = sd_bus_message_append(message, "b", 0);
    for (unsigned i = 0; r >= 0 && i < 4; i++)
        r = sd_bus_message_close_container(message);
    return r;
}

static int append_environment(sd_bus_message *message, char *const *environment)
{
    int r;

    if (!environment || !*environment)
        return 0;
    r = sd_bus_message_open_container(message, 'r', "sv");
    if (r >= 0)
        r = sd_bus_message_append(message, "s", "Environment");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'v', "as");
    if (r >= 0)
        r = sd_bus_message_append_strv(message, (char **)environment);
    for (unsigned i = 0; r >= 0 && i < 2; i++)
        r = sd_bus_message_close_container(message);
    return r;
}

static int append_service(sd_bus_message *message, const TransientTimer *timer)
{
    const TransientTimerSettings *settings = timer->settings;
    int r;

    r = append_bonds(message, timer, PART_SERVICE);
    if (r >= 0)
        r = append(message, "Description", "s", settings->description);
    if (r >= 0)
        r = append(message, "Type", "s", "oneshot");
    if (r >= 0)
        r = append_command(message, "ExecStart", settings->command);
    if (r >= 0)
        r = append_environment(message, settings->environment);
    if (r >= 0)
        r = append(message, "TimeoutStartUSec", "t", settings->timeout_usec);
    /* Unhealthy is a result, no failure of the service. */
    if (r >= 0)
        r = append(message, "SuccessExitStatus", "(aiai)", 1, 1, 0);
    if (r >= 0)
        r = append(message, "StandardOutput", "s", "null");
    /* Or "Starting", "Finished", "Deactivated" would fill the journal with each run. */
    if (r >= 0)
        r = append(message, "LogLevelMax", "i", LOG_NOTICE);
    return r;
}

/* Stopped along with the unit. Its runtime directory goes with it: systemd.exec(5). */
static int append_end(sd_bus_message *message, const TransientTimer *timer)
{
    const TransientTimerSettings *settings = timer->settings;
    int r;

    r = append_bonds(message, timer, PART_END);
    if (r >= 0)
        r = append(message, "Description", "s", settings->description);
    if (r >= 0)
        r = append(message, "Type", "s", "oneshot");
    if (r >= 0)
        r = append(message, "RemainAfterExit", "b", 1);
    if (r >= 0)
        r = append_command(message, "ExecStop", settings->end_command);
    if (r >= 0)
        r = append(message, "RuntimeDirectory", "as", 1, settings->runtime_directory);
    if (r >= 0)
        r = append(message, "RuntimeDirectoryMode", "u", 0700);
    if (r >= 0)
        r = append(message, "LogLevelMax", "i", LOG_NOTICE);
    return r;
}

static int append_auxiliary(sd_bus_message *message, const TransientTimer *timer, Part part,
        int (*append_properties)(sd_bus_message *message, const TransientTimer *timer))
{
    int r;

    r = sd_bus_message_open_container(message, 'r', "sa(sv)");
    if (r >= 0)
        r = sd_bus_message_append(message, "s", timer->names[part]);
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(sv)");
    if (r >= 0)
        r = append_properties(message, timer);
    for (unsigned i = 0; r >= 0 && i < 2; i++)
        r = sd_bus_message_close_container(message);
    return r;
}

static int append_others(sd_bus_message *message, const TransientTimer *timer)
{
    int r;

    r = append_auxiliary(message, timer, PART_SERVICE, append_service);
    return r < 0 ? r : append_auxiliary(message, timer, PART_END, append_end);
}

static int new_request(const TransientTimer *timer, sd_bus_message **ret)
{
    bool is_timer = timer->settings->command;
    sd_bus_message *message = NULL;
    int r;

    r = sd_bus_message_new_method_call(
            timer->bus, &message, SERVICE, OBJECT, INTERFACE, "StartTransientUnit");
    /* "fail": a stop of the unit that came meanwhile is not undone. */
    if (r >= 0)
        r = sd_bus_message_append(
                message, "ss", timer->names[is_timer ? PART_TIMER : PART_END], "fail");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(sv)");
    if (r >= 0)
        r = is_timer ? append_timer(message, timer) : append_end(message, timer);
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(sa(sv))");
    if (r >= 0 && is_timer)
        r = append_others(message, timer);
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    if (r < 0)
        message = sd_bus_message_unref(message);
    *ret = message;
    return r;
}

static int on_ignored(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    (void)message, (void)userdata, (void)error;
    return 0;
}

/* Something went away: perhaps the last of what was in our way. */
static int on_unit_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    TransientTimer *timer = userdata;
    const char *unit = "";
    bool ours = false;
    int r;

    (void)error;
    (void)sd_bus_message_read(message, "so", &unit, NULL);
    for (Part part = 0; part < PART_COUNT_; part++)
        ours = ours || text_equal(unit, timer->names[part]);
    if (!ours || timer->attempt)
        return 0;
    r = attempt(timer);
    if (r < 0)
        finish(timer, r, NULL);
    return 0;
}

/* The answers tell nothing that the next attempt does not: units that are not there are the aim. */
static int stop_old(TransientTimer *timer)
{
    int r = 0;

    for (Part part = 0; r >= 0 && part < PART_COUNT_; part++) {
        r = sd_bus_call_method_async(timer->bus, NULL, SERVICE, OBJECT, INTERFACE, "StopUnit",
                on_ignored, timer, "ss", timer->names[part], "replace");
        if (r >= 0)
            r = sd_bus_call_method_async(timer->bus, NULL, SERVICE, OBJECT, INTERFACE,
                    "ResetFailedUnit", on_ignored, timer, "s", timer->names[part]);
    }
    return r;
}

/* Stops what an earlier one left; UnitRemoved tells when systemd has forgotten it. */
static int clear(TransientTimer *timer)
{
    int r;

    if (timer->clearing)
        return 0;
    timer->clearing = true;
    r = sd_bus_match_signal_async(timer->bus, NULL, SERVICE, OBJECT, INTERFACE, "UnitRemoved",
            on_unit_removed, on_ignored, timer);
    if (r >= 0)
        r = sd_bus_call_method_async(
                timer->bus, NULL, SERVICE, OBJECT, INTERFACE, "Subscribe", on_ignored, timer, "");
    if (r >= 0)
        r = stop_old(timer);
    /* They may have gone before anybody listened. */
    return r < 0 ? r : attempt(timer);
}

static int on_started(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
    TransientTimer *timer = userdata;
    const sd_bus_error *error = sd_bus_message_get_error(message);
    int r = 0;

    (void)ret_error;
    timer->attempt = sd_bus_slot_unref(timer->attempt);
    if (!error) {
        finish(timer, 0, NULL);
        return 0;
    }
    if (sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitExists"))
        r = clear(timer);
    else
        r = -sd_bus_error_get_errno(error);
    if (r < 0)
        finish(timer, r, error->message);
    return 0;
}

static int attempt(TransientTimer *timer)
{
    sd_bus_message *message;
    int r;

    r = new_request(timer, &message);
    if (r < 0)
        return r;
    r = sd_bus_call_async(timer->bus, &timer->attempt, message, on_started, timer, DEADLINE_USEC);
    (void)sd_bus_message_unref(message);
    return r;
}

int transient_timer_start(sd_event *event, const TransientTimerSettings *settings,
        TransientTimerHandler handler, void *userdata, TransientTimer **ret)
{
    static const char *const endings[PART_COUNT_] = {
        [PART_TIMER] = ".timer",
        [PART_SERVICE] = ".service",
        [PART_END] = ":end.service",
    };
    _cleanup_(transient_timer_free_p) TransientTimer *timer = calloc(1, sizeof(*timer));
    int r;

    if (!timer)
        return -ENOMEM;
    timer->settings = settings;
    timer->handler = handler;
    timer->userdata = userdata;
    for (Part part = 0; part < PART_COUNT_; part++) {
        timer->names[part] = text_format("%s%s", settings->name, endings[part]);
        if (!timer->names[part])
            return -ENOMEM;
    }

    r = geteuid() == 0 ? sd_bus_open_system(&timer->bus) : sd_bus_open_user(&timer->bus);
    if (r >= 0)
        r = sd_bus_attach_event(timer->bus, event, SD_EVENT_PRIORITY_NORMAL);
    if (r >= 0)
        r = sd_event_add_time_relative(
                event, &timer->deadline, CLOCK_MONOTONIC, DEADLINE_USEC, 0, on_deadline, timer);
    if (r >= 0)
        r = attempt(timer);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(timer);
    return 0;
}

TransientTimer *transient_timer_free(TransientTimer *timer)
{
    if (!timer)
        return NULL;
    (void)sd_event_source_disable_unref(timer->deadline);
    (void)sd_bus_slot_unref(timer->attempt);
    if (timer->bus) {
        /* Detached, it calls nobody any more. */
        (void)sd_bus_detach_event(timer->bus);
        (void)sd_bus_close_unref(timer->bus);
    }
    for (Part part = 0; part < PART_COUNT_; part++)
        free(timer->names[part]);
    free(timer);
    return NULL;
}
