/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The health of a container as Docker tells it: State.Health of inspect and the
 * health_status events (Engine API 1.41). Pure.
 *
 * Events come only on change and can be lost; inspect is the truth. Whoever
 * (re)connects inspects first.
 */

#include <stdbool.h>

#include "base/json.h"

typedef enum HealthStatus {
    HEALTH_NONE, /* no check: nothing is known */
    HEALTH_STARTING,
    HEALTH_HEALTHY,
    HEALTH_UNHEALTHY,
} HealthStatus;

/* What a probe said last, at most. */
#define HEALTH_OUTPUT_MAX 256

typedef struct DockerHealth {
    bool has_check;
    HealthStatus status;
    char output[HEALTH_OUTPUT_MAX]; /* of the newest result, one printable line */
} DockerHealth;

/* Of a container's inspect reply. A container that is down keeps what it had last. */
void docker_health_of_inspect(JsonValue *inspect, DockerHealth *ret);
/* 1 and *ret if the event tells a health status, 0 if it is another. */
int docker_health_of_event(JsonValue *event, HealthStatus *ret);

/* "none", "starting", "healthy", "unhealthy". */
const char *health_status_name(HealthStatus status);
