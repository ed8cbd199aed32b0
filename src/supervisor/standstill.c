/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cgroup/core_files.h"

/* The check's timer is not held up so long: where it is, all was. */
#define LATE_USEC (5 * USEC_PER_SEC)
/* What is in flight must be known to be void before a timer, or Docker, tells of it. */
#define PRIORITY (SD_EVENT_PRIORITY_IMPORTANT - 1)

/* Our own cgroup is populated as long as we see it: what changes is that it was frozen, and is not
 * any more. */
static int on_changed(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)events;
    if (cgroup_events_get(fd, "frozen") < 0)
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
    check_note_standstill(userdata);
    return 0;
}

static int open_events(const Supervisor *supervisor)
{
    _cleanup_close_ int cgroup = -1;
    _cleanup_free_ char *path = NULL;
    int r;

    r = cgroup_of_process(getpid(), &path);
    if (r < 0)
        return r;
    cgroup = cgroup_open(supervisor->layout.mount, path);
    return cgroup < 0 ? cgroup : cgroup_open_file(cgroup, "cgroup.events", O_RDONLY);
}

void standstill_watch(Supervisor *supervisor)
{
    _cleanup_close_ int events = -1;
    int r;

    /* cgroup v1 has no such file, and systemd freezes nothing there. */
    if (supervisor->standstill || !check_is_there(supervisor) || !supervisor->has_layout ||
            supervisor->layout.hierarchies)
        return;
    r = events = open_events(supervisor);
    if (r >= 0)
        r = cgroup_events_get(events, "frozen");
    if (r >= 0)
        r = sd_event_add_io(supervisor->event, &supervisor->standstill, events, EPOLLPRI,
                on_changed, supervisor);
    if (r >= 0)
        r = sd_event_source_set_io_fd_own(supervisor->standstill, true);
    if (r >= 0) {
        events = -1;
        r = sd_event_source_set_priority(supervisor->standstill, PRIORITY);
    }
    if (r < 0)
        log_debug("a standstill of the unit is only to be guessed: %s", strerror(-r));
}

bool standstill_look(Supervisor *supervisor)
{
    uint64_t due = supervisor->check.timer_usec, now = now_usec();

    if (now < due || now - due < LATE_USEC || !supervisor->check.begun)
        return false;
    check_note_standstill(supervisor);
    return true;
}

void standstill_stop(Supervisor *supervisor)
{
    supervisor->standstill = sd_event_source_disable_unref(supervisor->standstill);
}
