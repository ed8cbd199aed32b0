/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The values of docker's flags, as the docker CLI reads them. Pure. All return -EINVAL for what is
 * no such value and -ERANGE for what does not fit. */

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "cli/docker_flags.h"

/* 1 t T true True TRUE, 0 f F false False FALSE, and nothing else. */
int docker_value_boolean(const char *text, bool *ret);

/* Decimal, 0x, 0o, 0b, or octal behind a leading 0; with a sign. */
int docker_value_integer(const char *text, int64_t *ret);

/* Bytes, with a unit of 1024s: "12", "1.5g", "64 MiB". Never negative. */
int docker_value_bytes(const char *text, int64_t *ret);

/* "1.5" CPUs are 1500000000. What is finer than 10^-9 is refused, as docker does. */
int docker_value_cpus(const char *text, int64_t *ret);

/* "1m30.5s" in nanoseconds; only "0" needs no unit. */
int docker_value_duration(const char *text, int64_t *ret);

/* The value as the request's body has it. For messages, *ret_what is what it should have been,
 * static: "a size (use for instance 512m or 2g)". */
int docker_value_parse(
        DockerArgument argument, const char *text, JsonValue **ret, const char **ret_what);
