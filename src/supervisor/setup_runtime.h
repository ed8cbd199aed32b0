/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `setup-runtime [--remove] [--runtime=PATH]`: makes systemd-ctr-runtime known to dockerd, or
 * undoes that. Returns the exit code. */

#include "cli/options.h"

int setup_runtime_run(const Options *options);
