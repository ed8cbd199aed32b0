/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rusage FILE COMMAND...: runs a command as a unit's main process would run, and
 * appends what it used to FILE: user and system microseconds of itself and of
 * the children that it waited for. Signals that mean "stop" are passed on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;

static void pass_on(int signal_number)
{
    if (child > 0)
        (void)kill(child, signal_number);
}

int main(int argc, char **argv)
{
    struct rusage used;
    int status;
    FILE *file;

    if (argc < 3)
        return 64;

    (void)signal(SIGTERM, pass_on);
    child = fork();
    if (child == 0) {
        (void)signal(SIGTERM, SIG_DFL);
        (void)execvp(argv[2], argv + 2);
        _exit(127);
    }
    while (wait4(child, &status, 0, &used) < 0)
        if (errno != EINTR)
            return 125;

    file = fopen(argv[1], "ae");
    if (!file)
        return 125;
    (void)fprintf(file, "%lld\n",
            (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec +
                    used.ru_stime.tv_usec);
    (void)fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
