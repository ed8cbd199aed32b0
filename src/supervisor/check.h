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
 * we run Docker's check ourselves, in between. One of 17.11 to 22 that came back
 * to a container (live-restore) runs the check no more (moby#41871): one that has
 * no new result an interval and a timeout after that we stand in for, until it has.
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
    uint64_t own_due;             /* our next run of it; USEC_INFINITY: none */
    bool stands_in;               /* we run it until Docker has a result again */
    uint64_t asked;               /* when Docker's results were read last */
} Check;
