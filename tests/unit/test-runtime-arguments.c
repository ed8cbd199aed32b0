/* SPDX-License-Identifier: Apache-2.0 */

/* What containerd's shims, runc's and crun's users write, and what none of them would. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "runtime/runtime_arguments.h"

#define SHIM "--root /run/r --log /run/l.json --log-format json --systemd-cgroup"

/* The words of `line` (blanks between them). */
static char **split(const char *line)
{
    _cleanup_free_ char *copy = strdup(line);
    char **argv = NULL, *rest = copy, *word;

    while (*line && (word = strsep(&rest, " ")))
        assert_int_equal(0, text_vector_append(&argv, word));
    if (!argv)
        assert_non_null(argv = calloc(1, sizeof(char *)));
    return argv;
}

static const struct {
    const char *line;
    const char *command, *bundle, *id, *log;
    bool json, creates;
} cases[] = {
    /* go-runc, as the shims of Docker 20.10 to 28 call it. */
    { "runc " SHIM " create --bundle /b --pid-file /b/init.pid 0123abc", "create", "/b", "0123abc",
            "/run/l.json", true, true },
    { "runc " SHIM " create --bundle /b --pid-file /p --console-socket /c --no-pivot "
      "--no-new-keyring --preserve-fds 3 ID",
            "create", "/b", "ID", "/run/l.json", true, true },
    { "runc " SHIM " run --bundle /b --detach ID", "run", "/b", "ID", "/run/l.json", true, true },
    { "runc " SHIM " start ID", "start", ".", "ID", "/run/l.json", true, false },
    { "runc " SHIM " delete --force ID", "delete", ".", "ID", "/run/l.json", true, false },
    { "runc " SHIM " exec --process /p --pid-file /x --detach ID", "exec", ".", NULL, "/run/l.json",
            true, false },
    { "runc --debug --rootless=true --root=/r --log=/l --log-format=json create -b /b ID", "create",
            "/b", "ID", "/l", true, true },
    { "runc --rootless true create ID", "create", ".", "ID", NULL, false, true },

    /* By hand. */
    { "runc create ID", "create", ".", "ID", NULL, false, true },
    { "runc --log-format text --log /l create ID", "create", ".", "ID", "/l", false, true },
    { "runc --log-format json --log-format text create ID", "create", ".", "ID", NULL, false,
            true },
    { "runc -root /r -log /l create -bundle /b ID", "create", "/b", "ID", "/l", false, true },
    { "runc create ID --bundle /b", "create", "/b", "ID", NULL, false, true },
    { "runc create --bundle=/b=c -- ID", "create", "/b=c", "ID", NULL, false, true },
    { "runc create -- --bundle", "create", ".", "--bundle", NULL, false, true },
    { "runc --root create create ID", "create", ".", "ID", NULL, false, true },
    { "runc --root create list", "list", ".", NULL, NULL, false, false },
    { "runc --criu /c create ID", "create", ".", "ID", NULL, false, true },
    { "crun --cgroup-manager systemd --log-level debug create -b /b -f x.json ID", "create", "/b",
            "ID", NULL, false, true },
    { "crun --cgroup-manager=systemd run ID", "run", ".", "ID", NULL, false, true },
    { "runc --version", NULL, ".", NULL, NULL, false, false },
    { "runc spec", "spec", ".", NULL, NULL, false, false },

    /* What nobody would write must not be taken for a container's start. */
    { "runc", NULL, ".", NULL, NULL, false, false },
    { "", NULL, ".", NULL, NULL, false, false },
    { "runc --root", NULL, ".", NULL, NULL, false, false },
    { "runc --log", NULL, ".", NULL, NULL, false, false },
    { "runc create", "create", ".", NULL, NULL, false, false },
    { "runc create --bundle", "create", ".", NULL, NULL, false, false },
    { "runc create --bundle /b", "create", "/b", NULL, NULL, false, false },
    { "runc create --pid-file ID", "create", ".", NULL, NULL, false, false },
    { "runc create A B", "create", ".", NULL, NULL, false, false },
    { "runc create --", "create", ".", NULL, NULL, false, false },
    { "runc created ID", "created", ".", "ID", NULL, false, false },
    { "runc - create ID", "-", ".", NULL, NULL, false, false },
    { "runc -- create ID", "create", ".", "ID", NULL, false, true },
    { "runc --= --bundle=/x create ID", "create", ".", "ID", NULL, false, true },
};

static void assert_text(const char *line, const char *expected, const char *found)
{
    if (!text_equal(expected, found))
        fail_msg("%s: %s, not %s", line, found ? found : "NULL", expected ? expected : "NULL");
}

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_vector_ char **argv = split(cases[i].line);
        const char *line = cases[i].line;
        RuntimeArguments parsed;

        runtime_arguments_parse(argv, &parsed);
        assert_text(line, cases[i].command, parsed.command);
        assert_text(line, cases[i].bundle, parsed.bundle);
        assert_text(line, cases[i].id, parsed.id);
        assert_text(line, cases[i].log, parsed.log);
        if (cases[i].json != parsed.log_is_json ||
                cases[i].creates != runtime_arguments_create(&parsed))
            fail_msg("%s: log or command", line);
    }
}

static const struct {
    const char *before, *after;
} dropped[] = {
    { "runc --root /r --systemd-cgroup create --bundle /b ID",
            "runc --root /r create --bundle /b ID" },
    { "runc --systemd-cgroup=true create ID", "runc create ID" },
    { "runc -systemd-cgroup create ID", "runc create ID" },
    { "runc --systemd-cgroup --log /l --systemd-cgroup create ID", "runc --log /l create ID" },
    { "crun --cgroup-manager systemd --root /r create ID", "crun --root /r create ID" },
    { "crun --cgroup-manager=systemd create ID", "crun create ID" },
    /* Not an option there. */
    { "runc --root --systemd-cgroup create ID", "runc --root --systemd-cgroup create ID" },
    { "runc create --systemd-cgroup", "runc create --systemd-cgroup" },
    { "runc --log --systemd-cgroup --systemd-cgroup run ID", "runc --log --systemd-cgroup run ID" },
    { "runc --root /r create ID", "runc --root /r create ID" },
    { "runc --systemd-cgroup", "runc" },
    { "runc --cgroup-manager", "runc" },
    { "runc", "runc" },
    { "", "" },
};

static void test_drop(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(dropped); i++) {
        _cleanup_vector_ char **argv = split(dropped[i].before),
                              **expected = split(dropped[i].after);
        char *words[16];
        size_t n = 0;

        for (; argv[n]; n++)
            words[n] = argv[n];
        words[n] = NULL;
        runtime_arguments_drop_systemd_cgroup(words);
        for (n = 0; expected[n]; n++)
            assert_text(dropped[i].before, expected[n], words[n]);
        assert_null(words[n]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
