/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docker_values.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define CPU_DIGITS 9
/* Of characters: more than any double has of digits. */
#define NUMBER_MAX 64

int docker_value_boolean(const char *text, bool *ret)
{
    static const char *const words[] = { "1", "t", "T", "true", "True", "TRUE", "0", "f", "F",
        "false", "False", "FALSE" };

    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (strcmp(words[i], text) == 0) {
            *ret = i < ELEMENTS(words) / 2;
            return 0;
        }
    return -EINVAL;
}

int docker_value_integer(const char *text, int64_t *ret)
{
    const char *digits = text + (*text == '-' || *text == '+');
    int base = 10;
    long long value;
    char *end;

    if (digits[0] == '0' && digits[1]) {
        const char *prefixed = strchr("xXoObB", digits[1]);

        base = !prefixed ? 8 : tolower(digits[1]) == 'x' ? 16 : tolower(digits[1]) == 'o' ? 8 : 2;
        digits += prefixed ? 2 : 1;
    }
    if (!isxdigit((unsigned char)*digits) || (base == 16 && tolower(digits[1]) == 'x'))
        return -EINVAL;

    errno = 0;
    value = (long long)strtoull(digits, &end, base);
    if (end == digits || *end)
        return -EINVAL;
    if (errno == ERANGE || (value < 0 && (value != INT64_MIN || *text != '-')))
        return -ERANGE;
    *ret = *text == '-' ? (int64_t)(0 - (uint64_t)value) : value;
    return 0;
}

/* The number in front of a size. strtod(3) alone would take spaces, "inf" and hexadecimal. */
static int parse_number(const char *text, size_t size, double *ret)
{
    char number[NUMBER_MAX + 1] = "", *end;

    if (size == 0 || size > NUMBER_MAX || *text == '-')
        return -EINVAL;
    (void)memcpy(number, text, size);
    if (strspn(number, "+-0123456789.eE") != size)
        return -EINVAL;
    *ret = strtod(number, &end);
    return *end || end == number ? -EINVAL : 0;
}

int docker_value_bytes(const char *text, int64_t *ret)
{
    static const char units[] = "kmgtp";
    const char *suffix = text + strlen(text), *unit;
    size_t size;
    double value;
    int r;

    while (suffix > text && !strchr("0123456789. ", suffix[-1]))
        suffix--;
    size = (size_t)(suffix - text);
    if (size > 0 && suffix[-1] == ' ')
        size--;
    r = parse_number(text, size, &value);
    if (r < 0)
        return r;

    if (*suffix && strcasecmp(suffix, "b") != 0) {
        unit = strchr(units, tolower((unsigned char)*suffix));
        if (!unit ||
                (suffix[1] && strcasecmp(suffix + 1, "b") != 0 &&
                        strcasecmp(suffix + 1, "ib") != 0))
            return -EINVAL;
        for (; unit >= units; unit--)
            value *= 1024;
    }
    if (value >= 0x1p63)
        return -ERANGE;
    *ret = (int64_t)value;
    return 0;
}

int docker_value_cpus(const char *text, int64_t *ret)
{
    const char *point, *end;
    uint64_t value = 0;

    text += *text == '+';
    point = strchr(text, '.');
    end = text + strlen(text);
    if (strspn(text, "0123456789.") != (size_t)(end - text) || end - text == (point ? 1 : 0))
        return -EINVAL;
    if (point && strchr(point + 1, '.'))
        return -EINVAL;
    while (point && end[-1] == '0')
        end--;
    if (point && end - point - 1 > CPU_DIGITS)
        return -EINVAL;

    for (const char *digit = text; digit < end; digit++)
        if (digit != point &&
                (__builtin_mul_overflow(value, 10, &value) ||
                        __builtin_add_overflow(value, *digit - '0', &value)))
            return -ERANGE;
    for (long i = point ? end - point - 1 : 0; i < CPU_DIGITS; i++)
        if (__builtin_mul_overflow(value, 10, &value))
            return -ERANGE;
    if (value > INT64_MAX)
        return -ERANGE;
    *ret = (int64_t)value;
    return 0;
}

static const struct {
    const char *name;
    int64_t nsec;
} duration_units[] = {
    { "ns", 1 },
    { "us", 1000 },
    { "\xc2\xb5s", 1000 },
    { "\xce\xbcs", 1000 },
    { "ms", 1000000 },
    { "s", 1000000000 },
    { "m", 60 * 1000000000LL },
    { "h", 3600 * 1000000000LL },
};

/* The digits at *text, after *text: as many of them as fit. *ret_scale: 10 to their number. */
static uint64_t take_fraction(const char **text, double *ret_scale)
{
    uint64_t value = 0;

    *ret_scale = 1;
    for (; isdigit((unsigned char)**text); (*text)++)
        if (value < UINT64_MAX / 100) {
            value = value * 10 + (uint64_t)(**text - '0');
            *ret_scale *= 10;
        }
    return value;
}

/* Adds the part of a duration at *text, "1.5h", to *total, and steps over it. Whole numbers are
 * exact; a fraction is what double has of it. */
static int take_duration_part(const char **text, uint64_t *total)
{
    const char *digits = *text;
    uint64_t value = 0, fraction = 0;
    double scale = 1;
    size_t letters;

    for (; isdigit((unsigned char)**text); (*text)++)
        if (__builtin_mul_overflow(value, 10, &value) ||
                __builtin_add_overflow(value, **text - '0', &value))
            return -ERANGE;
    if (**text == '.') {
        (*text)++;
        fraction = take_fraction(text, &scale);
    }
    if (!isdigit((unsigned char)*digits) &&
            !(digits[0] == '.' && isdigit((unsigned char)digits[1])))
        return -EINVAL;

    letters = strcspn(*text, "0123456789.");
    for (size_t i = 0; i < ELEMENTS(duration_units); i++) {
        double nsec = (double)duration_units[i].nsec;

        if (strlen(duration_units[i].name) != letters ||
                memcmp(duration_units[i].name, *text, letters) != 0)
            continue;
        *text += letters;
        if (__builtin_mul_overflow(value, duration_units[i].nsec, &value) ||
                __builtin_add_overflow(*total, value, total) ||
                __builtin_add_overflow(
                        *total, (uint64_t)((double)fraction * (nsec / scale)), total))
            return -ERANGE;
        return 0;
    }
    return -EINVAL;
}

int docker_value_duration(const char *text, int64_t *ret)
{
    const char *rest = text + (*text == '-' || *text == '+');
    uint64_t total = 0;
    int r;

    if (strcmp(rest, "0") == 0) {
        *ret = 0;
        return 0;
    }
    do {
        r = take_duration_part(&rest, &total);
        if (r < 0)
            return r;
    } while (*rest);
    if (total > INT64_MAX)
        return -ERANGE;
    *ret = *text == '-' ? -(int64_t)total : (int64_t)total;
    return 0;
}

static const struct {
    int (*parse)(const char *text, int64_t *ret);
    const char *what;
} number_kinds[] = {
    [DOCKER_INTEGER] = { docker_value_integer, "a whole number" },
    [DOCKER_BYTES] = { docker_value_bytes, "a size (use for instance 512m or 2g)" },
    [DOCKER_CPUS] = { docker_value_cpus, "a number of CPUs (use for instance 1.5)" },
    [DOCKER_DURATION] = { docker_value_duration, "a duration (use for instance 500ms or 1m30s)" },
};

int docker_value_parse(
        DockerArgument argument, const char *text, JsonValue **ret, const char **ret_what)
{
    int64_t number;
    bool truth;
    int r;

    if (argument == DOCKER_SWITCH) {
        *ret_what = "true or false";
        r = docker_value_boolean(text, &truth);
        *ret = r < 0 ? NULL : json_new_boolean(truth);
    } else if (argument == DOCKER_TEXT || argument == DOCKER_LIST) {
        *ret_what = "a text";
        r = 0;
        *ret = json_new_string(text);
    } else {
        *ret_what = number_kinds[argument].what;
        r = number_kinds[argument].parse(text, &number);
        *ret = r < 0 ? NULL : json_new_integer(number);
    }
    if (r >= 0 && !*ret)
        r = -ENOMEM;
    return r;
}
