/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every flag of `docker run` (Docker 28), the hidden and deprecated ones too:
 * how it is spelled, what kind of argument it takes, and what becomes of it.
 *
 * A flag that is missing here would make its value the IMAGE; so the ones that
 * are refused stand here as well. Pure.
 */

#include "cli/flag_scan.h"

typedef enum DockerArgument {
    DOCKER_SWITCH,   /* true or false, as Go's strconv.ParseBool() */
    DOCKER_TEXT,     /* the last one counts */
    DOCKER_LIST,     /* may be repeated */
    DOCKER_INTEGER,  /* as Go's strconv.ParseInt() with base 0 */
    DOCKER_BYTES,    /* "512m" */
    DOCKER_CPUS,     /* decimal; sent as 10^-9 CPUs */
    DOCKER_DURATION, /* as Go's time.ParseDuration(); sent as nanoseconds */
} DockerArgument;

typedef enum DockerTreatment {
    DOCKER_CARRIED,     /* its value is the member `detail` of the request's body */
    DOCKER_COLLECTED,   /* kept under its name (`detail`, for second spellings) for run_request.c */
    DOCKER_NO_EFFECT,   /* makes no sense under a unit, does no harm either */
    DOCKER_REFUSED,     /* `detail` says why and what to do instead */
    DOCKER_UNSUPPORTED, /* refused by name */
    DOCKER_WINDOWS,     /* refused: for Windows containers */
} DockerTreatment;

typedef struct DockerFlag {
    Flag flag;
    DockerArgument argument;
    DockerTreatment treatment;
    const char *detail;
} DockerFlag;

/* For FlagScan.find; every Flag that it returns is the first member of a DockerFlag. */
const Flag *docker_flag_find(const char *name, size_t size);

/* The rows one by one, NULL after the last. */
const DockerFlag *docker_flag_at(size_t index);
