/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "unit/notify.h"

static void on_subscribed(void *userdata)
{
    Supervisor *supervisor = userdata;

    log_debug("subscribed to the container's exit, events and output");
    supervisor_report(supervisor, EVENT_SUBSCRIBED);
}

static void on_failed(const EngineReply *reply, void *userdata)
{
    start_fail_call(userdata, "subscribe to the container's exit", reply);
}

static void on_exited(bool known, int status, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->exit_seen = true;
    supervisor->end.known = known;
    supervisor->end.status = status;
    supervisor_report(supervisor, EVENT_EXITED);
}

/* docker stop and docker kill show as "kill" with the signal's number. */
static void note_kill(Supervisor *supervisor, JsonValue *event)
{
    JsonValue *attributes = json_value_get(json_value_get(event, "Actor"), "Attributes");
    uint64_t number;

    if (parse_unsigned(json_member_string(attributes, "signal", ""), &number) < 0)
        return;
    if (number != (uint64_t)supervisor->container.stop_signal)
        return;
    supervisor->stop_seen_by_engine = true;
    if (supervisor->state == STATE_STOPPING)
        return;
    log_notice("container %s: the engine sent it its stop signal",
            supervisor_container_name(supervisor));
    supervisor->stop_told_usec = now_usec();
}

static void on_event(JsonValue *event, void *userdata)
{
    Supervisor *supervisor = userdata;

    const char *action = json_member_string(event, "Action", "");

    if (strcmp(action, "kill") == 0)
        note_kill(supervisor, event);
    else if (strcmp(action, "pause") == 0 || strcmp(action, "unpause") == 0)
        check_note_pause(supervisor, *action == 'p');
    else
        check_ask_docker(supervisor);
}

static void on_output(int fd, const void *data, size_t size, void *userdata)
{
    Supervisor *supervisor = userdata;

    if (output_write(supervisor->output, fd, data, size) < 0)
        log_warning("no memory for %zu bytes of the container's output", size);
}

static void on_output_end(void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->output_ended = true;
    stop_consider_left(supervisor);
}

static void on_lost(const char *message, void *userdata)
{
    Supervisor *supervisor = userdata;

    /* Before it need not have begun; after it does not go on, which has lines of its own. */
    if (supervisor->state >= STATE_PLACING && supervisor->state <= STATE_RUNNING) {
        log_warning("the engine is away (%s); container %s goes on", message,
                supervisor_container_name(supervisor));
        notify_status("Running; the engine is away: %s", message);
    } else
        log_warning("the engine is away (%s)", message);
    if (supervisor->state == STATE_STOPPING)
        supervisor_report(supervisor, EVENT_STOP_UNANSWERED);
}

static void on_inspected(JsonValue *inspect, bool after_loss, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->output_ended = supervisor->options->logs != LOGS_ATTACH;
    place_learn(supervisor, inspect);
    if (!after_loss)
        return;
    check_note_engine_back(supervisor);
    log_notice("the engine is back; container %s is still running",
            supervisor_container_name(supervisor));
    ready_tell(supervisor);
}

static void on_output_full(void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->output_is_held = true;
    subscription_pause_output(supervisor->subscription, true);
}

static void on_output_room(void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->output_is_held = false;
    subscription_pause_output(supervisor->subscription, false);
}

static void on_output_empty(void *userdata)
{
    stop_consider_left(userdata);
}

static void on_output_lost(int fd, int error, void *userdata)
{
    (void)userdata;
    log_warning("%s has no reader any more (%s): the container's output there is dropped",
            fd == 1 ? "stdout" : "stderr", strerror(-error));
}

void action_subscribe(Supervisor *supervisor)
{
    static const int fds[] = { STDOUT_FILENO, STDERR_FILENO };
    const SubscriptionRequest request = {
        .container = supervisor->container.id,
        .running = supervisor->state == STATE_ADOPTING,
        .output = supervisor->options->logs == LOGS_ATTACH,
        .tty = supervisor->container.tty,
    };
    const SubscriptionHandlers handlers = {
        .on_subscribed = on_subscribed,
        .on_failed = on_failed,
        .on_exited = on_exited,
        .on_event = on_event,
        .on_output = on_output,
        .on_output_end = on_output_end,
        .on_lost = on_lost,
        .on_inspected = on_inspected,
        .userdata = supervisor,
    };
    const OutputHandlers output_handlers = {
        .on_full = on_output_full,
        .on_room = on_output_room,
        .on_empty = on_output_empty,
        .on_lost = on_output_lost,
        .userdata = supervisor,
    };
    int r = 0;

    if (hear_open(supervisor) < 0) {
        supervisor_report(supervisor, EVENT_FAILED);
        return;
    }
    if (request.output)
        r = output_new(supervisor->event, fds, &output_handlers, &supervisor->output);
    if (r >= 0)
        r = subscription_new(supervisor->event, supervisor->engine, &request, &handlers,
                &supervisor->subscription);
    start_check_call(supervisor, r, "subscribe to the container's exit");
}
