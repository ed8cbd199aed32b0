/* SPDX-License-Identifier: Apache-2.0 */
#include "health/health_json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "health/go_time.h"

static int set_time(JsonValue *object, const char *key, uint64_t usec)
{
    char text[GO_TIME_SIZE];

    go_time_format(usec, text);
    return json_set_string(object, key, text);
}

static JsonValue *format_result(const HealthResult *result)
{
    _cleanup_json_ JsonValue *entry = json_new_object();

    if (set_time(entry, "Start", result->start_usec) < 0 ||
            set_time(entry, "End", result->end_usec) < 0 ||
            json_set_integer(entry, "ExitCode", result->exit_code) < 0 ||
            json_set_string(entry, "Output", result->output) < 0)
        return NULL;
    return TAKE_PTR(entry);
}

JsonValue *health_record_format(const HealthRecord *record)
{
    _cleanup_json_ JsonValue *health = json_new_object();
    JsonValue *log;

    if (json_set_string(health, "Status", health_status_name(record->status)) < 0 ||
            json_set_integer(health, "FailingStreak", record->failing_streak) < 0)
        return NULL;
    log = json_need_array(health, "Log");
    for (size_t i = 0; i < record->n_results; i++) {
        JsonValue *entry = format_result(&record->results[i]);

        if (!entry || json_append(log, entry) < 0)
            return NULL;
    }
    return log ? TAKE_PTR(health) : NULL;
}

static int parse_result(JsonValue *entry, HealthResult *ret)
{
    const char *output = json_member_string(entry, "Output", "");
    int64_t exit_code = json_member_integer(entry, "ExitCode", INT64_MAX);

    if (go_time_parse(json_member_string(entry, "Start", ""), &ret->start_usec) < 0 ||
            go_time_parse(json_member_string(entry, "End", ""), &ret->end_usec) < 0 ||
            exit_code < INT_MIN || exit_code > INT_MAX)
        return -EBADMSG;
    ret->exit_code = (int)exit_code;
    health_output_copy(ret->output, HEALTH_TEXT_MAX, output, strlen(output));
    return 0;
}

int health_record_parse(JsonValue *health, HealthRecord *ret)
{
    JsonValue *log = json_value_get(health, "Log");
    int64_t streak = json_member_integer(health, "FailingStreak", 0);
    size_t length = json_value_length(log);
    int r;

    *ret = (HealthRecord){ 0 };
    if (health_status_of_name(json_member_string(health, "Status", ""), &ret->status) < 0 ||
            streak < 0 || streak > INT_MAX || (log && !json_value_is_array(log)))
        return -EBADMSG;
    ret->failing_streak = (unsigned)streak;

    for (size_t i = length > HEALTH_RESULTS_MAX ? length - HEALTH_RESULTS_MAX : 0; i < length;
            i++) {
        r = parse_result(json_value_at(log, i), health_record_append(ret));
        if (r < 0)
            return r;
    }
    return 0;
}

/* Nanoseconds; what Docker's 1 ms at least cannot be is rounded up, so that it is not "default". */
static uint64_t parse_duration(JsonValue *healthcheck, const char *key)
{
    int64_t nanoseconds = json_member_integer(healthcheck, key, 0);

    return nanoseconds > 0 ? ((uint64_t)nanoseconds + NSEC_PER_USEC - 1) / NSEC_PER_USEC : 0;
}

/* The words that Docker would execute begin at 1; CMD alone has none. */
static bool is_command(JsonValue *test, bool *ret_shell)
{
    const char *kind = json_value_string(json_value_at(test, 0), "");

    *ret_shell = strcmp(kind, "CMD-SHELL") == 0;
    return *ret_shell || (strcmp(kind, "CMD") == 0 && json_value_length(test) > 1);
}

void health_config_parse(JsonValue *healthcheck, HealthConfig *ret)
{
    int64_t retries = json_member_integer(healthcheck, "Retries", 0);
    bool shell;

    *ret = (HealthConfig){
        .has_check = is_command(json_value_get(healthcheck, "Test"), &shell),
        .interval_usec = parse_duration(healthcheck, "Interval"),
        .timeout_usec = parse_duration(healthcheck, "Timeout"),
        .start_period_usec = parse_duration(healthcheck, "StartPeriod"),
        .start_interval_usec = parse_duration(healthcheck, "StartInterval"),
        .retries = retries > 0 && retries <= INT_MAX ? (unsigned)retries : 0,
    };
}

static int append_words(char ***command, JsonValue *words, size_t from)
{
    int r;

    for (size_t i = from; i < json_value_length(words); i++) {
        const char *word = json_value_string(json_value_at(words, i), NULL);

        if (!word)
            return -EBADMSG;
        r = text_vector_append(command, word);
        if (r < 0)
            return r;
    }
    return 0;
}

int health_command_parse(JsonValue *config, char ***ret)
{
    JsonValue *test = json_value_get(json_value_get(config, "Healthcheck"), "Test");
    JsonValue *shell = json_value_get(config, "Shell");
    _cleanup_vector_ char **command = NULL;
    bool in_shell;
    int r = 0;

    if (!is_command(test, &in_shell))
        return -ENOENT;
    if (in_shell && json_value_length(shell) > 0)
        r = append_words(&command, shell, 0);
    else if (in_shell &&
            (text_vector_append(&command, "/bin/sh") < 0 || text_vector_append(&command, "-c") < 0))
        r = -ENOMEM;
    if (r >= 0)
        r = append_words(&command, test, 1);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(command);
    return 0;
}
