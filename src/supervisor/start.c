/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "unit/notify.h"

/* Why a call brought nothing, as an exit code. */
static int exit_code_of(const EngineReply *reply)
{
    bool answered = reply->error == 0 || reply->error == -EPROTONOSUPPORT;

    return answered || reply->error == -ENOMEM ? EXIT_ENGINE : EXIT_UNAVAILABLE;
}

void start_fail_call(Supervisor *supervisor, const char *what, const EngineReply *reply)
{
    supervisor_fail(supervisor, exit_code_of(reply), "cannot %s: %s", what, reply->message);
    supervisor_report(supervisor, EVENT_FAILED);
}

void start_check_call(Supervisor *supervisor, int r, const char *what)
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
        start_fail_call(supervisor, "speak to the engine", reply);
        return;
    }

    (void)text_replace(&supervisor->engine_trouble, reply->message);
    if (supervisor->options->engine_wait_usec == 0) {
        supervisor_report(supervisor, EVENT_TIMED_OUT);
        return;
    }
    notify_status(
            "Waiting for the engine at %s: %s", engine_host(supervisor->engine), reply->message);
    notify_extend_timeout(PING_AGAIN_USEC + 2 * PING_TIMEOUT_USEC);
    supervisor_pause(supervisor, PING_AGAIN_USEC, start_connect);
}

void start_connect(Supervisor *supervisor)
{
    int r = engine_ping(
            supervisor->engine, PING_TIMEOUT_USEC, on_pinged, supervisor, &supervisor->call);

    mode_ask_engine(supervisor);
    start_check_call(supervisor, r, "speak to the engine");
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
        start_fail_call(supervisor, "pull the image", reply);
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
    start_check_call(supervisor, r, "pull the image");
}

void start_write_cidfile(Supervisor *supervisor)
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
    start_write_cidfile(supervisor);
    supervisor_report(supervisor, EVENT_CREATED);
}

/* Of the things that a create may not find, the image alone can be fetched; so can one that is
 * there for another platform only. The words are those of GetImage() in moby's daemon/images and
 * daemon/containerd. */
static bool is_image_missing(const EngineReply *reply)
{
    static const char *const words[] = { "no such image", "image with reference ",
        "the requested image's platform" };

    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (reply->status == 404 && strcasestr(reply->message, words[i]))
            return true;
    return false;
}

static void on_created(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;
    bool no_image = is_image_missing(reply);

    supervisor->call = NULL;
    if (engine_reply_ok(reply) && claim_remember_id(supervisor, reply->body) >= 0)
        note_created(supervisor, reply->body);
    else if (no_image && !supervisor->pulled && supervisor->request->pull != PULL_NEVER)
        supervisor_report(supervisor, EVENT_IMAGE_WANTED);
    else if (reply->status == 409)
        claim_look_again(supervisor, reply);
    else
        start_fail_call(supervisor, "create the container", reply);
}

static void create(Supervisor *supervisor)
{
    int r;

    if (supervisor->state != STATE_CREATING) {
        /* A stop was asked for meanwhile, and there is nothing to undo. */
        supervisor_report(supervisor, EVENT_FAILED);
        return;
    }
    r = mode_apply(supervisor);
    if (r == -EOPNOTSUPP) {
        supervisor_report(supervisor, EVENT_FAILED);
        return;
    }
    if (r >= 0)
        r = engine_create(supervisor->engine, supervisor->container.name,
                supervisor->request->platform, supervisor->request->body, on_created, supervisor,
                &supervisor->call);
    start_check_call(supervisor, r, "create the container");
}

void action_create(Supervisor *supervisor)
{
    int r;

    /* What a look found is gone; from here on the ID is that of ours. */
    (void)text_replace(&supervisor->container.id, NULL);
    supervisor->container.ran_before = false;
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
    if (hear_open(supervisor) < 0) {
        supervisor_report(supervisor, EVENT_FAILED);
        return;
    }
    start_check_call(supervisor, r, "create the container");
    if (r >= 0 && !mode_wait(supervisor, create))
        create(supervisor);
}

static void on_started(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;

    supervisor->call = NULL;
    mode_end_birth(supervisor);
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

void action_start(Supervisor *supervisor)
{
    int r;

    notify_status("Starting the container");
    r = mode_prepare_birth(supervisor);
    if (r < 0) {
        supervisor_fail(supervisor, EXIT_ENGINE,
                "cannot prepare the cgroups of %s below %s for mode %s: %s",
                supervisor->layout.unit_name, supervisor->layout.unit,
                cgroup_mode_name(supervisor->mode), strerror(-r));
        supervisor_report(supervisor, EVENT_FAILED);
        return;
    }
    supervisor->start_sent = true;
    r = engine_start(supervisor->engine, supervisor->container.id, on_started, supervisor,
            &supervisor->call);
    start_check_call(supervisor, r, "start the container");
}
