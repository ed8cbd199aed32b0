/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The command of a container's HEALTHCHECK, as Docker itself would run it. Pure. */

#include "base/json.h"

/* Of a container's inspect reply. 1 and *ret, which ends with NULL and is the caller's, see
 * text_vector_free(); 0: there is no check, or it is switched off; -EBADMSG: it is of no form that
 * Docker runs; -ENOMEM. */
int docker_check_command(JsonValue *inspect, char ***ret);
