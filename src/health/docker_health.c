/* SPDX-License-Identifier: Apache-2.0 */
#include "health/docker_health.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const names[] = {
    [HEALTH_NONE] = "none",
    [HEALTH_STARTING] = "starting",
    [HEALTH_HEALTHY] = "healthy",
    [HEALTH_UNHEALTHY] = "unhealthy",
};

const char *health_status_name(HealthStatus status)
{
    return names[status];
}

/* HEALTH_NONE for a word that is none. */
static HealthStatus status_of_name(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (strcmp(names[i], name) == 0)
            return (HealthStatus)i;
    return HEALTH_NONE;
}

/* A check that is switched off is {"Test":["NONE"]}; without one there is no Healthcheck. */
static bool has_check(JsonValue *inspect)
{
    JsonValue *check = json_value_get(json_value_get(inspect, "Config"), "Healthcheck");
    JsonValue *test = json_value_get(check, "Test");

    if (json_value_length(test) == 0)
        return false;
    return strcmp(json_value_string(json_value_at(test, 0), "NONE"), "NONE") != 0;
}

void docker_health_of_inspect(JsonValue *inspect, DockerHealth *ret)
{
    JsonValue *health = json_value_get(json_value_get(inspect, "State"), "Health");
    JsonValue *log = json_value_get(health, "Log");
    size_t results = json_value_length(log);
    JsonValue *newest = results > 0 ? json_value_at(log, results - 1) : NULL;

    *ret = (DockerHealth){ .has_check = has_check(inspect) };
    if (!ret->has_check)
        return;

    ret->status = status_of_name(json_member_string(health, "Status", "none"));
    (void)snprintf(
            ret->output, sizeof(ret->output), "%s", json_member_string(newest, "Output", ""));
    ret->output[strcspn(ret->output, "\r\n")] = '\0';
    text_make_printable(ret->output);
}

int docker_health_of_event(JsonValue *event, HealthStatus *ret)
{
    const char *action = json_member_string(event, "Action", "");
    const char *name = text_after(action, "health_status: ");

    if (!name)
        return 0;
    *ret = status_of_name(name);
    return *ret != HEALTH_NONE;
}
