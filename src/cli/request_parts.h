/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts of the request that take more than storing a value; each makes its members of
 * line->body from what was collected. 0, or -EINVAL and the message, or -ENOMEM. */

#include "cli/run_line.h"

int request_settle_query(RunLine *line); /* what is not the body's: --name, --platform, --rm... */
int request_check_restart(RunLine *line);
int request_add_program(RunLine *line);     /* --entrypoint, --stop-signal, --runtime */
int request_add_environment(RunLine *line); /* --env-file, -e, and --env of ours */
int request_add_labels(RunLine *line);
int request_add_logging(RunLine *line);
int request_add_capabilities(RunLine *line);
int request_add_security(RunLine *line);
int request_add_namespaces(RunLine *line);
int request_add_health(RunLine *line);
int request_add_resources(RunLine *line); /* --ulimit, --sysctl, --memory-swap */
int request_add_devices(RunLine *line);
int request_add_network(RunLine *line);
int request_add_hosts(RunLine *line); /* --add-host, --dns, --dns-search */
int request_add_ports(RunLine *line);
int request_add_volumes(RunLine *line); /* -v, --tmpfs */
int request_add_mounts(RunLine *line);
