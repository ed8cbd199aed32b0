/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/check_record.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "health/go_time.h"
#include "health/health_json.h"

/* Docker takes nothing below 1 ms; a timer's service takes longer than that to start. */
#define AGAIN_MIN_USEC (100 * USEC_PER_MSEC)

static uint64_t moment(JsonValue *object, const char *key)
{
    int64_t usec = json_member_integer(object, key, 0);

    return usec > 0 ? (uint64_t)usec : 0;
}

/* JSON takes UTF-8 alone, and a terminal takes more as commands than anybody means. */
static char *printable(const ProbeEnd *end)
{
    char *text = calloc(1, HEALTH_OUTPUT_MAX + HEALTH_CUT_SIZE);

    if (text)
        health_output_copy(text, HEALTH_OUTPUT_MAX, end->output, end->size);
    return text;
}

JsonValue *check_result_format(const CheckResult *result)
{
    _cleanup_json_ JsonValue *value = json_new_object();
    _cleanup_free_ char *output = printable(&result->end);
    char start[GO_TIME_SIZE], end[GO_TIME_SIZE];

    go_time_format(result->end.start_usec, start);
    go_time_format(result->end.end_usec, end);
    if (!output || json_set_string(value, "Start", start) < 0 ||
            json_set_string(value, "End", end) < 0 ||
            json_set_integer(value, "ExitCode", result->end.exit_code) < 0 ||
            json_set_string(value, "Output", output) < 0 ||
            json_set_integer(value, "Began", (int64_t)result->began) < 0 ||
            json_set_integer(value, "Ended", (int64_t)result->ended) < 0)
        return NULL;
    return TAKE_PTR(value);
}

int check_result_parse(JsonValue *value, CheckResult *ret)
{
    int64_t code = json_member_integer(value, "ExitCode", INT64_MIN);
    const char *output = json_member_string(value, "Output", "");

    if (code < -1 || code > 255 || moment(value, "Began") > moment(value, "Ended") ||
            go_time_parse(json_member_string(value, "Start", ""), &ret->end.start_usec) < 0 ||
            go_time_parse(json_member_string(value, "End", ""), &ret->end.end_usec) < 0)
        return -EBADMSG;
    ret->began = moment(value, "Began");
    ret->ended = moment(value, "Ended");
    ret->end.exit_code = (int)code;
    ret->end.output = output;
    ret->end.size = strlen(output);
    return 0;
}

int check_record_load(JsonValue *record, uint64_t now, Health *ret)
{
    uint64_t started = moment(record, "Started"), ended = moment(record, "Ended");
    HealthConfig config;
    HealthRecord known;

    if (health_record_parse(record, &known) < 0 || started > now || ended > now)
        return -EBADMSG;
    health_config_parse(json_value_get(record, "Healthcheck"), &config);
    if (*json_member_string(record, "Probe", ""))
        config.has_check = true;
    health_init(ret, &config, started, started);
    health_restore(ret, &known, ended > started ? ended : started);
    return 0;
}

int check_record_store(JsonValue *record, const Health *health)
{
    static const char *const members[] = { "Status", "FailingStreak", "Log" };
    _cleanup_json_ JsonValue *known = health_record_format(&health->record);
    int r = known ? 0 : -ENOMEM;

    for (size_t i = 0; r >= 0 && i < ELEMENTS(members); i++)
        r = json_set(record, members[i], json_value_ref(json_value_get(known, members[i])));
    if (r >= 0)
        r = json_set_integer(record, "Ended", (int64_t)health->evidence);
    return r;
}

int check_record_count(
        JsonValue *record, const CheckResult *result, uint64_t now, bool *ret_changed)
{
    Health health;
    int r;

    r = check_record_load(record, now, &health);
    if (r < 0)
        return r;
    *ret_changed = health_result(&health, result->began, result->ended, &result->end);
    return check_record_store(record, &health);
}

bool check_record_is_due(JsonValue *record, uint64_t now)
{
    Health health;
    uint64_t wait;

    if (check_record_load(record, now, &health) < 0 || !health.config.has_check)
        return false;
    wait = health.config.interval_usec;
    /* Here the timer has fixed times, and the check before took some of what lies between. */
    if (health_is_in_start_period(&health, now) && health.config.start_interval_usec < wait)
        wait = health.config.start_interval_usec / 2;
    return now >= health.evidence + wait;
}

bool check_record_is_alive(JsonValue *record, uint64_t now)
{
    Health health;

    return check_record_load(record, now, &health) >= 0 &&
            health.record.status != HEALTH_UNHEALTHY && !health_is_stale(&health, now);
}

void check_schedule(const HealthConfig *config, uint64_t watchdog_usec, CheckSchedule *ret)
{
    uint64_t interval = config->has_check ? config->interval_usec : watchdog_usec / 2;
    uint64_t ping = watchdog_usec / 2;
    uint64_t parts = ping > 0 && ping < interval ? (interval + ping - 1) / ping : 1;
    uint64_t again = interval / parts, first = again;

    *ret = (CheckSchedule){ .again_usec = again > AGAIN_MIN_USEC ? again : AGAIN_MIN_USEC };
    if (config->has_check && config->start_period_usec > 0 && config->start_interval_usec < again)
        first = config->start_interval_usec;
    /* More than fit lie further apart. */
    if (first < again && config->start_period_usec / first >= CHECK_FIRST_MAX)
        first = config->start_period_usec / (CHECK_FIRST_MAX - 1);
    if (first < AGAIN_MIN_USEC)
        first = AGAIN_MIN_USEC;
    do {
        ret->first_usec[ret->first_size] = first * (ret->first_size + 1);
        ret->first_size++;
    } while (first < again && ret->first_size < CHECK_FIRST_MAX &&
            first * ret->first_size < config->start_period_usec);
}
