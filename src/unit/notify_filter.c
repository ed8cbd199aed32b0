/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/notify_filter.h"

#include <string.h>

#include "base/parse.h"
#include "base/text.h"

/* MAX_ERRNO of the kernel. */
#define ERRNO_MAX 4095

static const char *const letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

/* Each takes a value that may be changed in place; what is no value of its field is passed over. */

static void take_ready(NotifyMessage *message, char *value)
{
    if (strcmp(value, "1") == 0)
        message->phase = NOTIFY_PHASE_READY;
}

static void take_reloading(NotifyMessage *message, char *value)
{
    if (strcmp(value, "1") == 0)
        message->phase = NOTIFY_PHASE_RELOADING;
}

static void take_stopping(NotifyMessage *message, char *value)
{
    if (strcmp(value, "1") == 0)
        message->phase = NOTIFY_PHASE_STOPPING;
}

static void take_watchdog(NotifyMessage *message, char *value)
{
    if (message->ping != NOTIFY_PING_NONE)
        return;
    if (strcmp(value, "1") == 0)
        message->ping = NOTIFY_PING_ALIVE;
    else if (strcmp(value, "trigger") == 0)
        message->ping = NOTIFY_PING_TRIGGER;
}

static void take_status(NotifyMessage *message, char *value)
{
    if (message->has_status)
        return;
    text_make_printable(value);
    text_cut(value, NOTIFY_STATUS_MAX);
    (void)memcpy(message->status, value, strlen(value) + 1);
    message->has_status = true;
}

static void take_errno(NotifyMessage *message, char *value)
{
    uint64_t number;

    if (message->error == 0 && parse_unsigned(value, &number) >= 0 && number <= ERRNO_MAX)
        message->error = (unsigned)number;
}

/* "Error names" of the D-Bus specification: elements, none of them empty, with dots between. */
static bool is_bus_error(const char *name)
{
    size_t elements = 0;

    if (strlen(name) > NOTIFY_BUS_ERROR_MAX)
        return false;
    for (;;) {
        size_t size = strspn(name, letters);

        if (size == 0 || (name[0] >= '0' && name[0] <= '9'))
            return false;
        elements++;
        name += size;
        if (!*name)
            return elements > 1;
        if (*name++ != '.')
            return false;
    }
}

static void take_bus_error(NotifyMessage *message, char *value)
{
    if (!message->bus_error[0] && is_bus_error(value))
        (void)memcpy(message->bus_error, value, strlen(value) + 1);
}

/* Zero is no time that means something in either of the two. */
static void take_usec(uint64_t *field, const char *value)
{
    uint64_t usec;

    if (*field == 0 && parse_unsigned(value, &usec) >= 0 && usec != USEC_INFINITY)
        *field = usec;
}

static void take_monotonic(NotifyMessage *message, char *value)
{
    take_usec(&message->monotonic_usec, value);
}

static void take_extend_timeout(NotifyMessage *message, char *value)
{
    take_usec(&message->extend_timeout_usec, value);
}

static const struct {
    const char *name;
    void (*take)(NotifyMessage *message, char *value);
} fields[] = {
    { "READY=", take_ready },
    { "RELOADING=", take_reloading },
    { "STOPPING=", take_stopping },
    { "WATCHDOG=", take_watchdog },
    { "STATUS=", take_status },
    { "ERRNO=", take_errno },
    { "BUSERROR=", take_bus_error },
    { "MONOTONIC_USEC=", take_monotonic },
    { "EXTEND_TIMEOUT_USEC=", take_extend_timeout },
};

static void take_line(NotifyMessage *message, char *line)
{
    for (size_t i = 0; i < ELEMENTS(fields); i++) {
        size_t size = strlen(fields[i].name);

        if (strncmp(line, fields[i].name, size) == 0) {
            fields[i].take(message, line + size);
            return;
        }
    }
}

static bool says_something(const NotifyMessage *message)
{
    return message->phase != NOTIFY_PHASE_SAME || message->ping != NOTIFY_PING_NONE ||
            message->has_status || message->bus_error[0] || message->error != 0 ||
            message->monotonic_usec != 0 || message->extend_timeout_usec != 0;
}

bool notify_filter(const void *datagram, size_t size, NotifyMessage *ret)
{
    char text[NOTIFY_DATAGRAM_MAX + 1];
    char *rest = text, *line;

    *ret = (NotifyMessage){ 0 };
    if (size == 0 || size > NOTIFY_DATAGRAM_MAX)
        return false;
    (void)memcpy(text, datagram, size);
    text[size] = '\0';
    /* One NUL may end it; elsewhere it would hide what follows. */
    if (strlen(text) < size - 1)
        return false;

    /* A carriage return ends a line as well: systemd would see a field behind it. */
    while ((line = strsep(&rest, "\r\n"))) {
        /* Such a message says nothing else (sd_notify_barrier(3)), and systemd drops one that does.
         * The barrier itself is the descriptor that comes with it, see notify_proxy.c. */
        if (strcmp(line, "BARRIER=1") == 0) {
            *ret = (NotifyMessage){ 0 };
            return false;
        }
        take_line(ret, line);
    }
    return says_something(ret);
}

bool notify_message_merge(NotifyMessage *to, const NotifyMessage *next)
{
    if (to->phase != NOTIFY_PHASE_SAME && next->phase != NOTIFY_PHASE_SAME &&
            to->phase != next->phase)
        return false;

    if (next->phase != NOTIFY_PHASE_SAME)
        to->phase = next->phase;
    /* A trigger cannot be taken back. */
    if (next->ping > to->ping)
        to->ping = next->ping;
    if (next->has_status) {
        to->has_status = true;
        (void)memcpy(to->status, next->status, sizeof(to->status));
    }
    if (next->bus_error[0])
        (void)memcpy(to->bus_error, next->bus_error, sizeof(to->bus_error));
    if (next->error != 0)
        to->error = next->error;
    if (next->monotonic_usec != 0)
        to->monotonic_usec = next->monotonic_usec;
    if (next->extend_timeout_usec != 0)
        to->extend_timeout_usec = next->extend_timeout_usec;
    return true;
}
