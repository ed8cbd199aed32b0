/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the supervisor, dockerd and systemd-ctr-runtime meet.
 *
 * As root: /run/systemd-ctr and /etc. With a rootless dockerd: the user's own
 * folders, which the supervisor sees as that user and the runtime as root of
 * rootlesskit's user namespace; both must get the same answer.
 *
 * What a function returns is the caller's. -ENXIO: rootless, and the
 * environment names no folder; -ENOMEM.
 */

#include <stdbool.h>

/* By the environment that rootlesskit gives to all that it starts, and by our user. */
bool place_is_rootless(void);

/* The folder of hand-over files; it need not exist. */
int place_of_hand_overs(char **ret);

/* The file that names the real runtime. Rootless there are two: the user's own, then the host's. */
int place_of_setting(char **ret);
#define PLACE_OF_HOST_SETTING CONFDIR "/runtime"

/* dockerd's settings. */
int place_of_daemon_json(char **ret);
