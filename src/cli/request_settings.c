/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

/* Sets the text of a flag as `key`, unless it is empty: then docker leaves the member out. */
static int set_unless_empty(RunLine *line, const char *flag, JsonValue *object, const char *key)
{
    const char *text = run_line_text(line, flag, "");

    return *text ? json_set_string(object, key, text) : 0;
}

int request_add_program(RunLine *line)
{
    JsonValue *entrypoint;
    int r;

    r = set_unless_empty(line, "stop-signal", line->body, "StopSignal");
    if (r >= 0)
        r = set_unless_empty(line, "runtime", line->host, "Runtime");
    if (r < 0 || !run_line_has(line, "entrypoint"))
        return r;

    /* An empty one is sent, too: it takes the image's away. */
    json_unset(line->body, "Entrypoint");
    entrypoint = json_need_array(line->body, "Entrypoint");
    return json_append_string(entrypoint, run_line_text(line, "entrypoint", ""));
}

int request_add_labels(RunLine *line)
{
    const char *label;
    int r = 0;

    for (size_t i = 0; r >= 0 && (label = run_line_each(line, "label", i)); i++) {
        const char *key = label + strspn(label, " \t");

        if (!*key || *key == '=')
            return refuse(line->message, "--label: \"%s\" has no name before the =", label);
        if (strcspn(key, " \t") < strcspn(key, "="))
            return refuse(line->message, "--label: \"%s\" has white space in its name", label);
        r = run_line_set_pair(json_need_object(line->body, "Labels"), label, '=');
    }
    return r;
}

int request_add_logging(RunLine *line)
{
    JsonValue *config = json_value_get(line->host, "LogConfig");
    const char *pair;
    int r = 0;

    if (run_line_has(line, "log-opt") && text_equal(json_member_string(config, "Type", ""), "none"))
        return refuse(line->message, "--log-opt: the log driver none takes no options");
    for (size_t i = 0; r >= 0 && (pair = run_line_each(line, "log-opt", i)); i++)
        r = run_line_set_pair(json_need_object(config, "Config"), pair, '=');
    return r;
}

/* Puts `name` where it belongs in a sorted list without doubles. */
static int insert_sorted(char ***list, const char *name)
{
    size_t n = text_vector_length(*list), at = n;
    char *last;
    int r;

    while (at > 0 && strcmp((*list)[at - 1], name) >= 0)
        at--;
    if (at < n && strcmp((*list)[at], name) == 0)
        return 0;
    r = text_vector_append(list, name);
    if (r < 0)
        return r;
    last = (*list)[n];
    (void)memmove(*list + at + 1, *list + at, (n - at) * sizeof(char *));
    (*list)[at] = last;
    return 0;
}

/* docker sends capabilities as "CAP_..." (or "ALL"), in the order of the alphabet, once each. */
static int add_capabilities(RunLine *line, const char *flag, const char *key)
{
    _cleanup_vector_ char **names = NULL;
    const char *given;
    int r = 0;

    for (size_t i = 0; r >= 0 && (given = run_line_each(line, flag, i)); i++) {
        _cleanup_free_ char *upper = strdup(given), *name = NULL;

        if (!upper)
            return -ENOMEM;
        for (char *letter = upper; *letter; letter++)
            *letter = (char)toupper((unsigned char)*letter);
        name = text_format("%s%s",
                text_equal(upper, "ALL") || text_starts_with(upper, "CAP_") ? "" : "CAP_", upper);
        r = name ? insert_sorted(&names, name) : -ENOMEM;
    }
    for (char **each = names; r >= 0 && each && *each; each++)
        r = json_append_string(json_need_array(line->host, key), *each);
    return r;
}

int request_add_capabilities(RunLine *line)
{
    int r;

    r = add_capabilities(line, "cap-add", "CapAdd");
    if (r >= 0)
        r = add_capabilities(line, "cap-drop", "CapDrop");
    return r;
}

int request_check_restart(RunLine *line)
{
    const char *policy = run_line_text(line, "restart", "no");

    if (*policy && !text_equal(policy, "no"))
        return refuse(line->message,
                "--restart=%s: systemd restarts services; use Restart= in the unit", policy);
    return json_set_string(json_need_object(line->host, "RestartPolicy"), "Name", policy);
}

static const struct {
    const char *flag;
    const char *key;
} health_numbers[] = {
    { "health-interval", "Interval" },
    { "health-timeout", "Timeout" },
    { "health-start-period", "StartPeriod" },
    { "health-start-interval", "StartInterval" },
    { "health-retries", "Retries" },
};

/* {"Test":[WORD]} or {"Test":[WORD,COMMAND]} */
static int add_health_test(JsonValue *health, const char *word, const char *command)
{
    JsonValue *test = json_need_array(health, "Test");
    int r;

    r = json_append_string(test, word);
    if (r >= 0 && command)
        r = json_append_string(test, command);
    return r;
}

/* Zero and "" are what the image says: docker leaves such members out, and the whole if all are. */
int request_add_health(RunLine *line)
{
    bool is_off = run_line_switch(line, "no-healthcheck", false);
    const char *command = run_line_text(line, "health-cmd", ""), *given = NULL;
    int r = 0;

    if (*command) {
        given = "health-cmd";
        r = add_health_test(json_need_object(line->body, "Healthcheck"), "CMD-SHELL", command);
    }
    for (size_t i = 0; r >= 0 && i < ELEMENTS(health_numbers); i++) {
        int64_t number = run_line_integer(line, health_numbers[i].flag, 0);

        if (number < 0)
            return refuse(line->message, "--%s cannot be negative", health_numbers[i].flag);
        if (number == 0)
            continue;
        given = health_numbers[i].flag;
        r = json_set_integer(
                json_need_object(line->body, "Healthcheck"), health_numbers[i].key, number);
    }
    if (r < 0 || !is_off)
        return r;

    if (given)
        return refuse(line->message, "--no-healthcheck and --%s contradict each other", given);
    return add_health_test(json_need_object(line->body, "Healthcheck"), "NONE", NULL);
}
