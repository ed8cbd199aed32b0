/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts of the request that take more than one flag or more than storing a value; each makes
 * its members of line->body. 0, or -EINVAL and the message, or -ENOMEM. */

#include "cli/run_line.h"

int request_add_environment(RunLine *line); /* --env-file, -e, and --env of ours */
int request_add_labels(RunLine *line);
int request_add_ports(RunLine *line);
int request_add_volumes(RunLine *line); /* -v, --tmpfs */
