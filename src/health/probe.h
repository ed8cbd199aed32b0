/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One http, https or tcp probe of a container, on an event loop: nothing of it
 * but the socket is in the container's network, and nothing is wanted of the
 * container's image. (exec: is the engine's to run, engine_exec_start().)
 *
 * tcp passes when the connection is there. http passes with a status of 200 to
 * 399, redirections being answers like others, and a body that ends, or goes on
 * behind PROBE_BODY_MAX; https is the same, whatever certificate is shown.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "health/probe_spec.h"

#define PROBE_BODY_MAX (16U << 10)
/* Of what a probe tells, the NUL at its end not counted. */
#define PROBE_OUTPUT_MAX 4096U

typedef struct Probe Probe;

/*
 * `result`: 0, passed; 1, failed; or a negative errno where there is no verdict on the service:
 * -ETIMEDOUT; -ESRCH: the container's first process is gone; -EPERM: its network is closed to us;
 * -ENOMEM.
 * `output`: `size` bytes and a NUL: one printable line: "HTTP 503 Service Unavailable: <its body>",
 * "connect to 127.0.0.1:80: Connection refused". Borrowed while the handler runs.
 */
typedef void (*ProbeHandler)(int result, const char *output, size_t size, void *userdata);

/*
 * Starts one. The handler runs once, from the loop, never from here and not after probe_cancel();
 * with it the probe ends and is released. In it everything may be called, probe_cancel() too.
 *
 * `spec` and `pidfd` are borrowed until then; `pid` and `pidfd` are of the container's first
 * process, see network_namespace_open_socket(), or 0 and -1 for our own network. `timeout_usec`
 * counts from now; USEC_INFINITY is none. 0, or -EINVAL for an exec probe, -ENOMEM and what the
 * loop says; then no handler will run.
 */
int probe_start(sd_event *event, const ProbeSpec *spec, pid_t pid, int pidfd, uint64_t timeout_usec,
        ProbeHandler handler, void *userdata, Probe **ret);
/* NULL is fine. Returns NULL. */
Probe *probe_cancel(Probe *probe);
