/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/docker_values.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

/* Of setrlimit(2), by the names that docker takes; in the order in which it sends them. */
static const char *const limits[] = { "core", "cpu", "data", "fsize", "locks", "memlock",
    "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack" };

static int refuse_limit(RunLine *line, const char *text)
{
    return refuse(line->message,
            "--ulimit: \"%s\" is not NAME=SOFT[:HARD] (use for instance nofile=1024:4096)", text);
}

static int refuse_limit_name(RunLine *line, const char *text)
{
    _cleanup_free_ char *names = strdup("");

    for (size_t i = 0; names && i < ELEMENTS(limits); i++) {
        char *longer = text_format("%s%s%s", names, i > 0 ? ", " : "", limits[i]);

        free(names);
        names = longer;
    }
    return names ? refuse(line->message, "--ulimit: \"%s\" has none of the names %s", text, names)
                 : -ENOMEM;
}

/* SOFT[:HARD], where -1 is no limit. */
static int parse_limit(RunLine *line, const char *text, int64_t *ret_soft, int64_t *ret_hard)
{
    const char *value = text + strcspn(text, "=") + 1, *colon = strchr(value, ':');
    _cleanup_free_ char *soft = strndup(value, colon ? (size_t)(colon - value) : strlen(value));

    if (!soft)
        return -ENOMEM;
    if (parse_integer(soft, ret_soft) < 0)
        return refuse_limit(line, text);
    *ret_hard = *ret_soft;
    if (colon && parse_integer(colon + 1, ret_hard) < 0)
        return refuse_limit(line, text);
    if (*ret_hard != -1 && (*ret_soft == -1 || *ret_soft > *ret_hard))
        return refuse(
                line->message, "--ulimit: \"%s\": the soft limit is above the hard one", text);
    return 0;
}

static int append_limit(RunLine *line, const char *name, int64_t soft, int64_t hard)
{
    JsonValue *limit = json_new_object();
    int r;

    r = json_set_string(limit, "Name", name);
    if (r >= 0)
        r = json_set_integer(limit, "Hard", hard);
    if (r >= 0)
        r = json_set_integer(limit, "Soft", soft);
    if (r < 0) {
        (void)json_value_unref(limit);
        return r;
    }
    return json_append(json_need_array(line->host, "Ulimits"), limit);
}

/* Which of the limits `text` sets, or -1. */
static int find_limit(const char *text)
{
    size_t size = strcspn(text, "=");

    for (size_t i = 0; text[size] && i < ELEMENTS(limits); i++)
        if (strlen(limits[i]) == size && memcmp(limits[i], text, size) == 0)
            return (int)i;
    return -1;
}

static int add_limits(RunLine *line)
{
    struct {
        bool is_set;
        int64_t soft, hard;
    } found[ELEMENTS(limits)] = { 0 };
    const char *text;
    int r = 0;

    for (size_t i = 0; (text = run_line_each(line, "ulimit", i)); i++) {
        int at = find_limit(text);

        if (at < 0)
            return strchr(text, '=') ? refuse_limit_name(line, text) : refuse_limit(line, text);
        r = parse_limit(line, text, &found[at].soft, &found[at].hard);
        if (r < 0)
            return r;
        found[at].is_set = true;
    }
    for (size_t i = 0; r >= 0 && i < ELEMENTS(limits); i++)
        if (found[i].is_set)
            r = append_limit(line, limits[i], found[i].soft, found[i].hard);
    return r;
}

/* The settings that have a namespace of their own; others would change the host. */
static bool is_namespaced(const char *text)
{
    static const char *const names[] = { "kernel.msgmax=", "kernel.msgmnb=", "kernel.msgmni=",
        "kernel.sem=", "kernel.shmall=", "kernel.shmmax=", "kernel.shmmni=",
        "kernel.shm_rmid_forced=" };

    if (!strchr(text, '='))
        return false;
    if (text_starts_with(text, "net.") || text_starts_with(text, "fs.mqueue."))
        return true;
    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (text_starts_with(text, names[i]))
            return true;
    return false;
}

static int add_sysctls(RunLine *line)
{
    const char *text;
    int r = 0;

    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "sysctl", i)); i++) {
        if (!is_namespaced(text))
            return refuse(line->message,
                    "--sysctl: \"%s\" is not NAME=VALUE of a setting that containers have for "
                    "themselves (net.*, fs.mqueue.*, kernel.shm*, kernel.msg*, kernel.sem)",
                    text);
        r = run_line_set_pair(json_need_object(line->host, "Sysctls"), text, '=');
    }
    return r;
}

/* "-1" is no limit on swap; else a size. */
static int add_swap(RunLine *line)
{
    const char *text = run_line_text(line, "memory-swap", "0");
    int64_t size = -1;

    if (!text_equal(text, "-1") && docker_value_bytes(text, &size) < 0)
        return refuse(line->message,
                "--memory-swap: \"%s\" is not a size (use for instance 512m or 2g; -1: no limit)",
                text);
    return json_set_integer(line->host, "MemorySwap", size);
}

int request_add_resources(RunLine *line)
{
    int r;

    r = add_limits(line);
    if (r >= 0)
        r = add_sysctls(line);
    if (r >= 0)
        r = add_swap(line);
    return r;
}
