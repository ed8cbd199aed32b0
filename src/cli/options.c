/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/container_name.h"
#include "cli/environment.h"
#include "cli/option_table.h"
#include "cli/refusal.h"

#define DEFAULT_HOST "unix:///var/run/docker.sock"
#define DEFAULT_ENGINE_WAIT (30 * USEC_PER_SEC)

static const struct {
    const char *name;
    Verb verb;
} verbs[] = {
    { "run", VERB_RUN },
    { "cleanup", VERB_CLEANUP },
    { "healthcheck", VERB_HEALTHCHECK },
    { "status", VERB_STATUS },
    { "check", VERB_CHECK },
    { "setup-runtime", VERB_SETUP_RUNTIME },
};

/* `before`: the word before it. */
static int parse_verb(const char *word, const char *before, Verb *ret, char **ret_message)
{
    const char *name = text_after(before, "--");
    const Flag *option = name ? option_find(name, strlen(name)) : NULL;

    for (size_t i = 0; i < ELEMENTS(verbs); i++)
        if (strcmp(verbs[i].name, word) == 0) {
            *ret = verbs[i].verb;
            return 0;
        }
    if (option && !option->takes_value)
        return refuse(ret_message,
                "unknown command \"%s\": if it is meant for --%s, an equals sign stands between "
                "them: --%s=%s",
                word, name, name, word);
    return refuse(ret_message,
            "unknown command \"%s\": it is run (or --), cleanup, healthcheck, status, check or "
            "setup-runtime",
            word);
}

/* Takes options up to the first word that is none. *ret_run_option: the last one that means
 * something to run alone. */
static int take_options(
        Options *options, FlagScan *scan, const char **ret_run_option, char **ret_message)
{
    const char *value;
    const Flag *flag;
    int r;

    while ((r = flag_scan_next(scan, &flag, &value, ret_message)) > 0) {
        const Option *option = (const Option *)flag;

        r = option->take(options, option, value, ret_message);
        if (r < 0)
            return r;
        if (options->verb == VERB_HELP || options->verb == VERB_VERSION)
            return 0;
        if (!option->is_general)
            *ret_run_option = flag->name;
    }
    return r;
}

static int take_name(Options *options, const char *verb, const char *given, char **ret_message)
{
    const char *name = container_name_of(given);

    if (!name)
        return refuse(ret_message, "%s: \"%s\" is not a container's name (%s)", verb, given,
                CONTAINER_NAME_RULE);
    return text_replace(&options->name, name);
}

/* What stands behind a verb other than run: options, and for some the container's name. */
static int take_operands(Options *options, FlagScan *scan, const char *verb,
        const char **run_option, char **ret_message)
{
    bool wants_name = options->verb == VERB_CLEANUP || options->verb == VERB_HEALTHCHECK ||
            options->verb == VERB_STATUS;
    int r;

    for (;;) {
        if (!scan->ended_by_dashes) {
            r = take_options(options, scan, run_option, ret_message);
            if (r < 0 || options->verb == VERB_HELP || options->verb == VERB_VERSION)
                return r;
        }
        if (!*scan->argv)
            break;
        if (!wants_name || options->name)
            return refuse(ret_message, "%s: \"%s\" is one argument too many", verb, *scan->argv);
        r = take_name(options, verb, *scan->argv++, ret_message);
        if (r < 0)
            return r;
    }

    if (wants_name && !options->name)
        return refuse(ret_message, "%s needs the name of a container", verb);
    if (*run_option)
        return refuse(ret_message, "--%s is an option of run, not of %s", *run_option, verb);
    return 0;
}

static int parse_words(Options *options, FlagScan *scan, char **ret_message)
{
    const char *run_option = NULL, *verb;
    int r;

    r = take_options(options, scan, &run_option, ret_message);
    if (r < 0 || options->verb == VERB_HELP || options->verb == VERB_VERSION)
        return r;

    if (!scan->ended_by_dashes) {
        verb = *scan->argv;
        if (!verb)
            return refuse(ret_message,
                    "nothing to do: use \"systemd-ctr run DOCKER-RUN-ARGUMENT... IMAGE\", or see "
                    "systemd-ctr --help");
        r = parse_verb(verb, scan->argv[-1], &options->verb, ret_message);
        if (r < 0)
            return r;
        scan->argv++;
        if (options->verb != VERB_RUN)
            return take_operands(options, scan, verb, &run_option, ret_message);
        if (text_equal(*scan->argv, "--"))
            scan->argv++;
    }

    if (text_equal(*scan->argv, "--help")) {
        options->verb = VERB_HELP;
        return 0;
    }
    options->run_line = scan->argv;
    return 0;
}

/* What the container itself is to say needs the socket that it says it to. */
static int settle_notify(Options *options, char **ret_message)
{
    if (!options->notify && options->ready == READY_NOTIFY)
        return refuse(
                ret_message, "--ready=notify waits for the container's READY=1: add --notify");
    if (!options->notify && options->watchdog == WATCHDOG_CONTAINER)
        return refuse(ret_message,
                "--watchdog=container passes the container's WATCHDOG=1 on: add --notify");
    if (options->notify && options->ready == READY_AUTO)
        options->ready = READY_NOTIFY;
    if (options->notify && options->watchdog == WATCHDOG_AUTO)
        options->watchdog = WATCHDOG_CONTAINER;
    return 0;
}

static int settle_host(Options *options, char *const *environment, char **ret_message)
{
    const char *source = options->host ? "--host" : "DOCKER_HOST";
    const char *host =
            options->host ? options->host : environment_value(environment, "DOCKER_HOST");
    const char *context = environment_value(environment, "DOCKER_CONTEXT");

    if (!host && context && !text_equal(context, "default"))
        return refuse(ret_message,
                "DOCKER_CONTEXT=%s: the contexts of the docker CLI are not read here (say where "
                "its engine is with --host)",
                context);
    if (!host)
        return text_replace(&options->host, DEFAULT_HOST);
    if (text_starts_with(host, "tcp://") && environment_value(environment, "DOCKER_TLS") &&
            !environment_value(environment, "DOCKER_TLS_VERIFY"))
        return refuse(ret_message,
                "DOCKER_TLS asks for TLS with whomever: use DOCKER_TLS_VERIFY, which asks who it "
                "is");

    if (!text_starts_with(host, "unix:///") && !text_starts_with(host, "tcp://"))
        return refuse(ret_message,
                "%s: \"%s\" is no address of an engine that we can reach (use unix:///PATH or "
                "tcp://HOST:PORT)",
                source, host);
    return options->host ? 0 : text_replace(&options->host, host);
}

int options_parse(char *const *argv, char *const *environment, Options *ret, char **ret_message)
{
    FlagScan scan = {
        .argv = argv[0] ? argv + 1 : argv,
        .find = option_find,
        .unknown = "unknown option (docker's own stand behind \"run\"):",
        .prefer_long = true,
    };
    int r;

    *ret = (Options){
        .verb = VERB_RUN, .engine_wait_usec = DEFAULT_ENGINE_WAIT, .reload_signal = SIGHUP
    };
    *ret_message = NULL;

    r = parse_words(ret, &scan, ret_message);
    /* Neither fails for what else is wrong. */
    if (r < 0 || ret->verb == VERB_HELP || ret->verb == VERB_VERSION)
        return r;
    if (ret->json && ret->verb != VERB_STATUS)
        return refuse(ret_message, "--json is an option of status");
    if ((ret->setup.remove || ret->setup.runtime || ret->setup.config) &&
            ret->verb != VERB_SETUP_RUNTIME)
        return refuse(ret_message, "--remove, --runtime and --config are options of setup-runtime");
    if (ret->setup.remove && ret->setup.runtime)
        return refuse(ret_message, "--remove and --runtime exclude each other");
    if (ret->if_due && ret->verb != VERB_HEALTHCHECK)
        return refuse(ret_message, "--if-due is an option of healthcheck");
    if (ret->await_end && ret->verb != VERB_HEALTHCHECK)
        return refuse(ret_message, "--await-end is an option of healthcheck");
    if (ret->wait_before_notify_usec == USEC_INFINITY)
        return refuse(ret_message, "--wait-before-notify: READY=1 would never be sent");
    r = settle_notify(ret, ret_message);
    if (r < 0)
        return r;
    return settle_host(ret, environment, ret_message);
}

void options_clear(Options *options)
{
    text_vector_free(options->hierarchies);
    free(options->pid_file);
    free(options->setup.runtime);
    free(options->setup.config);
    free(options->probe);
    free(options->startup_probe);
    free(options->reload_command);
    free(options->host);
    free(options->name);
    *options = (Options){ 0 };
}
