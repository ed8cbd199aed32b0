/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

int parse_boolean(const char *text, bool *ret)
{
    static const char *const yes[] = { "1", "yes", "y", "true", "t", "on" };
    static const char *const no[] = { "0", "no", "n", "false", "f", "off" };

    if (is_one_of(text, yes, ELEMENTS(yes)))
        *ret = true;
    else if (is_one_of(text, no, ELEMENTS(no)))
        *ret = false;
    else
        return -EINVAL;
    return 0;
}

int parse_unsigned(const char *text, uint64_t *ret)
{
    char *end;
    unsigned long long value;

    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (*end)
        return -EINVAL;
    if (errno == ERANGE)
        return -ERANGE;
    *ret = value;
    return 0;
}

int parse_integer(const char *text, int64_t *ret)
{
    const char *digits = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    uint64_t magnitude;
    int r;

    r = parse_unsigned(digits, &magnitude);
    if (r < 0)
        return r;
    if (text[0] == '-') {
        if (magnitude > (uint64_t)INT64_MAX + 1)
            return -ERANGE;
        *ret = (int64_t)(0 - magnitude);
    } else {
        if (magnitude > INT64_MAX)
            return -ERANGE;
        *ret = (int64_t)magnitude;
    }
    return 0;
}

/* systemd.time(7), "Parsing time spans"; "µ" in both its Unicode spellings. */
static const struct {
    const char *name;
    double usec;
} span_units[] = {
    { "usec", 1 },
    { "us", 1 },
    { "\xc2\xb5s", 1 },
    { "\xce\xbcs", 1 },
    { "nsec", 0.001 },
    { "ns", 0.001 },
    { "msec", 1e3 },
    { "ms", 1e3 },
    { "seconds", 1e6 },
    { "second", 1e6 },
    { "sec", 1e6 },
    { "s", 1e6 },
    { "minutes", 60e6 },
    { "minute", 60e6 },
    { "min", 60e6 },
    { "months", 2629800e6 },
    { "month", 2629800e6 },
    { "M", 2629800e6 },
    { "m", 60e6 },
    { "hours", 3600e6 },
    { "hour", 3600e6 },
    { "hr", 3600e6 },
    { "h", 3600e6 },
    { "days", 86400e6 },
    { "day", 86400e6 },
    { "d", 86400e6 },
    { "weeks", 604800e6 },
    { "week", 604800e6 },
    { "w", 604800e6 },
    { "years", 31557600e6 },
    { "year", 31557600e6 },
    { "y", 31557600e6 },
};

/* Finds the unit at *text and steps over it. 0 where there is none. */
static double take_span_unit(const char **text)
{
    size_t size = 0;

    while (isalpha((unsigned char)(*text)[size]) || (unsigned char)(*text)[size] >= 0x80)
        size++;
    for (size_t i = 0; i < ELEMENTS(span_units); i++)
        if (strlen(span_units[i].name) == size && memcmp(span_units[i].name, *text, size) == 0) {
            *text += size;
            return span_units[i].usec;
        }
    return 0;
}

int parse_span(const char *text, uint64_t *ret_usec)
{
    double total = 0;
    bool any = false;

    text += strspn(text, " \t");
    if (strcmp(text, "infinity") == 0) {
        *ret_usec = USEC_INFINITY;
        return 0;
    }

    while (*text) {
        double value, unit;
        char *end;

        /* strtod() alone would take "inf", "0x10", "1e3" and a sign. */
        if (!isdigit((unsigned char)*text) && *text != '.')
            return -EINVAL;
        value = strtod(text, &end);
        if (end == text || (size_t)(end - text) != strspn(text, "0123456789."))
            return -EINVAL;
        text = end + strspn(end, " \t");

        if (!*text || isdigit((unsigned char)*text))
            unit = 1e6;
        else
            unit = take_span_unit(&text);
        if (unit == 0)
            return -EINVAL;
        total += value * unit;
        any = true;
        text += strspn(text, " \t");
    }

    if (!any)
        return -EINVAL;
    if (total >= 1.8e19)
        return -ERANGE;
    *ret_usec = (uint64_t)(total + 0.5);
    return 0;
}

/* What stands behind RTMIN and RTMAX: nothing, or `sign` and a number. */
static int parse_distance(const char *text, char sign, int from, int *ret)
{
    uint64_t number = 0;

    if (*text && (*text != sign || parse_unsigned(text + 1, &number) < 0))
        return -EINVAL;
    if (number > (uint64_t)(SIGRTMAX - SIGRTMIN))
        return -EINVAL;
    *ret = sign == '-' ? from - (int)number : from + (int)number;
    return 0;
}

int parse_signal(const char *text, int *ret)
{
    uint64_t number;

    if (parse_unsigned(text, &number) == 0) {
        if (number < 1 || number > (uint64_t)SIGRTMAX)
            return -EINVAL;
        *ret = (int)number;
        return 0;
    }

    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    if (strncasecmp(text, "RTMIN", 5) == 0)
        return parse_distance(text + 5, '+', SIGRTMIN, ret);
    if (strncasecmp(text, "RTMAX", 5) == 0)
        return parse_distance(text + 5, '-', SIGRTMAX, ret);
    for (int i = 1; i < SIGRTMIN; i++) {
        const char *name = sigabbrev_np(i);

        if (name && strcasecmp(name, text) == 0) {
            *ret = i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *format_signal(int signal_number)
{
    static char buffer[32];
    const char *name = sigabbrev_np(signal_number);

    if (name)
        (void)snprintf(buffer, sizeof(buffer), "SIG%s", name);
    else
        (void)snprintf(buffer, sizeof(buffer), "signal %d", signal_number);
    return buffer;
}

const char *format_span(uint64_t usec)
{
    static char buffer[64];
    uint64_t seconds = usec / USEC_PER_SEC;

    if (usec == USEC_INFINITY)
        (void)snprintf(buffer, sizeof(buffer), "infinity");
    else if (usec < USEC_PER_SEC)
        (void)snprintf(
                buffer, sizeof(buffer), "%llums", (unsigned long long)(usec / USEC_PER_MSEC));
    else if (seconds < 60)
        (void)snprintf(buffer, sizeof(buffer), "%gs", (double)(usec / USEC_PER_MSEC) / 1000);
    else if (seconds < 3600)
        (void)snprintf(buffer, sizeof(buffer), "%llumin %llus", (unsigned long long)seconds / 60,
                (unsigned long long)seconds % 60);
    else
        (void)snprintf(buffer, sizeof(buffer), "%lluh %llumin", (unsigned long long)seconds / 3600,
                (unsigned long long)seconds / 60 % 60);
    return buffer;
}
