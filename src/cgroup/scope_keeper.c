/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/scope_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

static _Noreturn void stay(void)
{
    struct sigaction action = { .sa_handler = SIG_DFL };
    sigset_t none;

    /* Whoever reads our output, or systemd, shall see the end of what we hold. */
    closefrom(0);
    (void)setsid();
    if (chdir("/") < 0)
        _exit(EXIT_FAILURE);
    (void)prctl(PR_SET_NAME, "docker-scope");
    for (int number = 1; number < SIGRTMIN; number++)
        (void)sigaction(number, &action, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (;;)
        (void)pause();
}

/* A child of systemd's, not of ours: where cgroups tell nobody when they are empty (version 1 in a
 * cgroup namespace) systemd hears of the scope's end by SIGCHLD only. */
static _Noreturn void fork_off(int result)
{
    pid_t pid = fork();

    if (pid == 0)
        stay();
    if (pid < 0)
        pid = -errno;
    _exit(write(result, &pid, sizeof(pid)) == sizeof(pid) ? EXIT_SUCCESS : EXIT_FAILURE);
}

pid_t scope_keeper_start(void)
{
    _cleanup_close_ int ours = -1, theirs = -1;
    int ends[2];
    pid_t between, pid = -ECHILD;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    ours = ends[0];
    theirs = ends[1];
    between = fork();
    if (between < 0)
        return -errno;
    if (between == 0)
        fork_off(theirs);
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
        ;
    close_p(&theirs);
    theirs = -1;
    if (read(ours, &pid, sizeof(pid)) != sizeof(pid))
        return -ECHILD;
    return pid;
}
