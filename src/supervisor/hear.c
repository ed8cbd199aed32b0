/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "supervisor/notify_request.h"
#include "unit/notify.h"

/* The ID of the container that said READY=1, for a supervisor that adopts it: it does not say so
 * twice. Beside the directory that the container sees. */
#define READY_FILE "ready"
#define READY_FILE_MAX 256

static NotifySender identify(pid_t pid, void *userdata)
{
    const Supervisor *supervisor = userdata;

    if (!supervisor->container.id)
        return NOTIFY_SENDER_OTHER;
    if (place_has_process(supervisor, pid))
        return NOTIFY_SENDER_CONTAINER;
    /* One that ends has left its cgroups, with version 1 at once. */
    return process_is_alive(pid) ? NOTIFY_SENDER_OTHER : NOTIFY_SENDER_GONE;
}

static char *ready_file_of(const Supervisor *supervisor)
{
    _cleanup_free_ char *directory = container_directory_of(supervisor->container.name);

    return directory ? text_format("%s/%s", directory, READY_FILE) : NULL;
}

static void remember_ready(const Supervisor *supervisor)
{
    _cleanup_free_ char *path = ready_file_of(supervisor);
    int r = path ? file_replace(path, supervisor->container.id, 0600) : -ENOMEM;

    if (r < 0)
        log_warning("cannot note in %s that container %s is ready: %s", path ? path : "/run",
                supervisor_container_name(supervisor), strerror(-r));
}

static bool was_ready_before(const Supervisor *supervisor)
{
    _cleanup_free_ char *path = ready_file_of(supervisor);
    _cleanup_free_ char *id = NULL;

    return path && file_read(path, READY_FILE_MAX, &id, NULL) >= 0 &&
            text_equal(id, supervisor->container.id);
}

/* The container's READY=1 is what the life cycle waits for, and systemd hears it from there. Later
 * ones end a reload. */
static void take_ready(Supervisor *supervisor, NotifyMessage *message)
{
    if (supervisor->announced || supervisor->container_ready)
        return;
    message->phase = NOTIFY_PHASE_SAME;
    log_info("container %s says that it is ready", supervisor_container_name(supervisor));
    supervisor->container_ready = true;
    remember_ready(supervisor);
    ready_consider(supervisor);
}

/* What it said after its READY=1 must not reach systemd before that does, which waits for the move
 * into the unit and more: a WATCHDOG=trigger would fail the start. */
static void hold(Supervisor *supervisor, NotifyMessage *message)
{
    NotifyMessage *held = &supervisor->held;

    if (message->phase != NOTIFY_PHASE_SAME) {
        held->phase = message->phase == NOTIFY_PHASE_READY ? NOTIFY_PHASE_SAME : message->phase;
        held->monotonic_usec = message->monotonic_usec;
    }
    if (message->ping == NOTIFY_PING_TRIGGER)
        held->ping = message->ping;
    message->phase = NOTIFY_PHASE_SAME;
    message->ping = NOTIFY_PING_NONE;
    message->monotonic_usec = 0;
}

void hear_announced(Supervisor *supervisor)
{
    notify_forward(&supervisor->held);
}

/* Its status line stands in place of ours, until it takes it back or is unhealthy. */
static void take_status(Supervisor *supervisor, NotifyMessage *message)
{
    bool unhealthy = check_status(supervisor) == HEALTH_UNHEALTHY;

    (void)text_replace(&supervisor->container_status, message->status[0] ? message->status : NULL);
    if (message->status[0] && (!unhealthy || supervisor->state > STATE_RUNNING))
        return;
    message->has_status = false;
    if (supervisor->state == STATE_SETTLING || supervisor->state == STATE_RUNNING)
        ready_tell(supervisor);
}

/* One that a check finds unhealthy may still ping, from a thread of its own. */
static bool ping_counts(const Supervisor *supervisor)
{
    return supervisor->options->watchdog == WATCHDOG_CONTAINER &&
            !(supervisor->options->on_unhealthy == UNHEALTHY_WATCHDOG &&
                    check_status(supervisor) == HEALTH_UNHEALTHY);
}

static void on_message(const NotifyMessage *said, void *userdata)
{
    Supervisor *supervisor = userdata;
    NotifyMessage message = *said;

    if (message.phase == NOTIFY_PHASE_READY)
        take_ready(supervisor, &message);
    if (supervisor->container_ready && !supervisor->announced)
        hold(supervisor, &message);
    if (message.has_status)
        take_status(supervisor, &message);
    /* Its ping passes as the evidence that it is, if that is what the unit wants to see; our own
     * timer is silent then, see is_alive() in ready.c. */
    if (message.ping == NOTIFY_PING_ALIVE && !ping_counts(supervisor))
        message.ping = NOTIFY_PING_NONE;
    /* How long a start may take is the container's to say; how long the unit's stop may, is not. */
    if (supervisor->announced)
        message.extend_timeout_usec = 0;
    /* systemd has been told that it stops, and hears no more but why. */
    if (supervisor->state > STATE_RUNNING) {
        message.phase = NOTIFY_PHASE_SAME;
        message.ping = NOTIFY_PING_NONE;
        message.extend_timeout_usec = message.monotonic_usec = 0;
    }
    notify_forward(&message);
}

int hear_open(Supervisor *supervisor)
{
    const NotifyProxyHandlers handlers = {
        .on_message = on_message,
        .identify = identify,
        .userdata = supervisor,
    };
    _cleanup_free_ char *directory = NULL, *ready_file = NULL;
    int r;

    if (!supervisor->options->notify || supervisor->notify_proxy)
        return 0;
    directory = notify_directory_of(supervisor->container.name);
    ready_file = ready_file_of(supervisor);
    r = directory && ready_file ? 0 : -ENOMEM;
    if (r >= 0)
        r = notify_proxy_new(supervisor->event, directory, &handlers, &supervisor->notify_proxy);
    if (r < 0) {
        supervisor_fail(supervisor, EXIT_ENGINE,
                "cannot open a notify socket for the container in %s: %s",
                directory ? directory : "/run", strerror(-r));
        return r;
    }
    if (supervisor->state == STATE_ADOPTING)
        supervisor->container_ready = was_ready_before(supervisor);
    else
        (void)unlink(ready_file);
    return 0;
}

void hear_last_words(Supervisor *supervisor)
{
    notify_proxy_drain(supervisor->notify_proxy);
}

void hear_close(Supervisor *supervisor)
{
    _cleanup_free_ char *directory = container_directory_of(supervisor->container.name);
    _cleanup_free_ char *ready_file = ready_file_of(supervisor);

    if (!supervisor->notify_proxy)
        return;
    supervisor->notify_proxy = notify_proxy_free(supervisor->notify_proxy);
    if (ready_file)
        (void)unlink(ready_file);
    if (directory)
        (void)rmdir(directory);
}
