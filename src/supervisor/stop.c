/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "supervisor/create_request.h"
#include "unit/notify.h"
#include "unit/pid_file.h"

/* An engine that is well delivers the stop signal within milliseconds. */
#define STOP_ANSWER_USEC (2 * USEC_PER_SEC)
/* The engine's word on an exit follows the process's end at once; if not, ask. */
#define REAP_ASK_USEC (USEC_PER_SEC)
#define REAP_ASKED_MAX 5
#define REAP_UNANSWERED_USEC (5 * USEC_PER_SEC)
/* How long after the stop signal an exit counts as its consequence, beyond the grace. */
#define STOP_TOLD_SLACK_USEC (5 * USEC_PER_SEC)
#define STOP_CONFIRM_USEC (USEC_PER_SEC)
#define DISCARD_AGAIN_USEC (250 * USEC_PER_MSEC)
#define ANSWER_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define BARRIER_TIMEOUT_USEC (2 * USEC_PER_SEC)

static void signal_process(Supervisor *supervisor, int signal_number)
{
    const Container *container = &supervisor->container;

    if (container->pidfd < 0 || container->process_gone)
        return;
    if (pidfd_send_signal(container->pidfd, signal_number, NULL, 0) < 0 && errno != ESRCH)
        log_warning("cannot send %s to PID %d: %s", format_signal(signal_number),
                (int)container->pid, strerror(errno));
}

/* Everything of the container that we know of. */
static void kill_all(Supervisor *supervisor)
{
    /* Not placed, or left there, it is where Docker put it; and on cgroup v1 there is what was
     * executed in it. */
    bool outside = supervisor->container.pidfd < 0 || supervisor->mode == CGROUP_MODE_NONE ||
            supervisor->left_outside || supervisor->layout.hierarchies;
    int r;

    signal_process(supervisor, SIGKILL);
    if (!supervisor->layout.mount)
        return;
    if (outside && supervisor->container.id)
        (void)container_kill(&supervisor->layout, supervisor->container.id);
    r = supervisor->unit_lock >= 0 ? payload_kill(&supervisor->layout, SIGKILL) : 0;
    if (r < 0)
        log_warning("cannot kill what is left in %s: %s", supervisor->layout.payload, strerror(-r));
}

/* What the states before were about is over. */
static void drop_request(Supervisor *supervisor)
{
    supervisor->call = engine_call_cancel(supervisor->call);
    supervisor->pause = sd_event_source_disable_unref(supervisor->pause);
    supervisor->placement = placement_free(supervisor->placement);
    check_stop(supervisor);
    reload_stop(supervisor);
}

static void on_stop_answer_due(Supervisor *supervisor)
{
    if (!supervisor->stop_seen_by_engine)
        supervisor_report(supervisor, EVENT_STOP_UNANSWERED);
}

static void ask_for_exit(Supervisor *supervisor);

static void on_stopped(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (engine_reply_ok(reply) || reply->status == 404) {
        /* It is down; if its exit is not on its way to us, ask. */
        supervisor_pause(supervisor, REAP_ASK_USEC, ask_for_exit);
        return;
    }
    log_warning("the engine cannot stop container %s: %s", supervisor_container_name(supervisor),
            reply->message);
    supervisor_report(supervisor, EVENT_STOP_UNANSWERED);
}

void stop_take_main_pid_back(Supervisor *supervisor)
{
    if (!supervisor->announced || supervisor->detached ||
            !supervisor->options->main_pid_is_container)
        return;
    /* Before STOPPING=1: systemd takes no MAINPID= of a unit that is going down. */
    notify_main_pid(getpid());
}

void action_stop(Supervisor *supervisor)
{
    int r;

    drop_request(supervisor);
    stop_take_main_pid_back(supervisor);
    notify_stopping("Stopping the container");
    ready_tell_failure(supervisor);
    if (supervisor->exit_seen) {
        supervisor_report(supervisor, EVENT_EXITED);
        return;
    }
    supervisor->stop_seen_by_engine = false;
    log_info("stopping container %s", supervisor_container_name(supervisor));
    r = engine_stop(supervisor->engine, supervisor->container.id, -1, on_stopped, supervisor,
            &supervisor->call);
    if (r < 0) {
        supervisor_report(supervisor, EVENT_STOP_UNANSWERED);
        return;
    }
    supervisor_pause(supervisor, STOP_ANSWER_USEC, on_stop_answer_due);
}

void action_signal(Supervisor *supervisor)
{
    if (supervisor->signalled)
        return;
    supervisor->signalled = true;
    if (supervisor->container.pidfd < 0)
        return; /* not seen from here: the engine's time is bounded */
    log_warning("the engine does not carry the stop out: sending %s to PID %d ourselves",
            format_signal(supervisor->container.stop_signal), (int)supervisor->container.pid);
    signal_process(supervisor, supervisor->container.stop_signal);
}

void action_kill(Supervisor *supervisor)
{
    log_warning("container %s did not heed %s: killing it", supervisor_container_name(supervisor),
            format_signal(supervisor->container.stop_signal));
    drop_request(supervisor);
    supervisor->end.killed = true;
    kill_all(supervisor);
    (void)engine_kill(supervisor->engine, supervisor->container.id, NULL, action_ignore_reply,
            supervisor, NULL);
}

/* Its process was gone when we looked: on another machine, it lives. */
static void end_unseen(Supervisor *supervisor)
{
    log_warning(
            "the engine says that container %s runs on, but its process %d is not here: killing "
            "it; for an engine elsewhere use --cgroup-mode=none",
            supervisor_container_name(supervisor), (int)supervisor->container.pid);
    (void)engine_kill(supervisor->engine, supervisor->container.id, NULL, action_ignore_reply,
            supervisor, NULL);
}

static void on_asked_for_exit(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;
    JsonValue *state = json_value_get(reply->body, "State");

    supervisor->call = NULL;
    if (reply->status == 404) {
        supervisor_report(supervisor, EVENT_EXITED);
        return;
    }
    if (engine_reply_ok(reply) && !json_member_boolean(state, "Running", true)) {
        supervisor->end.known = true;
        supervisor->end.status = (int)(json_member_integer(state, "ExitCode", 0) & 0xff);
        supervisor_report(supervisor, EVENT_EXITED);
        return;
    }
    if (engine_reply_ok(reply) && ++supervisor->said_to_run == REAP_ASKED_MAX)
        end_unseen(supervisor);
    supervisor_pause(supervisor, REAP_ASK_USEC, ask_for_exit);
}

static void ask_for_exit(Supervisor *supervisor)
{
    /* The engine tells of no exit before it is rid of the last output. */
    if (supervisor->output_is_held && subscription_has_output(supervisor->subscription)) {
        log_warning("nobody takes the container's output: what the engine still has of it is lost");
        subscription_drop_output(supervisor->subscription);
    }
    if (engine_inspect(supervisor->engine, supervisor->container.id, ANSWER_TIMEOUT_USEC,
                on_asked_for_exit, supervisor, &supervisor->call) < 0)
        supervisor_pause(supervisor, REAP_ASK_USEC, ask_for_exit);
}

void action_reap(Supervisor *supervisor)
{
    drop_request(supervisor);
    stop_take_main_pid_back(supervisor);
    /* An engine that did not stop it will hardly tell of its end. */
    if (supervisor->signalled)
        supervisor_set_deadline(supervisor, REAP_UNANSWERED_USEC);
    log_debug("PID %d is gone; the engine has not told its exit status",
            (int)supervisor->container.pid);
    supervisor_pause(supervisor, REAP_ASK_USEC, ask_for_exit);
}

static void on_removed(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (!engine_reply_ok(reply) && reply->status != 404)
        log_warning("container %s: its removal is not confirmed: %s",
                supervisor_container_name(supervisor), reply->message);
    supervisor->removal_ended = true;
    stop_consider_left(supervisor);
}

static void tell_end(Supervisor *supervisor)
{
    const char *oom = oom_cause_of_end(supervisor);
    _cleanup_free_ char *status = NULL;

    if (oom)
        log_error("container %s was killed: out of memory (OOM), %s",
                supervisor_container_name(supervisor), oom);
    else if (supervisor->end.known)
        log_info("container %s exited with status %d", supervisor_container_name(supervisor),
                supervisor->end.status);
    else
        log_warning("container %s is gone, and the engine does not know its exit status",
                supervisor_container_name(supervisor));
    if (oom)
        status = text_format("The container has ended: out of memory (OOM), %s", oom);
    notify_stopping(status ? status : "The container has ended");
}

static void on_stop_confirmed(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->health_call = NULL;
    /* The next engine may be here already, and answer for one that is not. */
    if (engine_reply_ok(reply) && subscription_has_events(supervisor->subscription))
        supervisor->end.stop_asked = true;
    else
        log_notice("the engine went down with the container: that is no stop that was asked for");
    supervisor->stop_confirmed = true;
    stop_consider_left(supervisor);
}

/* The engine sent the stop signal, not for us. By docker stop, or because it is going down itself?
 * Then it answers no more. How long docker stop waits is not told: where the exit status does not
 * speak for itself, as long as the container's own time. */
static void confirm_stop(Supervisor *supervisor)
{
    uint64_t grace = supervisor->container.stop_timeout_usec;
    uint64_t told = supervisor->stop_told_usec;
    bool heeded = told != 0 &&
            (supervisor->end.known || grace == USEC_INFINITY ||
                    now_usec() - told <= grace + STOP_TOLD_SLACK_USEC);

    supervisor->stop_confirmed = supervisor->end.stop_asked || !heeded ||
            engine_ping(supervisor->engine, STOP_CONFIRM_USEC, on_stop_confirmed, supervisor,
                    &supervisor->health_call) < 0;
}

void action_leave(Supervisor *supervisor)
{
    EngineStream stream = { NULL, NULL, on_removed, supervisor };
    bool listens;

    drop_request(supervisor);
    stop_take_main_pid_back(supervisor);
    hear_last_words(supervisor);
    /* It was started, and that is all that READY=1 was to mean; that it ended before it could be
     * said must not turn its exit status into a protocol error. */
    if (!supervisor->announced && supervisor->end.known && !supervisor->end.stop_asked &&
            supervisor->end.failure == 0 && ready_when_started(supervisor))
        notify_ready(NULL);
    tell_end(supervisor);
    /* Ended, says the engine: nothing of it may live on. */
    kill_all(supervisor);

    listens = supervisor->end.known && subscription_is_connected(supervisor->subscription);
    confirm_stop(supervisor);
    /* An engine that did not tell the exit does not tell of these. */
    supervisor->removal_ended = !supervisor->container.auto_remove || !listens ||
            engine_wait(supervisor->engine, supervisor->container.id, "removed", &stream,
                    &supervisor->call) < 0;
    if (!subscription_has_output(supervisor->subscription))
        supervisor->output_ended = true;
    stop_consider_left(supervisor);
}

void stop_consider_left(Supervisor *supervisor)
{
    bool written = !supervisor->output || output_is_empty(supervisor->output);

    if (supervisor->state == STATE_LEAVING && supervisor->output_ended && written &&
            supervisor->removal_ended && supervisor->stop_confirmed)
        supervisor_report(supervisor, EVENT_LEFT);
}

static void on_discarded(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (reply->error != 0) {
        supervisor_pause(supervisor, DISCARD_AGAIN_USEC, action_discard);
        return;
    }
    /* 404: gone. 409: it is being removed, by --rm. */
    if (!engine_reply_ok(reply) && reply->status != 404 && reply->status != 409)
        log_warning("cannot remove the container that did not run: %s", reply->message);
    supervisor_report(supervisor, EVENT_DISCARDED);
}

/* The reply to our create got lost: is there one of this invocation under the name? */
static void on_looked_for_lost(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;
    JsonValue *labels = json_value_get(supervisor->request->body, "Labels");
    const char *ours = json_member_string(labels, LABEL_INVOCATION, "");
    const char *id = json_member_string(reply->body, "Id", "");

    if (!engine_reply_ok(reply) || !*ours || !*id ||
            strcmp(container_label(reply->body, LABEL_INVOCATION), ours) != 0) {
        on_discarded(reply, supervisor);
        return;
    }
    supervisor->call = NULL;
    if (engine_remove(supervisor->engine, id, ENGINE_REMOVE_FORCE | ENGINE_REMOVE_VOLUMES,
                on_discarded, supervisor, &supervisor->call) < 0)
        supervisor_report(supervisor, EVENT_DISCARDED);
}

void action_discard(Supervisor *supervisor)
{
    const Container *container = &supervisor->container;
    int r = 0;

    drop_request(supervisor);
    supervisor->subscription = subscription_free(supervisor->subscription);

    if (container->id && container->made_by_us)
        r = engine_remove(supervisor->engine, container->id,
                ENGINE_REMOVE_FORCE | ENGINE_REMOVE_VOLUMES, on_discarded, supervisor,
                &supervisor->call);
    else if (container->id && (supervisor->start_sent || container->ran_before))
        /* Not ours to remove, but ours to end: nobody would supervise it. */
        r = engine_stop(
                supervisor->engine, container->id, -1, on_discarded, supervisor, &supervisor->call);
    else if (!container->id && container->name)
        r = engine_inspect(supervisor->engine, container->name, ANSWER_TIMEOUT_USEC,
                on_looked_for_lost, supervisor, &supervisor->call);
    else
        supervisor_report(supervisor, EVENT_DISCARDED);
    if (r < 0)
        supervisor_report(supervisor, EVENT_DISCARDED);
}

void action_end(Supervisor *supervisor)
{
    drop_request(supervisor);
    supervisor->subscription = subscription_free(supervisor->subscription);
    /* The start's reply got lost, and the engine did not come back to undo it. */
    if (supervisor->start_sent && !supervisor->end.started)
        kill_all(supervisor);
    if (supervisor->pid_file_written)
        (void)pid_file_remove(supervisor->options->pid_file, supervisor->container.pid);
    if (supervisor->unit_lock >= 0)
        (void)payload_clean(&supervisor->layout);
    (void)sd_event_exit(supervisor->event, 0);
}

void stop_say_goodbye(Supervisor *supervisor, int exit_status)
{
    bool lent = supervisor->options->main_pid_is_container || supervisor->detached;

    /* systemd must know whose exit status counts before it sees one; and of a container that runs
     * on, that it is ready: what its queue had no room for nobody says once we are gone. */
    if (supervisor->announced && lent && notify_barrier(BARRIER_TIMEOUT_USEC) < 0)
        log_warning("systemd did not confirm that it knows the main PID");
    if (!supervisor->detached)
        notify_exit(exit_status, 0, NULL);
}
