/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What systemd-ctr adds to the request that the run line makes: a name, the
 * labels by which a container is known as its unit's, that Docker's own check is
 * off when we probe, the journal's part of --logs=journald and what --notify
 * takes. Pure, but for the unit's environment (INVOCATION_ID, WATCHDOG_USEC).
 */

#include "cli/options.h"
#include "cli/run_request.h"

#define LABEL_UNIT "io.systemd-ctr.unit"
#define LABEL_INVOCATION "io.systemd-ctr.invocation"
#define LABEL_SPEC "io.systemd-ctr.spec"
/* "move: why": for people, and not in the hash that LABEL_SPEC is. */
#define LABEL_CGROUP_MODE "io.systemd-ctr.cgroup-mode"

/* `unit_name`: "web.service", or NULL outside of a unit. 0 or a negative errno; -EINVAL with a
 * sentence in *ret_message (the caller's) if the run line contradicts our options. A sentence with
 * 0 is a warning; *ret_message is NULL before. */
int create_request_complete(
        RunRequest *request, const Options *options, const char *unit_name, char **ret_message);

/* The name of a unit's container when --name does not say: without the suffix, what Docker
 * refuses turned into "-". The caller's; NULL without memory. */
char *container_name_of_unit(const char *unit_name);

/* Is this inspect reply that of the container of this name? The engine also answers for an ID that
 * merely begins with it ("db", "cafe"). */
bool container_has_name(JsonValue *inspect, const char *name);

/* The label of a container's inspect reply, "" without. Borrowed. */
const char *container_label(JsonValue *inspect, const char *label);
