/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container's health check: who runs it, when, and what came of it. Docker
 * runs the one of the image or of --health-*; what --probe= says we run. Both
 * feed one health machine (health/health.h), which has Docker's rules.
 *
 * Docker's own results are read from inspect: at its events, which come only on
 * change, and as often as there should be a new one, for evidence that is old is
 * none. An engine before API 1.44 knows no start interval: in the start period
 * we run Docker's check ourselves, in between.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/json.h"
#include "health/docker_health.h"
#include "health/health.h"
#include "health/probe_spec.h"
#include "supervisor/check_run.h"

typedef enum CheckSource {
    CHECK_NONE,
    CHECK_DOCKER,
    CHECK_PROBE, /* --probe= */
} CheckSource;

typedef struct Check {
    CheckSource source;
    ProbeSpec *probe;    /* --probe= */
    JsonValue *settings; /* Config.Healthcheck, or NULL */
    Health health;
    bool begun; /* the health machine runs */
    CheckRun *run;
    sd_event_source *timer;
    uint64_t timer_usec; /* when that is due */

    /* CHECK_DOCKER */
    DockerLog log;
    char **command;               /* of Docker's check */
    uint64_t start_interval_usec; /* of the run line; 0: not said */
    uint64_t early_due;           /* our next run of it in the start period; USEC_INFINITY: none */
    uint64_t asked;               /* when Docker's results were read last */
} Check;
