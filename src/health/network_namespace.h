/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sockets of a container's network: a socket belongs for good to the namespace
 * that it was opened in, so we have to be there only for that moment.
 */

#include <sys/types.h>

/*
 * Opens a stream socket of this address family, non-blocking, in the network namespace of process
 * `pid`, of which `pidfd` proves that it is still the one that was meant. `pid` 0: in ours.
 *
 * The descriptor, the caller's; or a negative errno, with words for people in *ret_message, static,
 * where there is more to say than the errno does, else NULL: -ESRCH: the process is gone; -EPERM:
 * we may not enter its namespace. We are in our own namespace again in any case.
 */
int network_namespace_open_socket(int family, pid_t pid, int pidfd, const char **ret_message);
