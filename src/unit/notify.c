/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "base/text.h"
#include "unit/notify_filter.h"
#include "unit/notify_queue.h"

static void set_number(NotifyField field, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    notify_queue_set(field, text);
}

/* `text` may hold anything, and is made into what one line of a message can carry. */
static void set_status(char *text)
{
    text_make_printable(text);
    text_cut(text, NOTIFY_STATUS_MAX);
    if (!text_equal(text, notify_queue_newest(FIELD_STATUS)))
        notify_queue_set(FIELD_STATUS, text);
}

static _printf_(1, 0) void set_status_from(const char *format, va_list arguments)
{
    /* Longer than what is sent: a sequence that is cut here is none that is shown. */
    char text[NOTIFY_STATUS_MAX + 8];

    if (vsnprintf(text, sizeof(text), format, arguments) >= 0)
        set_status(text);
}

static _printf_(1, 2) void set_status_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_status_from(format, arguments);
    va_end(arguments);
}

/* For those that carry a status line or NULL. */
static void add_status(const char *status)
{
    if (status)
        set_status_line("%s", status);
}

void notify_ready(const char *status)
{
    notify_queue_set(FIELD_READY, "1");
    add_status(status);
    notify_queue_flush();
}

void notify_status(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_status_from(format, arguments);
    va_end(arguments);
    notify_queue_flush();
}

void notify_stopping(const char *status)
{
    notify_queue_set(FIELD_STOPPING, "1");
    add_status(status);
    notify_queue_flush();
}

void notify_watchdog(void)
{
    notify_queue_set(FIELD_WATCHDOG, "1");
    notify_queue_flush();
}

void notify_watchdog_trigger(void)
{
    notify_queue_set(FIELD_WATCHDOG, "trigger");
    notify_queue_flush();
}

void notify_extend_timeout(uint64_t usec)
{
    set_number(FIELD_EXTEND_TIMEOUT, usec);
    notify_queue_flush();
}

void notify_main_pid(pid_t pid)
{
    set_number(FIELD_MAIN_PID, (uint64_t)pid);
    notify_queue_flush();
}

void notify_exit(int exit_status, int error, const char *status)
{
    set_number(FIELD_EXIT_STATUS, (uint64_t)exit_status);
    if (error < 0)
        set_number(FIELD_ERRNO, (uint64_t)-error);
    add_status(status);
    notify_queue_flush();
}

void notify_forward(const NotifyMessage *message)
{
    static const NotifyField phases[] = {
        [NOTIFY_PHASE_READY] = FIELD_READY,
        [NOTIFY_PHASE_RELOADING] = FIELD_RELOADING,
        [NOTIFY_PHASE_STOPPING] = FIELD_STOPPING,
    };

    if (message->phase != NOTIFY_PHASE_SAME)
        notify_queue_set(phases[message->phase], "1");
    if (message->ping != NOTIFY_PING_NONE)
        notify_queue_set(FIELD_WATCHDOG, message->ping == NOTIFY_PING_TRIGGER ? "trigger" : "1");
    if (message->monotonic_usec != 0)
        set_number(FIELD_MONOTONIC, message->monotonic_usec);
    if (message->extend_timeout_usec != 0)
        set_number(FIELD_EXTEND_TIMEOUT, message->extend_timeout_usec);
    if (message->error != 0)
        set_number(FIELD_ERRNO, message->error);
    if (message->bus_error[0])
        notify_queue_set(FIELD_BUS_ERROR, message->bus_error);
    add_status(message->has_status ? message->status : NULL);
    notify_queue_flush();
}

int notify_watchdog_period(uint64_t *ret_usec)
{
    return sd_watchdog_enabled(false, ret_usec);
}
