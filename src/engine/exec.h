/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A command in a running container, with its result: POST /containers/ID/exec,
 * POST /exec/ID/start, GET /exec/ID/json (Engine API 1.41). It runs as what the
 * container's own processes run as: user, working directory and environment are
 * the container's, as they are for Docker's health check.
 *
 * The API can start a command but not end one, and what is hung up on runs on:
 * Docker leaves it behind. So we end it ourselves, see exec_process.h. Two
 * cases remain where it may run on: the engine went away in the meantime, or
 * does not tell which process it is.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/engine.h"

/* Of what the command says on stdout and stderr together; then come three dots, as Docker has it,
 * and the rest is read and dropped. */
#define ENGINE_EXEC_OUTPUT_MAX 4096U
/* For the engine to start it; that takes time that is not the command's. */
#define ENGINE_EXEC_START_USEC (30 * UINT64_C(1000000))

typedef struct EngineExec EngineExec;

typedef struct EngineExecRequest {
    const char *container;
    pid_t pid;             /* of the container's first process */
    char *const *command;  /* ends with NULL */
    uint64_t timeout_usec; /* from its start on; USEC_INFINITY: none */
} EngineExecRequest;

/*
 * `result`: the exit status, 0 to 255 (126 and 127: the runtime could not start it, and says why);
 * or a negative errno: -ETIMEDOUT, and what it started is killed; -ENOENT: there is no such
 * container; -EBUSY: it does not run, or is paused; else what the engine's reply came to.
 * `output`: `size` bytes and a NUL, what was said so far, or why there is no result. Borrowed while
 * the handler runs.
 */
typedef void (*EngineExecHandler)(int result, const char *output, size_t size, void *userdata);

/* All of the request is copied. The handler runs once, from the loop, never from here, not after
 * engine_exec_cancel() or engine_free(); with it the exec is released. 0, or a negative errno as of
 * a call. */
int engine_exec_start(Engine *engine, const EngineExecRequest *request, EngineExecHandler handler,
        void *userdata, EngineExec **ret);
/* Nobody hears of it any more; a command that runs is killed as soon as the engine tells which
 * process it is, unless engine_free() comes first. NULL is fine. Returns NULL. */
EngineExec *engine_exec_cancel(EngineExec *exec);
