/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "supervisor/create_request.h"
#include "unit/notify.h"

#define PING_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define PING_AGAIN_USEC (250 * USEC_PER_MSEC)
#define ANSWER_TIMEOUT_USEC (60 * USEC_PER_SEC)
/* By then a request that was started is on its way. */
#define REQUEST_SENT_USEC (USEC_PER_MSEC)
/* Somebody else may take the name between our look and our create. */
#define CONFLICTS_MAX 10
#define LOOK_AGAIN_USEC (200 * USEC_PER_MSEC)
#define CONTAINER_ID_SIZE 64

/* Why a call brought nothing, as an exit code. */
static int exit_code_of(const EngineReply *reply)
{
    return reply->error != 0 && reply->error != -EPROTONOSUPPORT ? EXIT_UNAVAILABLE : EXIT_ENGINE;
}

static void fail_call(Supervisor *supervisor, const char *what, const EngineReply *reply)
{
    supervisor_fail(supervisor, exit_code_of(reply), "cannot %s: %s", what, reply->message);
    supervisor_report(supervisor, EVENT_FAILED);
}

/* A call that could not even be made: there is no memory. */
static void check_call(Supervisor *supervisor, int r, const char *what)
{
    if (r >= 0)
        return;
    supervisor_fail(supervisor, EXIT_ENGINE, "cannot %s: %s", what, strerror(-r));
    supervisor_report(supervisor, EVENT_FAILED);
}

void action_ignore_reply(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    if (!engine_reply_ok(reply))
        log_warning("container %s: the engine refused: %s", supervisor_container_name(supervisor),
                reply->message);
}

static void on_pinged(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (engine_reply_ok(reply)) {
        log_debug("the engine at %s speaks API 1.%u", engine_host(supervisor->engine),
                engine_api_minor(supervisor->engine));
        supervisor_report(supervisor, EVENT_CONNECTED);
        return;
    }
    /* Waiting mends neither of these. */
    if (reply->error == -EPROTONOSUPPORT || reply->error == -EACCES) {
        fail_call(supervisor, "speak to the engine", reply);
        return;
    }

    (void)text_replace(&supervisor->engine_trouble, reply->message);
    notify_status(
            "Waiting for the engine at %s: %s", engine_host(supervisor->engine), reply->message);
    notify_extend_timeout(PING_AGAIN_USEC + 2 * PING_TIMEOUT_USEC);
    supervisor_pause(supervisor, PING_AGAIN_USEC, start_connect);
}

void start_connect(Supervisor *supervisor)
{
    int r = engine_ping(
            supervisor->engine, PING_TIMEOUT_USEC, on_pinged, supervisor, &supervisor->call);

    check_call(supervisor, r, "speak to the engine");
}

/* The name is ours to use; is the image to be fetched first in any case? */
static void name_is_free(Supervisor *supervisor)
{
    bool pull = supervisor->request->pull == PULL_ALWAYS && !supervisor->pulled;

    supervisor_report(supervisor, pull ? EVENT_IMAGE_WANTED : EVENT_NAME_FREE);
}

static int remember_id(Supervisor *supervisor, JsonValue *reply)
{
    const char *id = json_member_string(reply, "Id", "");

    /* It goes into paths and URLs. */
    if (strlen(id) != CONTAINER_ID_SIZE || strspn(id, "0123456789abcdef") != CONTAINER_ID_SIZE)
        return -EBADMSG;
    return text_replace(&supervisor->container.id, id);
}

static bool is_ours(const Supervisor *supervisor, JsonValue *inspect)
{
    const char *unit = container_label(inspect, LABEL_UNIT);

    return supervisor->layout.unit_name && strcmp(unit, supervisor->layout.unit_name) == 0;
}

static bool is_of_this_request(const Supervisor *supervisor, JsonValue *inspect)
{
    JsonValue *labels = json_value_get(supervisor->request->body, "Labels");

    return text_equal(
            container_label(inspect, LABEL_SPEC), json_member_string(labels, LABEL_SPEC, NULL));
}

static void refuse_name(Supervisor *supervisor, JsonValue *inspect)
{
    const char *unit = container_label(inspect, LABEL_UNIT);
    const char *id = json_member_string(inspect, "Id", "?");

    if (is_ours(supervisor, inspect))
        supervisor_fail(supervisor, EXIT_ENGINE,
                "container %s of this unit is running already (%.12s) and --existing=fail is set",
                supervisor->container.name, id);
    else if (*unit)
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

static void judge_running(Supervisor *supervisor, JsonValue *inspect)
{
    ExistingAction existing = supervisor->options->existing;
    pid_t pid = (pid_t)json_member_integer(json_value_get(inspect, "State"), "Pid", 0);

    if (!is_ours(supervisor, inspect) || existing == EXISTING_FAIL) {
        refuse_name(supervisor, inspect);
        return;
    }
    /* Killed with the unit, and the engine has not noticed. */
    if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH) {
        supervisor_report(supervisor, EVENT_NAME_STALE);
        return;
    }
    if (existing == EXISTING_REPLACE || !is_of_this_request(supervisor, inspect)) {
        log_notice("container %s of this unit is running already and is replaced%s",
                supervisor->container.name,
                existing == EXISTING_REPLACE ? "" : ": it was made from other settings");
        supervisor_report(supervisor, EVENT_NAME_STALE);
        return;
    }

    log_notice("container %s of this unit is running already and is adopted",
            supervisor->container.name);
    supervisor->container.tty =
            json_member_boolean(json_value_get(inspect, "Config"), "Tty", false);
    supervisor->end.started = true;
    supervisor_report(supervisor, EVENT_NAME_ADOPTABLE);
}

/* No container has the name: none at all, or those whose IDs begin with it. */
static bool is_of_nobody(const Supervisor *supervisor, const EngineReply *reply)
{
    if (reply->status == 404 || strcasestr(reply->message, "multiple IDs found"))
        return true;
    return engine_reply_ok(reply) && !container_has_name(reply->body, supervisor->container.name);
}

static void on_looked(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;
    JsonValue *state = json_value_get(reply->body, "State");
    const char *status = json_member_string(state, "Status", "");
    bool usable = strcmp(status, "created") == 0 || strcmp(status, "exited") == 0;

    supervisor->call = NULL;
    if (is_of_nobody(supervisor, reply)) {
        name_is_free(supervisor);
        return;
    }
    if (!engine_reply_ok(reply) || remember_id(supervisor, reply->body) < 0) {
        fail_call(supervisor, "look for a container of that name", reply);
        return;
    }

    supervisor->container.ran_before = json_member_boolean(state, "Running", false);
    place_learn(supervisor, reply->body);
    if (supervisor->container.ran_before)
        judge_running(supervisor, reply->body);
    else if (supervisor->request->remove == REMOVE_NEVER && usable) {
        supervisor->container.tty =
                json_member_boolean(json_value_get(reply->body, "Config"), "Tty", false);
        if (!is_of_this_request(supervisor, reply->body))
            log_notice("container %s was made from other settings than the unit has now; with "
                       "--rm=false it is started as it is",
                    supervisor->container.name);
        supervisor_report(supervisor, EVENT_NAME_STARTABLE);
    } else
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
    check_call(supervisor, r, "look for a container of that name");
}

static void on_removal_waited(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (engine_reply_ok(reply) || reply->status == 404)
        name_is_free(supervisor);
    else
        fail_call(supervisor, "wait for the removal of the old container", reply);
}

static void report_stale(Supervisor *supervisor)
{
    supervisor_report(supervisor, EVENT_NAME_STALE);
}

/* Who has the name changed under our hands; not for ever, and not without a breath. */
static void look_again(Supervisor *supervisor, const EngineReply *reply)
{
    if (supervisor->conflicts++ < CONFLICTS_MAX)
        supervisor_pause(supervisor, LOOK_AGAIN_USEC, report_stale);
    else
        fail_call(supervisor, "get hold of the container's name", reply);
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
        fail_call(supervisor, "remove the old container", reply);
        return;
    }
    if (!strcasestr(reply->message, "removal")) {
        /* Somebody started it since we looked. */
        look_again(supervisor, reply);
        return;
    }
    /* Its removal is in progress: --rm of the last run. */
    r = engine_wait(
            supervisor->engine, supervisor->container.id, "removed", &stream, &supervisor->call);
    check_call(supervisor, r, "wait for the removal of the old container");
}

/* Never by force: what was started since we looked is somebody's. Its anonymous volumes stay, as
 * with docker rm, but for a container that was to take them along (--rm). */
static void remove_old(Supervisor *supervisor)
{
    unsigned flags = supervisor->container.auto_remove ? ENGINE_REMOVE_VOLUMES : 0;
    int r = engine_remove(supervisor->engine, supervisor->container.id, flags, on_cleared,
            supervisor, &supervisor->call);

    check_call(supervisor, r, "remove the old container");
}

static void on_old_stopped(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (!engine_reply_ok(reply) && reply->status != 404)
        log_warning("cannot stop the old container: %s", reply->message);
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
    notify_status("Stopping the container that has the name");
    if (grace != USEC_INFINITY)
        notify_extend_timeout(grace + ANSWER_TIMEOUT_USEC);
    r = engine_stop(supervisor->engine, supervisor->container.id, -1, on_old_stopped, supervisor,
            &supervisor->call);
    check_call(supervisor, r, "stop the old container");
}

static void on_pull_progress(JsonValue *item, void *userdata)
{
    Supervisor *supervisor = userdata;
    const char *layer = json_member_string(item, "id", "");
    const char *progress = json_member_string(item, "progress", "");
    uint64_t now = now_usec();

    if (now - supervisor->pull_reported_usec < USEC_PER_SEC)
        return;
    supervisor->pull_reported_usec = now;
    notify_status("Pulling %s: %s %s %s", supervisor->request->image, layer,
            json_member_string(item, "status", ""), progress);
    notify_extend_timeout(60 * USEC_PER_SEC);
}

static void on_pulled(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (!engine_reply_ok(reply)) {
        fail_call(supervisor, "pull the image", reply);
        return;
    }
    supervisor->pulled = true;
    log_info("pulled %s", supervisor->request->image);
    supervisor_report(supervisor, EVENT_PULLED);
}

void action_pull(Supervisor *supervisor)
{
    EngineStream stream = { NULL, on_pull_progress, on_pulled, supervisor };
    int r;

    log_info("pulling %s", supervisor->request->image);
    notify_status("Pulling %s", supervisor->request->image);
    notify_extend_timeout(60 * USEC_PER_SEC);
    r = engine_pull(supervisor->engine, supervisor->request->image, supervisor->request->platform,
            &stream, &supervisor->call);
    check_call(supervisor, r, "pull the image");
}

static void write_cidfile(Supervisor *supervisor)
{
    int r;

    if (!supervisor->request->cidfile)
        return;
    r = file_replace(supervisor->request->cidfile, supervisor->container.id, 0644);
    if (r < 0)
        log_warning("cannot write the container's ID to %s: %s", supervisor->request->cidfile,
                strerror(-r));
}

static void note_created(Supervisor *supervisor, JsonValue *reply)
{
    JsonValue *warnings = json_value_get(reply, "Warnings");

    for (size_t i = 0; i < json_value_length(warnings); i++)
        log_warning("%s", json_value_string(json_value_at(warnings, i), ""));

    supervisor->container.made_by_us = true;
    supervisor->container.tty = json_member_boolean(supervisor->request->body, "Tty", false);
    write_cidfile(supervisor);
    supervisor_report(supervisor, EVENT_CREATED);
}

static void on_created(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;
    /* Of the things that a create may not find, the image alone can be fetched. */
    bool no_image = reply->status == 404 && strcasestr(reply->message, "no such image");

    supervisor->call = NULL;
    if (engine_reply_ok(reply) && remember_id(supervisor, reply->body) >= 0)
        note_created(supervisor, reply->body);
    else if (no_image && !supervisor->pulled && supervisor->request->pull != PULL_NEVER)
        supervisor_report(supervisor, EVENT_IMAGE_WANTED);
    else if (reply->status == 409)
        look_again(supervisor, reply);
    else
        fail_call(supervisor, "create the container", reply);
}

void action_create(Supervisor *supervisor)
{
    int r;

    /* What a look found is gone; from here on the ID is that of ours. */
    (void)text_replace(&supervisor->container.id, NULL);
    notify_status("Creating the container");
    r = run_request_fit_api(supervisor->request, engine_api_minor(supervisor->engine));
    if (r == -EOPNOTSUPP) {
        supervisor_fail(supervisor, EXIT_ENGINE,
                "the engine speaks API 1.%u and would silently ignore a --mount option of the run "
                "line (bind-recursive=readonly needs 1.44, volume-subpath 1.45)",
                engine_api_minor(supervisor->engine));
        supervisor_report(supervisor, EVENT_FAILED);
        return;
    }
    if (r >= 0)
        r = engine_create(supervisor->engine, supervisor->container.name,
                supervisor->request->platform, supervisor->request->body, on_created, supervisor,
                &supervisor->call);
    check_call(supervisor, r, "create the container");
}

static void on_started(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    if (engine_reply_ok(reply)) {
        supervisor->end.started = true;
        supervisor->container.started_usec = now_usec();
        supervisor_report(supervisor, EVENT_STARTED);
        return;
    }
    supervisor_fail(supervisor,
            reply->error != 0 ? EXIT_UNAVAILABLE : exit_status_of_start_error(reply->message),
            "cannot start the container: %s", reply->message);
    supervisor_report(supervisor, EVENT_FAILED);
}

/* Moving a process waits for a grace period of RCU, some 10 ms (cgroup_attach_lock() in the
 * kernel): ours goes over while the engine is busy anyway. Should that fail, placing tries again,
 * and tells. */
static void use_the_time(Supervisor *supervisor)
{
    (void)place_enter_unit(supervisor);
}

void action_start(Supervisor *supervisor)
{
    int r;

    notify_status("Starting the container");
    supervisor->start_sent = true;
    r = engine_start(supervisor->engine, supervisor->container.id, on_started, supervisor,
            &supervisor->call);
    check_call(supervisor, r, "start the container");
    supervisor_pause(supervisor, REQUEST_SENT_USEC, use_the_time);
}
