/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/environment.h"
#include "cli/option_table.h"
#include "cli/options.h"

static char *none[] = { NULL };

/* "systemd-ctr" and the words of `line` (blanks between them). */
static char **split(const char *line)
{
    _cleanup_free_ char *copy = strdup(line);
    char **argv = NULL, *rest = copy, *word;

    assert_int_equal(text_vector_append(&argv, "systemd-ctr"), 0);
    while (*line && (word = strsep(&rest, " ")))
        assert_int_equal(text_vector_append(&argv, word), 0);
    return argv;
}

static const char *const verbs[] = { "run", "cleanup", "healthcheck", "status", "check",
    "setup-runtime", "help", "version" };
static const char *const logs[] = { "attach", "journald", "none" };
static const char *const modes[] = { "auto", "parent", "runtime", "move", "none" };
static const char *const removes[] = { "at-next-start", "at-end", "never" };
static const char *const readies[] = { "auto", "started", "healthy", "notify" };
static const char *const watchdogs[] = { "auto", "healthy", "running", "container", "off" };
static const char *const actions[] = { "watchdog", "trigger", "stop", "none" };
static const char *const existings[] = { "adopt", "replace", "fail" };

static void add(char **text, const char *format, ...) _printf_(2, 3);
static void add(char **text, const char *format, ...)
{
    va_list arguments;
    char *more, *longer;

    va_start(arguments, format);
    assert_true(vasprintf(&more, format, arguments) >= 0);
    va_end(arguments);
    longer = text_format("%s%s%s", *text ? *text : "", *text ? " " : "", more);
    free(more);
    free(*text);
    *text = longer;
}

static void add_word(char **text, const char *name, const char *const *words, unsigned value)
{
    if (value != 0)
        add(text, "%s=%s", name, words[value]);
}

static void add_vector(char **text, const char *name, char *const *vector)
{
    add(text, "%s", name);
    for (; *vector; vector++)
        add(text, "%s", *vector);
}

/* The verb, and all that is not the default. */
static char *describe(const Options *options)
{
    char *text = NULL;

    add(&text, "%s", verbs[options->verb]);
    if (options->name)
        add(&text, "name=%s", options->name);
    if (options->verbose)
        add(&text, "verbose");
    if (options->dry_run)
        add(&text, "dry-run");
    if (options->json)
        add(&text, "json");
    if (options->notify)
        add(&text, "notify");
    if (options->setup.remove)
        add(&text, "remove");
    if (options->setup.runtime)
        add(&text, "runtime=%s", options->setup.runtime);
    if (options->setup.config)
        add(&text, "config=%s", options->setup.config);
    if (options->pass_environment)
        add(&text, "env");
    add_word(&text, "logs", logs, options->logs);
    add_word(&text, "cgroup-mode", modes, options->cgroup_mode);
    add_word(&text, "rm", removes, options->remove);
    add_word(&text, "ready", readies, options->ready);
    add_word(&text, "watchdog", watchdogs, options->watchdog);
    add_word(&text, "on-unhealthy", actions, options->on_unhealthy);
    add_word(&text, "existing", existings, options->existing);
    if (options->probe)
        add(&text, "probe=%s", options->probe);
    if (options->startup_probe)
        add(&text, "startup-probe=%s", options->startup_probe);
    if (options->reload_signal != SIGHUP)
        add(&text, "reload-signal=%s", format_signal(options->reload_signal));
    if (options->reload_command)
        add(&text, "reload-cmd=%s", options->reload_command);
    if (options->main_pid_is_container)
        add(&text, "main-pid=container");
    if (options->pid_file)
        add(&text, "pid-file=%s", options->pid_file);
    if (options->wait_before_notify_usec != 0)
        add(&text, "wait=%s", format_span(options->wait_before_notify_usec));
    if (options->engine_wait_usec != 30 * USEC_PER_SEC)
        add(&text, "engine-wait=%s", format_span(options->engine_wait_usec));
    if (!text_equal(options->host, "unix:///var/run/docker.sock"))
        add(&text, "host=%s", options->host);
    if (options->hierarchies)
        add_vector(&text, "hierarchies:", options->hierarchies);
    if (options->run_line)
        add_vector(&text, "line:", options->run_line);
    return text;
}

static const struct {
    const char *line;
    const char *meaning;
} accepted[] = {
    /* Both forms of the start. */
    { "run img", "run line: img" },
    { "run -- img", "run line: img" },
    { "run -- --rm img -- x", "run line: --rm img -- x" },
    { "run -- -- img", "run line: -- img" },
    { "-- --name x img", "run line: --name x img" },
    { "-- run", "run line: run" },
    { "-v -- --rm img", "run verbose line: --rm img" },
    { "run -e A=B -p 80:80 -v /a:/b img run --env -l=0",
            "run line: -e A=B -p 80:80 -v /a:/b img run --env -l=0" },
    { "run", "run line:" },
    { "--", "run line:" },

    /* The README of systemd-docker, with the program's name changed. */
    { "run --rm --name nginx.service nginx", "run line: --rm --name nginx.service nginx" },
    { "--logs=false run --rm --name %n nginx", "run logs=none line: --rm --name %n nginx" },
    { "--env run --rm --name %n nginx", "run env line: --rm --name %n nginx" },
    { "--cgroups name=systemd --cgroups=cpu run --rm --name %n nginx",
            "run hierarchies: systemd cpu line: --rm --name %n nginx" },
    { "--pid-file=/var/run/%n.pid --env run --rm --name %n nginx",
            "run env pid-file=/var/run/%n.pid line: --rm --name %n nginx" },
    { "--logs=false --rm=false run img", "run logs=none rm=never line: img" },
    { "--cgroups name=systemd run img", "run hierarchies: systemd line: img" },
    { "--notify=false run -name x img", "run line: -name x img" },
    { "--notify run img", "run notify ready=notify watchdog=container line: img" },
    { "-n run img", "run notify ready=notify watchdog=container line: img" },
    { "-n=1 run img", "run notify ready=notify watchdog=container line: img" },
    { "-n --ready=healthy --watchdog=running run img",
            "run notify ready=healthy watchdog=running line: img" },
    { "--ready notify --watchdog container --notify=true run img",
            "run notify ready=notify watchdog=container line: img" },

    /* Its other spellings. */
    { "-logs=false run img", "run logs=none line: img" },
    { "-l=0 run img", "run logs=none line: img" },
    { "-l=1 run img", "run line: img" },
    { "-l run img", "run line: img" },
    { "--logs run img", "run line: img" },
    { "-p /x.pid run img", "run pid-file=/x.pid line: img" },
    { "-p=/x.pid run img", "run pid-file=/x.pid line: img" },
    { "-p/x.pid run img", "run pid-file=/x.pid line: img" },
    { "-pid-file /x.pid run img", "run pid-file=/x.pid line: img" },
    { "-pid-file=/x.pid run img", "run pid-file=/x.pid line: img" },
    { "-env run img", "run env line: img" },
    { "-e run img", "run env line: img" },
    { "-e=false run img", "run line: img" },
    { "--env=false run img", "run line: img" },
    { "-n=false run img", "run line: img" },
    { "-c name=systemd run img", "run hierarchies: systemd line: img" },
    { "-c cpu -c all run img", "run hierarchies: cpu all line: img" },
    { "-cgroups=cpu,cpuacct run img", "run hierarchies: cpu,cpuacct line: img" },
    { "-ev run img", "run verbose env line: img" },

    /* The rest, one by one. */
    { "--logs=attach run img", "run line: img" },
    { "--logs=journald run img", "run logs=journald line: img" },
    { "--logs=none run img", "run logs=none line: img" },
    { "--logs=none --logs=attach run img", "run line: img" },
    { "--rm run img", "run rm=at-end line: img" },
    { "--probe=tcp://127.0.0.1:1 --startup-probe exec:true --on-unhealthy=stop run img",
            "run on-unhealthy=stop probe=tcp://127.0.0.1:1 startup-probe=exec:true line: img" },
    { "--reload-signal=SIGUSR1 --reload-cmd 'true' run img",
            "run reload-signal=SIGUSR1 reload-cmd='true' line: img" },
    { "--cgroup-mode=move run img", "run cgroup-mode=move line: img" },
    { "--cgroup-mode=parent run img", "run cgroup-mode=parent line: img" },
    { "--cgroup-mode=runtime run img", "run cgroup-mode=runtime line: img" },
    { "--cgroup-mode none run img", "run cgroup-mode=none line: img" },
    { "--cgroup-mode=auto run img", "run line: img" },
    { "--ready=started run img", "run ready=started line: img" },
    { "--ready=healthy run img", "run ready=healthy line: img" },
    { "--wait-before-notify=1min30s run img", "run wait=1min 30s line: img" },
    { "--wait-before-notify 1m30s run img", "run wait=1min 30s line: img" },
    { "--watchdog=healthy run img", "run watchdog=healthy line: img" },
    { "--watchdog=running run img", "run watchdog=running line: img" },
    { "--watchdog=off run img", "run watchdog=off line: img" },
    { "--on-unhealthy=trigger run img", "run on-unhealthy=trigger line: img" },
    { "--on-unhealthy=none run img", "run on-unhealthy=none line: img" },
    { "--main-pid=container run img", "run main-pid=container line: img" },
    { "--main-pid=container --main-pid=wrapper run img", "run line: img" },
    { "--existing=replace run img", "run existing=replace line: img" },
    { "--existing=fail run img", "run existing=fail line: img" },
    { "--engine-wait=5 run img", "run engine-wait=5s line: img" },
    { "--credentials=false run img", "run line: img" },
    { "--dry-run run img", "run dry-run line: img" },
    { "--dry-run=false run img", "run line: img" },
    { "-H unix:///run/x.sock run img", "run host=unix:///run/x.sock line: img" },
    { "--host=tcp://127.0.0.1:2375 run img", "run host=tcp://127.0.0.1:2375 line: img" },

    /* Other verbs. */
    { "cleanup web", "cleanup name=web" },
    { "-v cleanup -H tcp://h:1 web", "cleanup name=web verbose host=tcp://h:1" },
    { "status web", "status name=web" },
    { "status --json web", "status name=web json" },
    { "status web --json", "status name=web json" },
    { "--json status web", "status name=web json" },
    { "status -- web", "status name=web" },
    { "cleanup /web", "cleanup name=web" },
    { "cleanup 0123456789ab", "cleanup name=0123456789ab" },
    { "check", "check" },
    { "check -v", "check verbose" },
    { "setup-runtime", "setup-runtime" },
    { "setup-runtime --remove", "setup-runtime remove" },
    { "setup-runtime --remove=false --runtime=/usr/bin/crun",
            "setup-runtime runtime=/usr/bin/crun" },
    { "--config /x.json setup-runtime", "setup-runtime config=/x.json" },
    { "--help", "help" },
    { "-h", "help" },
    { "-v --help --no-such", "help verbose" },
    { "status --help", "help" },
    { "run --help", "help" },
    { "--version", "version" },
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(accepted); i++) {
        _cleanup_vector_ char **argv = split(accepted[i].line);
        _cleanup_free_ char *message = NULL, *meaning = NULL;
        Options options;
        int r;

        r = options_parse(argv, none, &options, &message);
        if (r < 0)
            fail_msg("%s: %d, %s", accepted[i].line, r, message);
        assert_null(message);
        meaning = describe(&options);
        /* What --help and --version leave of the rest is of no interest but for the verb. */
        if (options.verb < VERB_HELP)
            assert_string_equal(meaning, accepted[i].meaning);
        else
            assert_true(text_starts_with(meaning, verbs[options.verb]));
        assert_true(text_starts_with(accepted[i].meaning, verbs[options.verb]));
        options_clear(&options);
    }
}

#define UNSUPPORTED " is not supported by this version of systemd-ctr"

static const struct {
    const char *line;
    const char *message;
} refused[] = {
    { "",
            "nothing to do: use \"systemd-ctr run DOCKER-RUN-ARGUMENT... IMAGE\", or see "
            "systemd-ctr "
            "--help" },
    { "-v",
            "nothing to do: use \"systemd-ctr run DOCKER-RUN-ARGUMENT... IMAGE\", or see "
            "systemd-ctr --help" },
    { "start img",
            "unknown command \"start\": it is run (or --), cleanup, healthcheck, status, check or "
            "setup-runtime" },
    { "--logs none run img",
            "unknown command \"none\": if it is meant for --logs, an equals sign stands between "
            "them: --logs=none" },
    { "healthcheck", "healthcheck needs the name of a container" },
    { "--if-due status web", "--if-due is an option of healthcheck" },
    { "--await-end run img", "--await-end is an option of healthcheck" },
    { "--no-such run img", "unknown option (docker's own stand behind \"run\"): --no-such" },
    { "--no-such=1 run img", "unknown option (docker's own stand behind \"run\"): --no-such" },
    { "--name x img", "unknown option (docker's own stand behind \"run\"): --name" },
    { "-x run img", "unknown option (docker's own stand behind \"run\"): -x in -x" },
    { "-ex run img", "unknown option (docker's own stand behind \"run\"): -x in -ex" },
    { "--log run img", "unknown option (docker's own stand behind \"run\"): --log" },

    /* Not there yet, by name. */
    { "--credentials run img", "--credentials" UNSUPPORTED },

    /* Values that are none. */
    { "--ready=maybe run img", "--ready: \"maybe\" is none of auto, started, healthy, notify" },
    { "--logs=maybe run img", "--logs: \"maybe\" is none of attach, journald, none" },
    { "--logs= run img", "--logs: \"\" is none of attach, journald, none" },
    { "--cgroup-mode=x run img",
            "--cgroup-mode: \"x\" is none of auto, parent, runtime, move, none" },
    { "--watchdog=x run img",
            "--watchdog: \"x\" is none of auto, healthy, running, container, off" },
    { "--on-unhealthy=x run img",
            "--on-unhealthy: \"x\" is none of watchdog, trigger, stop, none" },
    { "--reload-signal=NOSUCH run img",
            "--reload-signal: \"NOSUCH\" is not the name of a signal (use for instance HUP)" },
    { "--main-pid=x run img", "--main-pid: \"x\" is none of wrapper, container" },
    { "--existing=x run img", "--existing: \"x\" is none of adopt, replace, fail" },
    { "--env=maybe run img", "--env: \"maybe\" is neither true nor false" },
    { "--rm=maybe run img", "--rm: \"maybe\" is neither true nor false" },
    { "--ready=notify run img", "--ready=notify waits for the container's READY=1: add --notify" },
    { "--notify=no --ready=notify run img",
            "--ready=notify waits for the container's READY=1: add --notify" },
    { "--watchdog=container run img",
            "--watchdog=container passes the container's WATCHDOG=1 on: add --notify" },
    { "--notify=maybe run img", "--notify: \"maybe\" is neither true nor false" },
    { "--wait-before-notify=soon run img",
            "--wait-before-notify: \"soon\" is not a time span (use for instance 5s or 1min)" },
    { "--wait-before-notify=infinity run img",
            "--wait-before-notify: READY=1 would never be sent" },
    { "--engine-wait= run img",
            "--engine-wait: \"\" is not a time span (use for instance 5s or 1min)" },
    { "--pid-file=x.pid run img", "--pid-file: \"x.pid\" is not an absolute path" },
    { "--pid-file= run img", "--pid-file: \"\" is not an absolute path" },
    { "--cgroups= run img", "--cgroups: \"\" is not the name of a cgroup hierarchy" },
    { "--cgroups=../x run img", "--cgroups: \"../x\" is not the name of a cgroup hierarchy" },
    { "--pid-file", "--pid-file needs a value behind it" },
    { "-p", "--pid-file needs a value behind it" },
    { "--ready", "--ready needs a value behind it" },
    { "-H ssh://x run img",
            "--host: \"ssh://x\" is no address of an engine that we can reach (use "
            "unix:///PATH or tcp://HOST:PORT)" },
    { "-H  run img",
            "--host: \"\" is no address of an engine that we can reach (use unix:///PATH "
            "or tcp://HOST:PORT)" },
    { "--help=x", "--help takes no value" },

    /* What does not go with a verb. */
    { "cleanup", "cleanup needs the name of a container" },
    { "status", "status needs the name of a container" },
    { "cleanup a b", "cleanup: \"b\" is one argument too many" },
    { "check web", "check: \"web\" is one argument too many" },
    { "--json run img", "--json is an option of status" },
    { "cleanup --json web", "--json is an option of status" },
    { "--logs=none cleanup web", "--logs is an option of run, not of cleanup" },
    { "status --rm web", "--rm is an option of run, not of status" },
    { "--dry-run cleanup web", "--dry-run is an option of run, not of cleanup" },
    { "status --no-such web", "unknown option (docker's own stand behind \"run\"): --no-such" },
    { "--remove run img", "--remove, --runtime and --config are options of setup-runtime" },
    { "--runtime=/x run img", "--remove, --runtime and --config are options of setup-runtime" },
    { "check --config=/x", "--remove, --runtime and --config are options of setup-runtime" },
    { "setup-runtime --runtime=crun", "--runtime: \"crun\" is not an absolute path" },
    { "setup-runtime --remove --runtime=/x", "--remove and --runtime exclude each other" },
    { "setup-runtime web", "setup-runtime: \"web\" is one argument too many" },
    { "cleanup a\nb",
            "cleanup: \"a?b\" is not a container's name (letters, digits, _ . -, the "
            "first a letter or digit)" },
    { "cleanup ../x",
            "cleanup: \"../x\" is not a container's name (letters, digits, _ . -, the "
            "first a letter or digit)" },
    { "status ",
            "status: \"\" is not a container's name (letters, digits, _ . -, the first a "
            "letter or digit)" },
    { "a\nb",
            "unknown command \"a?b\": it is run (or --), cleanup, healthcheck, status, check or "
            "setup-runtime" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(refused); i++) {
        _cleanup_vector_ char **argv = split(refused[i].line);
        _cleanup_free_ char *message = NULL;
        Options options;

        if (options_parse(argv, none, &options, &message) != -EINVAL)
            fail_msg("%s: accepted", refused[i].line);
        assert_string_equal(message, refused[i].message);
        options_clear(&options);
    }
}

static void test_no_argv_at_all(void **state)
{
    _cleanup_free_ char *message = NULL;
    Options options;

    (void)state;
    assert_int_equal(options_parse(none, none, &options, &message), -EINVAL);
    assert_non_null(message);
    options_clear(&options);
}

static void test_host(void **state)
{
    static const struct {
        const char *variable, *line, *host;
    } cases[] = {
        { "DOCKER_HOST=tcp://e:1", "run img", "tcp://e:1" },
        { "DOCKER_HOST=unix:///e", "check", "unix:///e" },
        { "DOCKER_HOST=tcp://e:1", "-H unix:///o run img", "unix:///o" },
        { "DOCKER_HOST=", "run img", "unix:///var/run/docker.sock" },
        { "DOCKER_HOSTS=tcp://e:1", "run img", "unix:///var/run/docker.sock" },
        { "DOCKER_CONTEXT=far", "-H unix:///o run img", "unix:///o" },
        { "DOCKER_CONTEXT=default", "run img", "unix:///var/run/docker.sock" },
        { "DOCKER_CONTEXT=", "run img", "unix:///var/run/docker.sock" },
        { "DOCKER_TLS=1", "run img", "unix:///var/run/docker.sock" },
        { "DOCKER_CONTEXT=far", "run img", NULL },
        { "DOCKER_TLS=1", "-H tcp://e:1 run img", NULL },
        { "DOCKER_HOST=ssh://e", "run img", NULL },
        { "DOCKER_HOST=ssh://e", "-H tcp://o:1 run img", "tcp://o:1" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *environment[] = { (char *)"A=b", (char *)cases[i].variable, NULL };
        _cleanup_vector_ char **argv = split(cases[i].line);
        _cleanup_free_ char *message = NULL;
        Options options;
        int r;

        r = options_parse(argv, environment, &options, &message);
        assert_int_equal(r, cases[i].host ? 0 : -EINVAL);
        if (cases[i].host)
            assert_string_equal(options.host, cases[i].host);
        else
            /* Which names the variable. */
            assert_memory_equal(message, cases[i].variable, strcspn(cases[i].variable, "="));
        options_clear(&options);
    }
}

static void test_environment(void **state)
{
    static const char *const passed_on[] = { "A=b", "A=", "LANG=C", "PATHS=x", "HOMES=x",
        "DOCKER_USER=x", "NOTIFY_SOCKETS=x", "HOSTNAME=x", "TMPDIR=/x", "SYSTEMD=1" };
    static const char *const kept[] = { "HOME=/root", "PATH=/bin", "NOTIFY_SOCKET=/x",
        "WATCHDOG_USEC=1", "WATCHDOG_PID=1", "LISTEN_FDS=1", "LISTEN_PID=1", "LISTEN_FDNAMES=x",
        "MAINPID=1", "MANAGERPID=1", "INVOCATION_ID=x", "JOURNAL_STREAM=8:1", "SYSTEMD_EXEC_PID=1",
        "SYSTEMD_LOG_LEVEL=x", "CREDENTIALS_DIRECTORY=/x", "USER=root", "LOGNAME=root",
        "SHELL=/bin/sh", "RUNTIME_DIRECTORY=/run/x", "STATE_DIRECTORY=/x",
        "MEMORY_PRESSURE_WATCH=/x", "DOCKER_HOST=x", "PIDFILE=/x", "TRIGGER_UNIT=x", "PWD=/",
        "MONITOR_UNIT=x", "XDG_RUNTIME_DIR=/x", "=x", "A", "" };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(passed_on); i++)
        if (!environment_is_passed_on(passed_on[i]))
            fail_msg("%s is not passed on", passed_on[i]);
    for (size_t i = 0; i < ELEMENTS(kept); i++)
        if (environment_is_passed_on(kept[i]))
            fail_msg("%s is passed on", kept[i]);
}

static void test_help(void **state)
{
    _cleanup_free_ char *page = strdup(options_help());
    char *rest = page, *line;

    (void)state;
    assert_ptr_equal(options_help(), options_help());
    assert_non_null(strstr(page, "\nExit status:"));
    assert_true(text_ends_with(page, "See systemd-ctr(1).\n"));
    for (const Option *option = option_table; option->flag.name; option++) {
        _cleanup_free_ char *name = text_format(" --%s", option->flag.name);

        if (!strstr(page, name) != !option->help)
            fail_msg("%s: in --help or not?", name);
    }
    while ((line = strsep(&rest, "\n")))
        if (strlen(line) >= 80 || text_ends_with(line, " "))
            fail_msg("--help: \"%s\"", line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_argv_at_all),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
