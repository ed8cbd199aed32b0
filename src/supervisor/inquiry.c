/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/inquiry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cgroup/layout.h"
#include "health/health_json.h"
#include "supervisor/cgroup_mode.h"
#include "supervisor/create_request.h"
#include "supervisor/errand.h"
#include "supervisor/state_file.h"
#include "supervisor/supervisor.h"
#include "unit/runtime_directory.h"

#define ENGINE_WAIT_MAX_USEC (2 * USEC_PER_SEC)

/* An answer that is asked for now is wanted now. */
static uint64_t patience_of(const Options *options)
{
    return options->engine_wait_usec < ENGINE_WAIT_MAX_USEC ? options->engine_wait_usec
                                                            : ENGINE_WAIT_MAX_USEC;
}

/* How the container came to be where it is: in the unit's cgroup, or in one of Docker's own. */
static const char *cgroup_mode_in(JsonValue *inspect, const char *path)
{
    _cleanup_free_ char *unit_path = NULL, *unit_name = NULL;

    if (!path)
        return "";
    if (cgroup_path_unit(path, &unit_path, &unit_name) >= 0 &&
            strcmp(unit_name, container_label(inspect, LABEL_UNIT)) == 0)
        return cgroup_mode_name(cgroup_mode_of_container(inspect));
    return cgroup_path_is_of_container(path, json_member_string(inspect, "Id", "")) ? "none" : "";
}

/* The label says "MODE: why"; what it came to may differ. */
static const char *cgroup_mode_reason(JsonValue *inspect, const char *mode)
{
    const char *rest = text_after(container_label(inspect, LABEL_CGROUP_MODE), mode);

    rest = *mode && rest ? text_after(rest, ": ") : NULL;
    return rest ? rest : "";
}

/* What our own record says, if it is of this run, else Docker. */
static void learn_health(JsonValue *inspect, const char *name, int64_t pid, HealthRecord *ret)
{
    JsonValue *state = json_value_get(inspect, "State");
    _cleanup_json_ JsonValue *record = NULL;
    _cleanup_free_ char *directory = NULL;

    *ret = (HealthRecord){ 0 };
    if (pid > 0 && runtime_directory_path(name, &directory) >= 0 &&
            state_file_read(directory, &record) >= 0 &&
            json_member_integer(record, "Pid", 0) == pid && health_record_parse(record, ret) >= 0)
        return;
    if (health_record_parse(json_value_get(state, "Health"), ret) < 0)
        *ret = (HealthRecord){ 0 };
}

static JsonValue *describe(JsonValue *inspect)
{
    _cleanup_json_ JsonValue *answer = json_new_object();
    JsonValue *state = json_value_get(inspect, "State");
    JsonValue *config = json_value_get(inspect, "Config");
    const char *slashed = json_member_string(inspect, "Name", "");
    const char *name = slashed[0] == '/' ? slashed + 1 : slashed;
    const char *id = json_member_string(inspect, "Id", "");
    const char *unit = container_label(inspect, LABEL_UNIT);
    int64_t pid = json_member_integer(state, "Pid", 0);
    _cleanup_free_ char *path = NULL;
    const char *mode;
    HealthRecord health;

    learn_health(inspect, name, pid, &health);
    if (pid > 0)
        (void)cgroup_of_process((pid_t)pid, &path);
    mode = cgroup_mode_in(inspect, path);

    if (json_set_string(answer, "name", name) < 0 || json_set_string(answer, "id", id) < 0 ||
            json_set_string(answer, "image", json_member_string(config, "Image", "")) < 0 ||
            json_set_string(answer, "unit", unit) < 0 ||
            json_set_string(answer, "state", json_member_string(state, "Status", "")) < 0 ||
            json_set_string(answer, "started", json_member_string(state, "StartedAt", "")) < 0 ||
            json_set_integer(answer, "pid", pid) < 0 ||
            json_set_integer(answer, "exit_code", json_member_integer(state, "ExitCode", 0)) < 0 ||
            json_set_string(answer, "cgroup", path ? path : "") < 0 ||
            json_set_string(answer, "cgroup_mode", mode) < 0 ||
            json_set_string(answer, "cgroup_mode_reason", cgroup_mode_reason(inspect, mode)) < 0 ||
            json_set(answer, "Health", health_record_format(&health)) < 0)
        return NULL;
    return TAKE_PTR(answer);
}

static void print_line(const char *label, const char *text)
{
    if (text && *text)
        printf("%12s: %s\n", label, text);
}

static void print_mode(JsonValue *answer)
{
    const char *mode = json_member_string(answer, "cgroup_mode", "");
    const char *reason = json_member_string(answer, "cgroup_mode_reason", "");

    if (*mode)
        printf("%12s: %s%s%s%s\n", "cgroup mode", mode, *reason ? " (" : "", reason,
                *reason ? ")" : "");
}

static void print_health(JsonValue *health)
{
    JsonValue *log = json_value_get(health, "Log");
    int64_t streak = json_member_integer(health, "FailingStreak", 0);

    printf("%12s: %s", "health", json_member_string(health, "Status", ""));
    if (streak > 0)
        printf(", failing streak %lld", (long long)streak);
    putchar('\n');
    for (size_t i = 0; i < json_value_length(log); i++) {
        JsonValue *result = json_value_at(log, i);
        const char *output = json_member_string(result, "Output", "");

        printf("%12s: %s, exit code %lld%s%.*s\n", "probe", json_member_string(result, "End", ""),
                (long long)json_member_integer(result, "ExitCode", 0), *output ? ": " : "",
                (int)strcspn(output, "\n"), output);
    }
}

static void print_status(JsonValue *answer)
{
    int64_t pid = json_member_integer(answer, "pid", 0);
    const char *health = json_member_string(json_value_get(answer, "Health"), "Status", "none");

    printf("%s (%.12s)\n", json_member_string(answer, "name", ""),
            json_member_string(answer, "id", ""));
    print_line("unit", json_member_string(answer, "unit", ""));
    print_line("image", json_member_string(answer, "image", ""));
    print_line("state", json_member_string(answer, "state", ""));
    if (pid > 0) {
        printf("%12s: %lld\n", "PID", (long long)pid);
        print_line("started", json_member_string(answer, "started", ""));
        print_line("cgroup", json_member_string(answer, "cgroup", ""));
        print_mode(answer);
    } else
        printf("%12s: %lld\n", "exit code", (long long)json_member_integer(answer, "exit_code", 0));
    if (strcmp(health, "none") != 0)
        print_health(json_value_get(answer, "Health"));
}

static void on_inspected(const EngineReply *reply, void *userdata)
{
    Errand *errand = userdata;
    _cleanup_json_ JsonValue *answer = NULL;

    if (reply->status == 404 ||
            (engine_reply_ok(reply) && !container_has_name(reply->body, errand->options->name))) {
        log_error("there is no container %s", errand->options->name);
        errand_end(errand, 1);
        return;
    }
    if (!engine_reply_ok(reply)) {
        errand_fail(errand, "look for the container", reply);
        return;
    }

    answer = describe(reply->body);
    if (!answer) {
        errand_check(errand, -ENOMEM, "tell the status");
        return;
    }
    if (errand->options->json)
        printf("%s\n", json_value_format(answer));
    else
        print_status(answer);
    errand_end(errand, 0);
}

static void on_status_connected(Errand *errand)
{
    errand_check(errand,
            engine_inspect(errand->engine, errand->options->name, ERRAND_ANSWER_USEC, on_inspected,
                    errand, NULL),
            "look for the container");
}

int status_run(const Options *options)
{
    Errand errand = { 0 };

    return errand_run(&errand, options, patience_of(options), on_status_connected);
}

/* For a unit with Delegate=yes on this host. */
static void print_modes(JsonValue *info, bool has_cgroups, bool version1)
{
    static const CgroupMode modes[] = {
        CGROUP_MODE_PARENT,
        CGROUP_MODE_RUNTIME,
        CGROUP_MODE_MOVE,
        CGROUP_MODE_NONE,
    };
    CgroupOffer offer = { .delegated = true, .version1 = version1 };
    const char *why;
    CgroupMode chosen;

    if (!has_cgroups)
        offer.place_trouble = "no cgroups that systemd keeps are mounted here";
    cgroup_offer_of_engine(&offer, info, "");
    chosen = cgroup_mode_choose(&offer, &why);
    for (size_t i = 0; i < ELEMENTS(modes); i++) {
        const char *obstacle = cgroup_mode_obstacle(modes[i], &offer);
        _cleanup_free_ char *label = text_format("mode %s", cgroup_mode_name(modes[i]));

        printf("%12s: %s%s\n", label ? label : "mode", obstacle ? "no: " : "yes",
                obstacle                     ? obstacle
                        : modes[i] == chosen ? ", and auto takes it in a unit with Delegate=yes"
                                             : "");
    }
    if (offer.exec_trouble)
        print_line("note", offer.exec_trouble);
}

static void print_cgroups(int r, const CgroupLayout *layout)
{
    _cleanup_free_ char *names = NULL;

    if (r < 0) {
        print_line("cgroups", strerror(-r));
    } else if (!layout->hierarchies) {
        print_line("cgroup v2", layout->mount);
    } else {
        names = hierarchies_describe(layout->hierarchies, false);
        print_line(hierarchies_are_hybrid(layout->hierarchies) ? "hybrid" : "cgroup v1", names);
        print_line("note",
                "after a move, what is executed in a container stays in Docker's cgroup; it ends "
                "with the container");
    }
}

static void on_info(const EngineReply *reply, void *userdata)
{
    Errand *errand = userdata;
    JsonValue *info = reply->body;
    CgroupLayout layout = { 0 };
    int r;

    if (!engine_reply_ok(reply)) {
        errand_fail(errand, "ask the engine what it is", reply);
        return;
    }

    printf("%12s: Docker %s at %s, API 1.%u\n", "engine",
            json_member_string(info, "ServerVersion", "?"), engine_host(errand->engine),
            engine_api_minor(errand->engine));
    printf("%12s: driver %s, version %s, default runtime %s, live-restore %s\n", "containers",
            json_member_string(info, "CgroupDriver", "?"),
            json_member_string(info, "CgroupVersion", "1"),
            json_member_string(info, "DefaultRuntime", "?"),
            json_member_boolean(info, "LiveRestoreEnabled", false) ? "on" : "off");

    r = cgroup_layout_find(&layout);
    print_cgroups(r, &layout);
    print_modes(info, r >= 0, layout.hierarchies);
    cgroup_layout_clear(&layout);

    /* Without it the engine takes the containers down with it. */
    if (!json_member_boolean(info, "LiveRestoreEnabled", false))
        print_line("advice",
                "\"live-restore\": true in /etc/docker/daemon.json lets containers "
                "survive a restart of the engine");
    errand_end(errand, r < 0 ? 1 : 0);
}

static void on_check_connected(Errand *errand)
{
    errand_check(errand, engine_info(errand->engine, ERRAND_ANSWER_USEC, on_info, errand, NULL),
            "ask the engine what it is");
}

int check_run(const Options *options)
{
    Errand errand = { 0 };

    return errand_run(&errand, options, patience_of(options), on_check_connected);
}
