/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* --env: which of our environment's variables are the container's business. Pure. */

#include <stdbool.h>

/* False for what belongs to systemd or to this host ("HOME", "NOTIFY_SOCKET", "SYSTEMD_..."). */
bool environment_is_passed_on(const char *assignment);
