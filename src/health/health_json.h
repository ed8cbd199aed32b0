/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Health as JSON, in Docker's shapes (Engine API 1.41; StartInterval 1.44). Pure.
 *
 *   State.Health        {"Status","FailingStreak","Log":[{"Start","End","ExitCode","Output"}]}
 *   Config.Healthcheck  {"Test","Interval","Timeout","StartPeriod","StartInterval","Retries"}
 */

#include "base/json.h"
#include "health/health.h"
#include "health/record.h"

/* Owned by the caller; NULL without memory. */
JsonValue *health_record_format(const HealthRecord *record);

/* -EBADMSG: it is not of this shape as a whole. Of a longer log, the newest results are taken;
 * output that is longer than ours can be is cut; one that is no text (a NUL byte) is empty. */
int health_record_parse(JsonValue *health, HealthRecord *ret);

/* Total: what is missing, out of range or of another type reads as Docker's default, and a Test
 * that Docker would not run (NONE, [], a kind that it does not know) as no check. The times count
 * without one, too. */
void health_config_parse(JsonValue *healthcheck, HealthConfig *ret);

/* What a check in the container executes, of the container's Config: Test's words, or its shell
 * (Config.Shell, /bin/sh -c) with them. *ret is the caller's. -ENOENT: there is no check;
 * -EBADMSG: a word is no text; -ENOMEM. */
int health_command_parse(JsonValue *config, char ***ret);
