/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/check_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/parse.h"
#include "base/text.h"

#define RESULTS_MAX 5U
/* Evidence may be this much older than interval and timeout together. */
#define STALE_USEC (30 * USEC_PER_SEC)
/* Docker takes nothing below 1 ms; a timer's service takes longer than that to start. */
#define AGAIN_MIN_USEC (100 * USEC_PER_MSEC)

/* Docker has durations in nanoseconds, and its default in place of 0. */
static uint64_t duration(JsonValue *check, const char *key, uint64_t otherwise)
{
    int64_t nsec = json_member_integer(check, key, 0);

    return nsec > 0 ? (uint64_t)nsec / NSEC_PER_USEC : otherwise;
}

void check_times_parse(JsonValue *check, CheckTimes *ret)
{
    int64_t retries = json_member_integer(check, "Retries", 0);

    *ret = (CheckTimes){
        .interval_usec = duration(check, "Interval", 30 * USEC_PER_SEC),
        .timeout_usec = duration(check, "Timeout", 30 * USEC_PER_SEC),
        .start_period_usec = duration(check, "StartPeriod", 0),
        .start_interval_usec = duration(check, "StartInterval", 5 * USEC_PER_SEC),
        .retries = retries > 0 ? retries : 3,
    };
}

static int append_shell(JsonValue *command, JsonValue *shell)
{
    size_t size = json_value_length(shell);
    int r = 0;

    if (size == 0) {
        r = json_append_string(command, "/bin/sh");
        return r < 0 ? r : json_append_string(command, "-c");
    }
    for (size_t i = 0; r >= 0 && i < size; i++)
        r = json_append_string(command, json_value_string(json_value_at(shell, i), ""));
    return r;
}

JsonValue *check_command(JsonValue *config)
{
    _cleanup_json_ JsonValue *command = json_new_array();
    JsonValue *test = json_value_get(json_value_get(config, "Healthcheck"), "Test");
    const char *kind = json_value_string(json_value_at(test, 0), "NONE");
    size_t size = json_value_length(test);

    if (size < 2 || (strcmp(kind, "CMD") != 0 && strcmp(kind, "CMD-SHELL") != 0))
        return NULL;
    if (strcmp(kind, "CMD-SHELL") == 0 &&
            append_shell(command, json_value_get(config, "Shell")) < 0)
        return NULL;
    for (size_t i = 1; i < size; i++)
        if (json_append_string(command, json_value_string(json_value_at(test, i), "")) < 0)
            return NULL;
    return TAKE_PTR(command);
}

/* RFC 3339, in UTC. */
static int set_time(JsonValue *object, const char *key, uint64_t usec)
{
    time_t seconds = (time_t)(usec / USEC_PER_SEC);
    char text[64], date[32];
    struct tm utc;

    if (!gmtime_r(&seconds, &utc) || strftime(date, sizeof(date), "%FT%T", &utc) == 0)
        return -ERANGE;
    (void)snprintf(text, sizeof(text), "%s.%06uZ", date, (unsigned)(usec % USEC_PER_SEC));
    return json_set_string(object, key, text);
}

/* JSON takes UTF-8 alone, and terminals take more as commands than anybody means. */
static char *printable(const char *output)
{
    size_t size = strlen(output);
    bool is_cut = size > CHECK_OUTPUT_MAX;
    char *text = text_format("%.*s%s", (int)CHECK_OUTPUT_MAX, output, is_cut ? "..." : "");

    /* The lines stay, each is made printable by itself. */
    for (char *line = text; line && *line;) {
        char *end = line + strcspn(line, "\n\t");
        char separator = *end;

        *end = '\0';
        text_make_printable(line);
        *end = separator;
        line = separator ? end + 1 : end;
    }
    return text;
}

JsonValue *check_result_new(const CheckTimestamps *at, int exit_code, const char *output)
{
    _cleanup_json_ JsonValue *result = json_new_object();
    _cleanup_free_ char *text = printable(output);

    if (!text || set_time(result, "Start", at->began_realtime) < 0 ||
            set_time(result, "End", at->ended_realtime) < 0 ||
            json_set_integer(result, "ExitCode", exit_code) < 0 ||
            json_set_string(result, "Output", text) < 0 ||
            json_set_integer(result, "Began", (int64_t)at->began) < 0 ||
            json_set_integer(result, "Ended", (int64_t)at->ended) < 0)
        return NULL;
    return TAKE_PTR(result);
}

/* A copy of the last four and this one. Builders have no call to take something out. */
static int append_to_log(JsonValue *record, JsonValue *result)
{
    static const char *const texts[] = { "Start", "End", "Output" };
    JsonValue *old = json_value_get(record, "Log");
    size_t size = json_value_length(old);
    _cleanup_json_ JsonValue *log = json_new_array(), *entry = json_new_object();
    int r = entry ? 0 : -ENOMEM;

    for (size_t i = size >= RESULTS_MAX ? size - RESULTS_MAX + 1 : 0; r >= 0 && i < size; i++)
        r = json_append(log, json_value_ref(json_value_at(old, i)));
    for (size_t i = 0; r >= 0 && i < ELEMENTS(texts); i++)
        r = json_set_string(entry, texts[i], json_member_string(result, texts[i], ""));
    if (r >= 0)
        r = json_set_integer(entry, "ExitCode", json_member_integer(result, "ExitCode", -1));
    if (r >= 0)
        r = json_append(log, TAKE_PTR(entry));
    return r < 0 ? r : json_set(record, "Log", TAKE_PTR(log));
}

static bool is_starting(JsonValue *record)
{
    return strcmp(json_member_string(record, "Status", "starting"), "starting") == 0;
}

static uint64_t moment(JsonValue *object, const char *key)
{
    int64_t usec = json_member_integer(object, key, 0);

    return usec > 0 ? (uint64_t)usec : 0;
}

static bool is_in_start_period(JsonValue *record, const CheckTimes *times, uint64_t at)
{
    return is_starting(record) && at < moment(record, "Started") + times->start_period_usec;
}

int check_record_count(
        JsonValue *record, const CheckTimes *times, JsonValue *result, bool *ret_changed)
{
    int64_t code = json_member_integer(result, "ExitCode", INT64_MIN);
    int64_t streak = json_member_integer(record, "FailingStreak", 0);
    const char *before = json_member_string(record, "Status", "starting"), *after = before;
    int r;

    if (code == INT64_MIN)
        return -EBADMSG;
    if (code == 0) {
        streak = 0;
        after = "healthy";
    } else if (!is_in_start_period(record, times, moment(result, "Began")) &&
            ++streak >= times->retries)
        after = "unhealthy";

    *ret_changed = strcmp(before, after) != 0;
    r = append_to_log(record, result);
    if (r >= 0)
        r = json_set_integer(record, "FailingStreak", streak);
    if (r >= 0 && moment(result, "Ended") > moment(record, "Ended"))
        r = json_set_integer(record, "Ended", (int64_t)moment(result, "Ended"));
    if (r >= 0 && *ret_changed)
        r = json_set_string(record, "Status", after);
    return r;
}

static uint64_t newest(JsonValue *record)
{
    uint64_t ended = moment(record, "Ended"), started = moment(record, "Started");

    return ended > started ? ended : started;
}

bool check_record_is_due(JsonValue *record, const CheckTimes *times, uint64_t now)
{
    uint64_t wait = times->interval_usec;

    /* Here the timer has fixed times, and the check before took some of what lies between. */
    if (is_in_start_period(record, times, now) && times->start_interval_usec < wait)
        wait = times->start_interval_usec / 2;
    return now >= newest(record) + wait;
}

bool check_record_is_alive(JsonValue *record, const CheckTimes *times, uint64_t now)
{
    if (strcmp(json_member_string(record, "Status", "starting"), "unhealthy") == 0)
        return false;
    return now <= newest(record) + times->interval_usec + times->timeout_usec + STALE_USEC;
}

void check_schedule(
        const CheckTimes *times, bool has_check, uint64_t watchdog_usec, CheckSchedule *ret)
{
    uint64_t interval = has_check ? times->interval_usec : watchdog_usec / 2;
    uint64_t ping = watchdog_usec / 2;
    uint64_t parts = ping > 0 && ping < interval ? (interval + ping - 1) / ping : 1;
    uint64_t again = interval / parts, first = again;

    *ret = (CheckSchedule){ .again_usec = again > AGAIN_MIN_USEC ? again : AGAIN_MIN_USEC };
    if (has_check && times->start_period_usec > 0 && times->start_interval_usec < again)
        first = times->start_interval_usec;
    /* More than fit lie further apart. */
    if (first < again && times->start_period_usec / first >= CHECK_FIRST_MAX)
        first = times->start_period_usec / (CHECK_FIRST_MAX - 1);
    if (first < AGAIN_MIN_USEC)
        first = AGAIN_MIN_USEC;
    do {
        ret->first_usec[ret->first_size] = first * (ret->first_size + 1);
        ret->first_size++;
    } while (first < again && ret->first_size < CHECK_FIRST_MAX &&
            first * ret->first_size < times->start_period_usec);
}
