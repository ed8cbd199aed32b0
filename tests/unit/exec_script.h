/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What stands for a command that the engine runs. Includers include cmocka.h first. */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A session of its own, as exec gives; `script` writes a line when it is complete. */
static inline pid_t start_script(const char *script)
{
    int ends[2];
    char line;
    pid_t pid;

    assert_int_equal(0, pipe(ends));
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setsid();
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execl("/bin/sh", "sh", "-c", script, NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    assert_int_equal(1, read(ends[0], &line, 1));
    (void)close(ends[0]);
    return pid;
}

static inline void end_script(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static inline void assert_killed(pid_t pid)
{
    int status;

    assert_int_equal(pid, waitpid(pid, &status, 0));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(SIGKILL, WTERMSIG(status));
}
