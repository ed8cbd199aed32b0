/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/options.h"

/* `cleanup NAME`: removes what a run left that could not clear up after itself. Nothing to do is
 * success. A container that is not the unit's is left alone. Returns the exit code. */
int cleanup_run(const Options *options);
