/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/main_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "cgroup/core_files.h"
#include "cgroup/layout.h"

static pid_t main_process_of(JsonValue *record)
{
    return (pid_t)json_member_integer(record, "Pid", 0);
}

bool main_process_is_there(JsonValue *record)
{
    _cleanup_free_ char *path = NULL, *unit = NULL, *name = NULL;
    pid_t pid = main_process_of(record);

    if (pid <= 1 || !process_is_alive(pid) || cgroup_of_process(pid, &path) < 0)
        return false;
    /* In a cgroup of Docker's, with --cgroup-mode=none, or one that it was born in. */
    if (*json_member_string(record, "Id", "") && strstr(path, json_member_string(record, "Id", "")))
        return true;
    return cgroup_path_unit(path, &unit, &name) >= 0 &&
            text_equal(name, json_member_string(record, "Unit", ""));
}

/* Not by cgroup_layout_enter(): by now another run may be preparing its payload there. */
int main_process_join_unit(JsonValue *record)
{
    _cleanup_(cgroup_layout_clear) CgroupLayout layout = { 0 };
    _cleanup_close_ int supervisor = -1;
    int r;

    r = cgroup_layout_of_unit(json_member_string(record, "Cgroup", ""), &layout);
    if (r < 0)
        return r;
    supervisor = cgroup_open(layout.mount, layout.supervisor);
    /* Nobody made one: --cgroup-mode=none. */
    if (supervisor == -ENOENT)
        supervisor = cgroup_open(layout.mount, layout.unit);
    return supervisor < 0 ? supervisor : cgroup_write(supervisor, "cgroup.procs", "0");
}

/* In a process of its own. poll(2) on a pidfd returns when the process is a zombie or gone. */
static _Noreturn void wait_in_unit(JsonValue *record, int pidfd, int told)
{
    struct pollfd ended = { .fd = pidfd, .events = POLLIN };
    sigset_t signals;
    int r;

    /* Whatever the unit's KillSignal= is. */
    (void)sigfillset(&signals);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    r = main_process_join_unit(record);
    if (write(told, &r, sizeof(r)) != sizeof(r) || r < 0)
        _exit(1);
    (void)close(told);
    while (poll(&ended, 1, -1) < 0 && errno == EINTR)
        ;
    _exit(0);
}

int main_process_await_end(JsonValue *record)
{
    _cleanup_close_ int pidfd = pidfd_open(main_process_of(record), 0);
    _cleanup_close_ int our_end = -1, their_end = -1;
    int fds[2];
    pid_t child;
    int r;

    if (pidfd < 0 || !main_process_is_there(record))
        return main_process_join_unit(record);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    our_end = fds[0];
    their_end = fds[1];
    child = fork();
    if (child < 0)
        return -errno;
    if (child == 0)
        wait_in_unit(record, pidfd, their_end);
    close_p(&their_end);
    their_end = -1;
    return read(our_end, &r, sizeof(r)) == sizeof(r) ? r : -EIO;
}
