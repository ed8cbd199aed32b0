/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/container_name.h"
#include "cli/docker_values.h"
#include "cli/environment.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

#define PLATFORM_PARTS 3

/* What others call the machines that Go has a name for (containerd's platforms). */
static const struct {
    const char *alias, *name, *variant;
} machine_names[] = {
    { "i386", "386", NULL },
    { "x86_64", "amd64", NULL },
    { "x86-64", "amd64", NULL },
    { "aarch64", "arm64", NULL },
    { "armhf", "arm", "v7" },
    { "armel", "arm", "v6" },
};

/* OS[/ARCHITECTURE[/VARIANT]], in small letters, into its parts; the number of them, or -EINVAL. */
static int split_platform(char *text, const char *parts[PLATFORM_PARTS])
{
    int n = 0;

    for (char *part; (part = strsep(&text, "/"));) {
        if (n == PLATFORM_PARTS || !*part)
            return -EINVAL;
        for (char *letter = part; *letter; letter++) {
            if (!isalnum((unsigned char)*letter) && !strchr("_.-", *letter))
                return -EINVAL;
            *letter = (char)tolower((unsigned char)*letter);
        }
        parts[n++] = part;
    }
    return n;
}

/* What stands alone is a system or a machine, which runs Linux. Of a system alone the engine takes
 * its own machine. */
static bool is_machine(const char *word)
{
    static const char *const machines[] = { "386", "amd64", "arm", "arm64", "loong64", "mips64",
        "mips64le", "ppc64le", "riscv64", "s390x" };

    for (size_t i = 0; i < ELEMENTS(machines); i++)
        if (text_equal(word, machines[i]))
            return true;
    for (size_t i = 0; i < ELEMENTS(machine_names); i++)
        if (text_equal(word, machine_names[i].alias) && is_machine(machine_names[i].name))
            return true;
    return false;
}

/* As the CLI does, so that an engine sees one name for one platform. */
static char *join_platform(const char *parts[PLATFORM_PARTS])
{
    const char *os = text_equal(parts[0], "macos") ? "darwin" : parts[0];
    const char *machine = parts[1], *variant = parts[2];

    for (size_t i = 0; i < ELEMENTS(machine_names); i++) {
        if (text_equal(machine, machine_names[i].alias)) {
            machine = machine_names[i].name;
            variant = machine_names[i].variant ? machine_names[i].variant : variant;
        }
    }
    if (!machine)
        return strdup(os);
    /* What is meant when nothing is said: arm is v7, amd64 is v1. */
    if (text_equal(machine, "amd64") && text_equal(variant, "v1"))
        variant = NULL;
    if (text_equal(machine, "arm") && text_equal(variant, "v7") && !parts[2])
        variant = NULL;
    return text_format("%s/%s%s%s%s", os, machine, variant ? "/" : "",
            variant && strspn(variant, "5678") == 1 && !variant[1] ? "v" : "",
            variant ? variant : "");
}

static int settle_platform(RunLine *line)
{
    bool is_given = run_line_has(line, "platform");
    const char *given = is_given ? run_line_text(line, "platform", "")
                                 : environment_value(line->environment, "DOCKER_DEFAULT_PLATFORM");
    const char *parts[PLATFORM_PARTS] = { NULL };
    _cleanup_free_ char *copy = NULL;
    int n;

    if (!given || !*given)
        return 0;
    if (text_replace(&copy, given) < 0)
        return -ENOMEM;
    n = split_platform(copy, parts);
    if (n == 1 && is_machine(parts[0])) {
        parts[1] = parts[0];
        parts[0] = "linux";
    } else if (n == 1 && !text_equal(parts[0], "linux"))
        n = -EINVAL;
    if (n < 0 || strchr(parts[0], '.'))
        return refuse(line->message,
                "%s: \"%s\" is not OS/ARCHITECTURE[/VARIANT] (use for instance linux/arm64)",
                is_given ? "--platform" : "DOCKER_DEFAULT_PLATFORM", given);
    line->request->platform = join_platform(parts);
    return line->request->platform ? 0 : -ENOMEM;
}

static int settle_pull(RunLine *line)
{
    static const struct {
        const char *word;
        PullPolicy policy;
    } policies[] = {
        { "missing", PULL_MISSING }, { "always", PULL_ALWAYS }, { "never", PULL_NEVER },
        { "", PULL_NEVER }, /* so the CLI acts, though nobody says so */
    };
    const char *given = run_line_text(line, "pull", "missing");

    for (size_t i = 0; i < ELEMENTS(policies); i++)
        if (text_equal(given, policies[i].word)) {
            line->request->pull = policies[i].policy;
            return 0;
        }
    return refuse(line->message, "--pull: \"%s\" is none of always, missing, never", given);
}

static int settle_name(RunLine *line)
{
    const char *given = run_line_text(line, "name", ""), *name = container_name_of(given);

    if (!*given)
        return 0;
    if (!name)
        return refuse(line->message, "--name: \"%s\" is not a container's name (%s)", given,
                CONTAINER_NAME_RULE);
    return text_replace(&line->request->name, name);
}

/* Docker's --rm and ours are one; the run line's wins. */
static int settle_remove(RunLine *line)
{
    RemovePolicy remove = line->options->remove;

    if (run_line_has(line, "rm"))
        remove = run_line_switch(line, "rm", false) ? REMOVE_AT_END : REMOVE_NEVER;
    line->request->remove = remove;
    return json_set_boolean(line->host, "AutoRemove", remove == REMOVE_AT_END);
}

static int settle_cidfile(RunLine *line)
{
    const char *path = run_line_text(line, "cidfile", "");
    int r;

    r = json_set_string(line->host, "ContainerIDFile", path);
    if (r >= 0 && *path)
        r = text_replace(&line->request->cidfile, path);
    return r;
}

/* Nobody who asks for verified images is to get others. */
static int check_trust(RunLine *line)
{
    const char *wanted = environment_value(line->environment, "DOCKER_CONTENT_TRUST");
    bool is_wanted = true;

    if (!run_line_switch(line, "disable-content-trust", true))
        return refuse(line->message,
                "--disable-content-trust=false is not supported by this version of systemd-ctr");
    if (run_line_has(line, "disable-content-trust") || !wanted)
        return 0;
    /* What is no truth value is meant, says the CLI. */
    (void)docker_value_boolean(wanted, &is_wanted);
    return !is_wanted
            ? 0
            : refuse(line->message,
                      "DOCKER_CONTENT_TRUST=%s is not supported by this version of systemd-ctr "
                      "(unset it, or add --disable-content-trust)",
                      wanted);
}

int request_settle_query(RunLine *line)
{
    int r;

    r = check_trust(line);
    if (r >= 0)
        r = settle_name(line);
    if (r >= 0)
        r = settle_platform(line);
    if (r >= 0)
        r = settle_pull(line);
    if (r >= 0)
        r = settle_remove(line);
    if (r >= 0)
        r = settle_cidfile(line);
    return r;
}
