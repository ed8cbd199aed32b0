/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The verbs that only ask: what is with a container, what does this host offer. Answers go to
 * stdout. Both return the exit code. */

#include "cli/options.h"

/* `status NAME [--json]`: 1 when there is no such container. */
int status_run(const Options *options);
/* `check`: 0 when a unit could start a container here now. */
int check_run(const Options *options);
