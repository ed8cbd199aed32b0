/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/command_line.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "engine/exec.h"
#include "unit/notify.h"

/* systemd's own default for what it runs; TimeoutStartSec= bounds the reload as a whole. */
#define COMMAND_TIMEOUT_USEC (90 * USEC_PER_SEC)

static void begin(Supervisor *supervisor)
{
    const NotifyMessage message = { .phase = NOTIFY_PHASE_RELOADING, .monotonic_usec = now_usec() };

    /* Before READY=1 there is nothing that systemd could call a reload. */
    if (supervisor->announced)
        notify_forward(&message);
}

/* Whatever came of it: the service goes on. */
static void finish(Supervisor *supervisor)
{
    if (!supervisor->announced)
        return;
    notify_ready(NULL);
    ready_tell(supervisor);
}

static void on_command_ended(int result, const char *output, size_t size, void *userdata)
{
    Supervisor *supervisor = userdata;
    _cleanup_free_ char *words = strndup(output, size);

    supervisor->reload_exec = NULL;
    if (words)
        text_make_printable(words);
    if (result == 0)
        log_info("container %s: %s is done", supervisor_container_name(supervisor),
                supervisor->options->reload_command);
    else if (result > 0)
        log_warning("container %s: %s failed with status %d: %s",
                supervisor_container_name(supervisor), supervisor->options->reload_command, result,
                words ? words : "");
    else
        log_warning("container %s: cannot execute %s: %s", supervisor_container_name(supervisor),
                supervisor->options->reload_command, words && *words ? words : strerror(-result));
    finish(supervisor);
}

static int start_command(Supervisor *supervisor)
{
    _cleanup_vector_ char **words = NULL;
    const char *complaint;
    int r;

    r = command_line_split(supervisor->options->reload_command, &words, &complaint);
    if (r < 0)
        return r;
    return engine_exec_start(supervisor->engine,
            &(EngineExecRequest){
                    .container = supervisor->container.id,
                    .pid = supervisor->container.pid,
                    .command = words,
                    .timeout_usec = COMMAND_TIMEOUT_USEC,
            },
            on_command_ended, supervisor, &supervisor->reload_exec);
}

static void send_signal(Supervisor *supervisor)
{
    const Container *container = &supervisor->container;
    int signal_number = supervisor->options->reload_signal;

    log_info("sending %s to container %s", format_signal(signal_number),
            supervisor_container_name(supervisor));
    if (container->pidfd < 0)
        (void)engine_kill(supervisor->engine, container->id, format_signal(signal_number),
                action_ignore_reply, supervisor, NULL);
    else if (pidfd_send_signal(container->pidfd, signal_number, NULL, 0) < 0)
        log_warning("cannot send %s to PID %d: %s", format_signal(signal_number),
                (int)container->pid, strerror(errno));
}

void reload(Supervisor *supervisor)
{
    int r = 0;

    if (supervisor->reload_exec) {
        log_notice("container %s reloads already", supervisor_container_name(supervisor));
        return;
    }
    begin(supervisor);
    if (supervisor->options->reload_command)
        r = start_command(supervisor);
    else
        send_signal(supervisor);
    if (r < 0)
        log_warning("container %s: cannot execute %s: %s", supervisor_container_name(supervisor),
                supervisor->options->reload_command, strerror(-r));
    if (!supervisor->reload_exec)
        finish(supervisor);
}

void reload_stop(Supervisor *supervisor)
{
    supervisor->reload_exec = engine_exec_cancel(supervisor->reload_exec);
}
