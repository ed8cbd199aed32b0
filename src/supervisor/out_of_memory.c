/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "unit/notify.h"

static char *describe_cause(const OomReport *report)
{
    bool known = report->limit != OOM_NO_LIMIT;

    switch (report->cause) {
    case OOM_OF_CONTAINER:
        return known ? text_format("memory limit of the container (memory.max %" PRIu64 ")",
                               report->limit)
                     : text_format("memory limit of the container");
    case OOM_OF_UNIT:
        return known
                ? text_format("memory limit of the unit (MemoryMax=%" PRIu64 ")", report->limit)
                : text_format("memory limit of the unit (MemoryMax=)");
    case OOM_OF_INSIDE:
        return text_format("a memory limit set within the container");
    case OOM_OF_OTHERS:
        break;
    }
    return text_format("a memory limit above the unit, or the machine has no more");
}

static void on_oom(const OomReport *report, void *userdata)
{
    Supervisor *supervisor = userdata;
    char *cause = describe_cause(report);

    if (!cause)
        return;
    free(supervisor->oom_cause);
    supervisor->oom_cause = cause;
    if (report->killed == 1)
        log_warning("container %s: out of memory (OOM), the kernel killed a process: %s",
                supervisor_container_name(supervisor), cause);
    else
        log_warning("container %s: out of memory (OOM), the kernel killed %" PRIu64
                    " processes: %s",
                supervisor_container_name(supervisor), report->killed, cause);
    if (supervisor->state == STATE_SETTLING || supervisor->state == STATE_RUNNING)
        notify_status("Out of memory (OOM), a process was killed: %s", cause);
}

void oom_start(Supervisor *supervisor, const char *container_cgroup)
{
    int r;

    if (supervisor->oom || !supervisor->has_layout)
        return;
    r = oom_watch_new(supervisor->event, &supervisor->layout, container_cgroup, on_oom, supervisor,
            &supervisor->oom);
    if (r < 0 && r != -ENOENT)
        log_debug("kills by the kernel for want of memory will not be told: %s", strerror(-r));
}

const char *oom_cause_of_end(Supervisor *supervisor)
{
    oom_watch_look(supervisor->oom);
    if ((supervisor->end.known && supervisor->end.status != 128 + SIGKILL) ||
            supervisor->end.stop_asked || supervisor->end.killed)
        return NULL;
    return supervisor->oom_cause;
}
