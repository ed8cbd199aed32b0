/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The hand-over file: how the supervisor tells systemd-ctr-runtime where the
 * next start of a container belongs.
 *
 * A file of the container's ID holds the path of the unit's payload cgroup. The
 * supervisor writes it between the engine's create and start; the runtime takes
 * it, once. A container without one is none of ours. All that a function finds
 * is checked to be of our own user: what others could have written is not
 * believed.
 */

/* `payload`: "/system.slice/web.service/payload", the path below the mount point of cgroup v2. 0,
 * or a negative errno: -EINVAL for what cannot be a container's ID or a unit's payload; -EPERM: the
 * folder is not ours alone; -ENXIO: rootless, without XDG_RUNTIME_DIR. A file of before is
 * replaced. */
int runtime_hand_over_write(const char *container_id, const char *payload);

/* What is not there is fine. */
int runtime_hand_over_remove(const char *container_id);

/* Reads and removes it. 1: *ret_payload is the caller's; 0: this container has none. Negative: it
 * has one, which is removed, and cannot be used: -EPERM, not a file of ours alone (a symbolic link
 * is none); -EBADMSG, it holds no payload. */
int runtime_hand_over_take(const char *container_id, char **ret_payload);
