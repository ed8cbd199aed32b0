/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "supervisor/create_request.h"
#include "supervisor/owner.h"
#include "unit/notify.h"

#define ANSWER_TIMEOUT_USEC (60 * USEC_PER_SEC)
/* Somebody else may take the name between our look and our create. */
#define CONFLICTS_MAX 10
#define LOOK_AGAIN_USEC (200 * USEC_PER_MSEC)

/* The name is ours to use; is the image to be fetched first in any case? */
static void name_is_free(Supervisor *supervisor)
{
    bool pull = supervisor->request->pull == PULL_ALWAYS && !supervisor->pulled;

    supervisor_report(supervisor, pull ? EVENT_IMAGE_WANTED : EVENT_NAME_FREE);
}

int claim_remember_id(Supervisor *supervisor, JsonValue *reply)
{
    const char *id = json_member_string(reply, "Id", "");

    /* It goes into paths and URLs. */
    if (strlen(id) != CONTAINER_ID_SIZE || strspn(id, "0123456789abcdef") != CONTAINER_ID_SIZE)
        return -EBADMSG;
    return text_replace(&supervisor->container.id, id);
}

static bool is_ours(const Supervisor *supervisor, const char *unit)
{
    return supervisor->layout.unit_name && text_equal(unit, supervisor->layout.unit_name);
}

static bool is_made_by_us(const Supervisor *supervisor, JsonValue *inspect)
{
    return is_ours(supervisor, container_label(inspect, LABEL_UNIT));
}

static bool is_of_this_request(const Supervisor *supervisor, JsonValue *inspect)
{
    JsonValue *labels = json_value_get(supervisor->request->body, "Labels");

    return text_equal(
            container_label(inspect, LABEL_SPEC), json_member_string(labels, LABEL_SPEC, NULL));
}

/* --rm=false: what the unit did not make. That it is the unit's nevertheless must be known before
 * it runs, to whoever comes after us. */
static void take_over(Supervisor *supervisor)
{
    const char *name = supervisor->container.name;
    int r;

    if (!supervisor->layout.unit_name)
        return;
    r = owner_write(name, supervisor->container.id, supervisor->layout.unit_name);
    supervisor->container.taken_over = r >= 0;
    if (r < 0)
        log_warning("cannot note that container %s is now of %s: %s; if systemd-ctr is killed, "
                    "nobody ends it",
                name, supervisor->layout.unit_name, strerror(-r));
}

static void refuse_name(Supervisor *supervisor, JsonValue *inspect, const char *unit)
{
    const char *id = json_member_string(inspect, "Id", "?");

    if (is_ours(supervisor, unit))
        supervisor_fail(supervisor, EXIT_ENGINE,
                "container %s of this unit is running already (%.12s) and --existing=fail is set",
                supervisor->container.name, id);
    else if (unit && *unit)
        supervisor_fail(supervisor, EXIT_ENGINE,
                "the name %s is taken by a running container (%.12s) of the unit %s; stop that "
                "unit or choose another --name",
                supervisor->container.name, id, unit);
    else
        supervisor_fail(supervisor, EXIT_ENGINE,
                "the name %s is taken by a running container (%.12s) that systemd-ctr did not "
                "start; stop it with docker stop or choose another --name",
                supervisor->container.name, id);
    supervisor_report(supervisor, EVENT_FAILED);
}

/* It is used as it is. */
static void report_usable(Supervisor *supervisor)
{
    mode_keep(supervisor);
    start_write_cidfile(supervisor);
    supervisor_report(supervisor,
            supervisor->container.ran_before ? EVENT_NAME_ADOPTABLE : EVENT_NAME_STARTABLE);
}

static void use(Supervisor *supervisor, JsonValue *inspect)
{
    supervisor->container.tty =
            json_member_boolean(json_value_get(inspect, "Config"), "Tty", false);
    mode_learn(supervisor, inspect);
    if (!mode_wait(supervisor, report_usable))
        report_usable(supervisor);
}

/* --rm=false: a container of this name is used as it is. */
static bool is_kept(const Supervisor *supervisor)
{
    return supervisor->request->remove == REMOVE_NEVER &&
            supervisor->options->existing != EXISTING_REPLACE;
}

static void tell_other_settings(Supervisor *supervisor, JsonValue *inspect)
{
    if (!is_of_this_request(supervisor, inspect))
        log_notice("container %s was made from other settings than the unit has now; with "
                   "--rm=false it is used as it is",
                supervisor->container.name);
}

/* Killed with the unit, and the engine has not noticed? In mode none the unit takes nothing along,
 * and the processes may be on another machine. */
static bool is_dead(const Supervisor *supervisor, JsonValue *inspect)
{
    pid_t pid = (pid_t)json_member_integer(json_value_get(inspect, "State"), "Pid", 0);

    return pid > 0 && supervisor->options->cgroup_mode != CGROUP_MODE_NONE &&
            !text_starts_with(container_label(inspect, LABEL_CGROUP_MODE), "none") &&
            kill(pid, 0) < 0 && errno == ESRCH;
}

static void judge_running(Supervisor *supervisor, JsonValue *inspect, const char *unit)
{
    ExistingAction existing = supervisor->options->existing;

    if (!is_ours(supervisor, unit) || existing == EXISTING_FAIL) {
        refuse_name(supervisor, inspect, unit);
        return;
    }
    if (is_dead(supervisor, inspect)) {
        supervisor_report(supervisor, EVENT_NAME_STALE);
        return;
    }
    if (existing == EXISTING_REPLACE ||
            !(is_kept(supervisor) || is_of_this_request(supervisor, inspect))) {
        log_notice("container %s of this unit is running already and is replaced%s",
                supervisor->container.name,
                existing == EXISTING_REPLACE ? "" : ": it was made from other settings");
        supervisor_report(supervisor, EVENT_NAME_STALE);
        return;
    }

    log_notice("container %s of this unit is running already and is adopted",
            supervisor->container.name);
    tell_other_settings(supervisor, inspect);
    supervisor->end.started = true;
    use(supervisor, inspect);
}

/* No container has the name: none at all, or those whose IDs begin with it. */
static bool is_of_nobody(const Supervisor *supervisor, const EngineReply *reply)
{
    if (reply->status == 404 || strcasestr(reply->message, "multiple IDs found"))
        return true;
    return engine_reply_ok(reply) && !container_has_name(reply->body, supervisor->container.name);
}

static void use_stopped(Supervisor *supervisor, JsonValue *inspect, const char *unit)
{
    tell_other_settings(supervisor, inspect);
    if (!is_ours(supervisor, unit) || !is_made_by_us(supervisor, inspect))
        take_over(supervisor);
    use(supervisor, inspect);
}

static void on_looked(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;
    JsonValue *state = json_value_get(reply->body, "State");
    const char *status = json_member_string(state, "Status", "");
    bool usable = strcmp(status, "created") == 0 || strcmp(status, "exited") == 0;
    _cleanup_free_ char *unit = NULL;

    supervisor->call = NULL;
    if (is_of_nobody(supervisor, reply)) {
        name_is_free(supervisor);
        return;
    }
    if (!engine_reply_ok(reply) || claim_remember_id(supervisor, reply->body) < 0) {
        start_fail_call(supervisor, "look for a container of that name", reply);
        return;
    }

    supervisor->container.ran_before = json_member_boolean(state, "Running", false);
    place_learn(supervisor, reply->body);
    unit = owner_of(reply->body, supervisor->container.name);
    supervisor->container.taken_over =
            is_ours(supervisor, unit) && !is_made_by_us(supervisor, reply->body);
    if (supervisor->container.ran_before)
        judge_running(supervisor, reply->body, unit);
    else if (supervisor->request->remove == REMOVE_NEVER && usable)
        use_stopped(supervisor, reply->body, unit);
    else
        supervisor_report(supervisor, EVENT_NAME_STALE);
}

void action_look(Supervisor *supervisor)
{
    int r;

    if (!supervisor->container.name) {
        name_is_free(supervisor);
        return;
    }
    r = engine_inspect(supervisor->engine, supervisor->container.name, ANSWER_TIMEOUT_USEC,
            on_looked, supervisor, &supervisor->call);
    start_check_call(supervisor, r, "look for a container of that name");
}

static void on_removal_waited(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (engine_reply_ok(reply) || reply->status == 404)
        name_is_free(supervisor);
    else
        start_fail_call(supervisor, "wait for the removal of the old container", reply);
}

static void report_stale(Supervisor *supervisor)
{
    supervisor_report(supervisor, EVENT_NAME_STALE);
}

void claim_look_again(Supervisor *supervisor, const EngineReply *reply)
{
    if (supervisor->conflicts++ < CONFLICTS_MAX)
        supervisor_pause(supervisor, LOOK_AGAIN_USEC, report_stale);
    else
        start_fail_call(supervisor, "get hold of the container's name", reply);
}

static void on_cleared(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;
    EngineStream stream = { NULL, NULL, on_removal_waited, supervisor };
    int r;

    supervisor->call = NULL;
    if (engine_reply_ok(reply) || reply->status == 404) {
        name_is_free(supervisor);
        return;
    }
    if (reply->status != 409) {
        start_fail_call(supervisor, "remove the old container", reply);
        return;
    }
    /* Docker 20.10 says of a running one as well that its removal is not to be. */
    if (!strcasestr(reply->message, "already in progress")) {
        /* Somebody started it since we looked. */
        claim_look_again(supervisor, reply);
        return;
    }
    /* Its removal is in progress: --rm of the last run. */
    r = engine_wait(
            supervisor->engine, supervisor->container.id, "removed", &stream, &supervisor->call);
    start_check_call(supervisor, r, "wait for the removal of the old container");
}

/* Never by force: what was started since we looked is somebody's. Its anonymous volumes stay, as
 * with docker rm, but for a container that was to take them along (--rm). */
static void remove_old(Supervisor *supervisor)
{
    unsigned flags = supervisor->container.auto_remove ? ENGINE_REMOVE_VOLUMES : 0;
    int r = engine_remove(supervisor->engine, supervisor->container.id, flags, on_cleared,
            supervisor, &supervisor->call);

    start_check_call(supervisor, r, "remove the old container");
}

static void on_old_stopped(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (!engine_reply_ok(reply) && reply->status != 404)
        log_warning("cannot stop the old container: %s", reply->message);
    if (is_kept(supervisor))
        claim_look_again(supervisor, reply);
    else
        remove_old(supervisor);
}

/* What runs goes down first, in its own way. */
void action_clear(Supervisor *supervisor)
{
    uint64_t grace = supervisor->container.stop_timeout_usec;
    int r;

    if (!supervisor->container.ran_before) {
        remove_old(supervisor);
        return;
    }
    /* It must be able to go. */
    if (supervisor->has_layout)
        (void)container_thaw(&supervisor->layout, supervisor->container.id);
    notify_status("Stopping the container that has the name");
    if (grace != USEC_INFINITY)
        notify_extend_timeout(grace + ANSWER_TIMEOUT_USEC);
    r = engine_stop(supervisor->engine, supervisor->container.id, -1, on_old_stopped, supervisor,
            &supervisor->call);
    start_check_call(supervisor, r, "stop the old container");
}

/* What may run on stays the unit's, for its cleanup and its next start. */
void claim_release(Supervisor *supervisor)
{
    const Container *container = &supervisor->container;
    bool ran = supervisor->end.started || container->ran_before;

    if (container->taken_over && (!ran || supervisor->exit_seen || container->process_gone))
        owner_remove(container->name);
}
