/* SPDX-License-Identifier: Apache-2.0 */
#include "health/go_time.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/* 9999-12-31T23:59:59.999999Z */
#define LAST_USEC (253402300800ULL * USEC_PER_SEC - 1)

/* Exactly `digits` digits. */
static bool take_number(const char **text, int digits, int *ret)
{
    int number = 0;

    for (int i = 0; i < digits; i++, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return false;
        number = number * 10 + (**text - '0');
    }
    *ret = number;
    return true;
}

static bool take(const char **text, char expected)
{
    if (**text != expected)
        return false;
    (*text)++;
    return true;
}

static bool take_date(const char **text, struct tm *ret)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day;
    bool leap;

    if (!take_number(text, 4, &year) || !take(text, '-') || !take_number(text, 2, &month) ||
            !take(text, '-') || !take_number(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1)
        return false;
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > days[month - 1] + (month == 2 && leap))
        return false;

    ret->tm_year = year - 1900;
    ret->tm_mon = month - 1;
    ret->tm_mday = day;
    return true;
}

/* Go has no leap seconds: 60 is refused as Go does. */
static bool take_clock(const char **text, struct tm *ret)
{
    return take_number(text, 2, &ret->tm_hour) && ret->tm_hour < 24 && take(text, ':') &&
            take_number(text, 2, &ret->tm_min) && ret->tm_min < 60 && take(text, ':') &&
            take_number(text, 2, &ret->tm_sec) && ret->tm_sec < 60;
}

static bool take_fraction(const char **text, int64_t *ret_usec)
{
    int64_t unit = (int64_t)USEC_PER_SEC / 10;

    *ret_usec = 0;
    if (!take(text, '.'))
        return true;
    if (!isdigit((unsigned char)**text))
        return false;
    for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
        *ret_usec += (**text - '0') * unit;
    return true;
}

/* Seconds east of UTC. */
static bool take_offset(const char **text, int *ret)
{
    bool west = **text == '-';
    int hours, minutes;

    *ret = 0;
    if (take(text, 'Z'))
        return true;
    if (!take(text, '+') && !take(text, '-'))
        return false;
    if (!take_number(text, 2, &hours) || hours > 23 || !take(text, ':') ||
            !take_number(text, 2, &minutes) || minutes > 59)
        return false;
    *ret = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
    return true;
}

int go_time_parse(const char *text, uint64_t *ret_usec)
{
    struct tm tm = { 0 };
    int64_t fraction, seconds;
    int offset;

    if (!take_date(&text, &tm) || !take(&text, 'T') || !take_clock(&text, &tm) ||
            !take_fraction(&text, &fraction) || !take_offset(&text, &offset) || *text)
        return -EINVAL;

    seconds = (int64_t)timegm(&tm) - offset;
    if (seconds < 0)
        return -ERANGE;
    *ret_usec = (uint64_t)(seconds * (int64_t)USEC_PER_SEC + fraction);
    return 0;
}

/* ".25" of 250 thousandths, "" of 0; `digits` is what a whole fraction has. */
static void format_fraction(uint64_t fraction, int digits, char ret[8])
{
    size_t size;

    (void)snprintf(ret, 8, ".%0*u", digits, (unsigned)fraction);
    size = strlen(ret);
    while (size > 0 && ret[size - 1] == '0')
        size--;
    if (size == 1)
        size = 0;
    ret[size] = '\0';
}

void go_time_format(uint64_t usec, char ret[GO_TIME_SIZE])
{
    char fraction[8], clock[24];
    struct tm tm;
    time_t seconds;

    if (usec > LAST_USEC)
        usec = LAST_USEC;
    seconds = (time_t)(usec / USEC_PER_SEC);
    (void)gmtime_r(&seconds, &tm);
    (void)strftime(clock, sizeof(clock), "%Y-%m-%dT%H:%M:%S", &tm);
    format_fraction(usec % USEC_PER_SEC, 6, fraction);
    (void)snprintf(ret, GO_TIME_SIZE, "%s%sZ", clock, fraction);
}

void go_duration_format(uint64_t usec, char ret[GO_TIME_SIZE])
{
    unsigned long long seconds = usec / USEC_PER_SEC;
    char fraction[8];

    if (usec > 0 && usec < USEC_PER_MSEC) {
        (void)snprintf(ret, GO_TIME_SIZE, "%uµs", (unsigned)usec);
        return;
    }
    if (usec > 0 && usec < USEC_PER_SEC) {
        format_fraction(usec % USEC_PER_MSEC, 3, fraction);
        (void)snprintf(ret, GO_TIME_SIZE, "%u%sms", (unsigned)(usec / USEC_PER_MSEC), fraction);
        return;
    }

    format_fraction(usec % USEC_PER_SEC, 6, fraction);
    if (seconds < 60)
        (void)snprintf(ret, GO_TIME_SIZE, "%llu%ss", seconds, fraction);
    else if (seconds < 3600)
        (void)snprintf(ret, GO_TIME_SIZE, "%llum%llu%ss", seconds / 60, seconds % 60, fraction);
    else
        (void)snprintf(ret, GO_TIME_SIZE, "%lluh%llum%llu%ss", seconds / 3600, seconds / 60 % 60,
                seconds % 60, fraction);
}
