/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What --notify adds to the create request: the mount of the notify socket's
 * directory, and the variables of sd_notify(3) that lead there. Pure, but for
 * $XDG_RUNTIME_DIR. The same for each start of a unit, so that a container is
 * known again by the hash of its request.
 */

#include <stdint.h>

#include "base/json.h"

/* The folder of a container's state on the host, below /run/systemd-ctr (for a user's services
 * below $XDG_RUNTIME_DIR). A name of NULL, which the engine is to choose, gives one for this
 * process. The caller's; NULL without memory. */
char *container_directory_of(const char *name);
/* Where in it the directory of the notify socket is. */
char *notify_directory_of(const char *name);

/* `watchdog_usec`: the container is to ping, within this time; 0: it is not. 0, -EINVAL where the
 * socket can have no place, -ENOMEM; *ret_message, the caller's, is a sentence (with 0: a warning)
 * or NULL. */
int notify_request_add(
        JsonValue *body, const char *name, uint64_t watchdog_usec, char **ret_message);
