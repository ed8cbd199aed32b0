/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/create_request.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/command_line.h"
#include "base/text.h"
#include "health/probe_spec.h"
#include "supervisor/notify_request.h"
#include "unit/notify.h"

char *container_name_of_unit(const char *unit_name)
{
    const char *dot = strrchr(unit_name, '.');
    int size = dot ? (int)(dot - unit_name) : (int)strlen(unit_name);
    /* Docker wants [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
    bool fits = size >= 2 && isalnum((unsigned char)unit_name[0]);
    char *name = text_format("%s%.*s", fits ? "" : "ctr-", size, unit_name);

    for (char *c = name; c && *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
            *c = '-';
    return name;
}

bool container_has_name(JsonValue *inspect, const char *name)
{
    const char *slashed = json_member_string(inspect, "Name", "");

    return slashed[0] == '/' && strcmp(slashed + 1, name) == 0;
}

const char *container_label(JsonValue *inspect, const char *label)
{
    JsonValue *labels = json_value_get(json_value_get(inspect, "Config"), "Labels");

    return json_member_string(labels, label, "");
}

/* FNV-1a: tells whether a container was made from the same request, against accidents, not
 * against malice (whoever makes containers is root already). */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037ULL;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
    return hash;
}

static int add_labels(JsonValue *body, const char *unit_name)
{
    const char *invocation = getenv("INVOCATION_ID");
    const char *text = json_value_format(body);
    char hash[17];
    JsonValue *labels;

    if (!text)
        return -ENOMEM;
    (void)snprintf(hash, sizeof(hash), "%016" PRIx64, hash_of(text));

    labels = json_need_object(body, "Labels");
    if (json_set_string(labels, LABEL_UNIT, unit_name ? unit_name : "") < 0 ||
            json_set_string(labels, LABEL_INVOCATION, invocation ? invocation : "") < 0)
        return -ENOMEM;
    return json_set_string(labels, LABEL_SPEC, hash);
}

/* The engine's journald driver copies labels that its option `labels` names into fields of each
 * entry; OBJECT_SYSTEMD_UNIT= is the one that journalctl -u looks for, and trusts from root alone.
 */
static int log_to_journal(JsonValue *body, const char *unit_name, char **ret_message)
{
    static const char label[] = "object_systemd_unit";
    JsonValue *host = json_need_object(body, "HostConfig");
    JsonValue *log = json_need_object(host, "LogConfig");
    JsonValue *config = json_need_object(log, "Config");
    const char *driver = json_member_string(log, "Type", "");
    const char *others = json_member_string(config, "labels", "");
    _cleanup_free_ char *names = NULL;

    if (*driver && strcmp(driver, "journald") != 0) {
        *ret_message = text_format("--logs=journald contradicts --log-driver=%s: leave out one of "
                                   "them",
                driver);
        return -EINVAL;
    }

    names = text_format("%s%s%s", others, *others ? "," : "", label);
    if (!names || json_set_string(log, "Type", "journald") < 0 ||
            json_set_string(config, "labels", names) < 0)
        return -ENOMEM;
    if (!unit_name)
        return 0;
    return json_set_string(json_need_object(body, "Labels"), label, unit_name);
}

static int add_notify(const RunRequest *request, const Options *options, char **ret_message)
{
    uint64_t watchdog_usec = 0;

    if (options->watchdog != WATCHDOG_CONTAINER || notify_watchdog_period(&watchdog_usec) <= 0)
        watchdog_usec = 0;
    return notify_request_add(request->body, request->name, watchdog_usec, ret_message);
}

/* Switched off, that is: where nothing is said the image may have one. */
static bool check_is_off(JsonValue *body)
{
    JsonValue *test = json_value_get(json_value_get(body, "Healthcheck"), "Test");

    return strcmp(json_value_string(json_value_at(test, 0), ""), "NONE") == 0;
}

/* With a probe of ours Docker's own check is switched off; the times of it, the run line's or the
 * image's, are the probe's. */
static int replace_check(JsonValue *body, char **ret_message)
{
    JsonValue *healthcheck = json_need_object(body, "Healthcheck");
    JsonValue *test = json_value_get(healthcheck, "Test");

    if (json_value_length(test) > 0 && !check_is_off(body)) {
        *ret_message = text_format("--probe contradicts --health-cmd: leave out one of them");
        return -EINVAL;
    }
    json_unset(healthcheck, "Test");
    return json_append_string(json_need_array(healthcheck, "Test"), "NONE");
}

/* Checks what is read again when it is needed: a wrong one must not get as far as that. */
static int check_probe(const char *option, const char *text, char **ret_message)
{
    _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
    _cleanup_free_ char *message = NULL;
    int r = text ? probe_spec_parse(text, &spec, &message) : 0;

    if (r == -EINVAL)
        *ret_message = text_format("--%s: %s", option, message ? message : text);
    return r;
}

static int check_reload(const Options *options, char **ret_message)
{
    _cleanup_vector_ char **words = NULL;
    const char *complaint;
    int r;

    if (!options->reload_command)
        return 0;
    r = command_line_split(options->reload_command, &words, &complaint);
    if (r == -EINVAL)
        *ret_message = text_format("--reload-cmd: \"%s\": %s", options->reload_command, complaint);
    return r;
}

static int add_check(JsonValue *body, const Options *options, char **ret_message)
{
    int r;

    r = check_probe("probe", options->probe, ret_message);
    if (r >= 0)
        r = check_probe("startup-probe", options->startup_probe, ret_message);
    if (r >= 0)
        r = check_reload(options, ret_message);
    if (r < 0)
        return r;
    if (options->probe)
        return replace_check(body, ret_message);
    if (options->ready == READY_HEALTHY && check_is_off(body)) {
        *ret_message = text_format("--ready=healthy contradicts --no-healthcheck: leave out one of "
                                   "them, or add --probe");
        return -EINVAL;
    }
    return 0;
}

int create_request_complete(
        RunRequest *request, const Options *options, const char *unit_name, char **ret_message)
{
    int r;

    if (!request->name && unit_name) {
        request->name = container_name_of_unit(unit_name);
        if (!request->name)
            return -ENOMEM;
    }
    r = add_check(request->body, options, ret_message);
    if (r < 0)
        return r;
    if (options->logs == LOGS_JOURNALD) {
        r = log_to_journal(request->body, unit_name, ret_message);
        if (r < 0)
            return r;
    }
    if (options->notify) {
        r = add_notify(request, options, ret_message);
        if (r < 0)
            return r;
    }
    return add_labels(request->body, unit_name);
}
