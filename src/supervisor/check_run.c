/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/check_run.h"

#include <errno.h>

#include "base/clock.h"
#include "engine/exec.h"
#include "health/probe.h"

struct CheckRun {
    Probe *probe;
    EngineExec *exec;
    uint64_t began;
    uint64_t began_realtime;
    CheckRunHandler handler;
    void *userdata;
};

/* What cannot be laid at the service's door. */
static bool tells_nothing(int result)
{
    switch (result) {
    case -ECONNREFUSED: /* the engine's socket; a probe's own is a result, 1 */
    case -ECONNRESET:
    case -ENOENT:
    case -EBUSY:
    case -ESRCH:
    case -EPIPE:
    case -EPROTO:
    case -EHOSTDOWN:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
    case -ENOMEM:
        return true;
    default:
        return false;
    }
}

static void on_end(int result, const char *output, size_t size, void *userdata)
{
    CheckRun *run = userdata;
    const ProbeEnd end = {
        .start_usec = run->began_realtime,
        .end_usec = now_realtime_usec(),
        .exit_code = result < 0 ? -1 : result,
        .output = output,
        .size = size,
    };
    CheckRunEnd how = result == -ETIMEDOUT ? CHECK_RUN_TIMED_OUT
            : tells_nothing(result)        ? CHECK_RUN_SILENT
                                           : CHECK_RUN_TOLD;

    run->handler(how, run->began, now_usec(), &end, run->userdata);
    free(run);
}

int check_run_start(sd_event *event, Engine *engine, const CheckRunRequest *request,
        CheckRunHandler handler, void *userdata, CheckRun **ret)
{
    const ProbeSpec *probe = request->probe;
    const EngineExecRequest exec = {
        .container = request->container,
        .pid = request->pid,
        .command = probe ? probe->command : request->command,
        .timeout_usec = request->timeout_usec,
    };
    _cleanup_free_ CheckRun *run = calloc(1, sizeof(*run));
    int r;

    if (!run)
        return -ENOMEM;
    run->began = now_usec();
    run->began_realtime = now_realtime_usec();
    run->handler = handler;
    run->userdata = userdata;
    if (probe && probe->kind != PROBE_EXEC && (request->pid <= 0 || request->pidfd < 0))
        return -ESRCH; /* it would ask our own network */
    if (probe && probe->kind != PROBE_EXEC)
        r = probe_start(event, probe, request->pid, request->pidfd, request->timeout_usec, on_end,
                run, &run->probe);
    else
        r = engine_exec_start(engine, &exec, on_end, run, &run->exec);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(run);
    return 0;
}

CheckRun *check_run_cancel(CheckRun *run)
{
    if (!run)
        return NULL;
    (void)probe_cancel(run->probe);
    (void)engine_exec_cancel(run->exec);
    free(run);
    return NULL;
}
