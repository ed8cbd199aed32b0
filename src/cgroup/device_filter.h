/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The device filter: on cgroup v2 a BPF program (BPF_CGROUP_DEVICE) that the
 * engine's runtime, or systemd for it, attached to the container's cgroup. It
 * belongs to the cgroup, not to the processes: a process that is moved away is
 * no longer under it. kernel: bpf(2), bpf/prog_cgroup_device.rst.
 */

#include <stdbool.h>

/* Attaches to `destination` every program that holds in `source` and not yet there, and makes sure
 * of it. A source without one is a failure too (-ENOKEY): it would be a container whose devices
 * nothing restricts; but not where a user without privileges made it, as a rootless engine does:
 * it cannot have one, and its containers' user namespace is the wall. Unless `required`: a
 * privileged container loses nothing by it, so whatever fails is no failure then. Negative errno,
 * with a sentence in *ret_message (the caller's; NULL without memory). */
int device_filter_carry(int source, int destination, bool required, char **ret_message);
