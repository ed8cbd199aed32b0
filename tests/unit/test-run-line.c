/* SPDX-License-Identifier: Apache-2.0 */

/* What a run line means beyond the body that test-run-request compares: the policies of ours, our
 * environment, and the sentences that refuse. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "cli/run_request.h"

static char *const environment[] = {
    (char *)"PATH=/usr/bin",
    (char *)"A=ours",
    (char *)"B=ours",
    (char *)"NOTIFY_SOCKET=/run/systemd/notify",
    (char *)"C=ours",
    NULL,
};

static char **split(const char *line)
{
    _cleanup_free_ char *copy = strdup(line);
    char **words = NULL, *rest = copy, *word;

    while ((word = strsep(&rest, " ")))
        assert_int_equal(text_vector_append(&words, word), 0);
    return words;
}

static int parse(Options *options, const char *line, RunRequest *ret, char **ret_message)
{
    _cleanup_vector_ char **words = split(line);
    int r;

    options->run_line = words;
    r = run_request_parse(options, environment, "/srv", ret, ret_message);
    options->run_line = NULL;
    return r;
}

static void parse_ok(Options *options, const char *line, RunRequest *ret)
{
    _cleanup_free_ char *message = NULL;

    if (parse(options, line, ret, &message) < 0)
        fail_msg("%s: %s", line, message);
    assert_null(message);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        { "--no-such img", "unknown docker run flag --no-such" },
        { "--no-such=1 img", "unknown docker run flag --no-such" },
        { "--logs=none img",
                "unknown docker run flag --logs: it is an option of systemd-ctr, and stands before "
                "\"run\"" },
        { "-x img", "unknown docker run flag -x in -x" },
        { "-itx img", "unknown docker run flag -x in -itx" },
        { "--memory=12q img", "--memory: \"12q\" is not a size (use for instance 512m or 2g)" },
        { "-m 12q img", "--memory: \"12q\" is not a size (use for instance 512m or 2g)" },
        { "--restart=always img",
                "--restart=always: systemd restarts services; use Restart= in the unit" },
        { "--cgroup-parent x img",
                "--cgroup-parent: placement is the unit's: use Slice= in the unit, and "
                "--cgroup-mode" },
        { "--gpus all img", "--gpus is not supported by this version of systemd-ctr" },
        { "--isolation hyperv img", "--isolation is for Windows containers only" },
        { "--rm", "no IMAGE given after the docker arguments" },
        { "--", "no IMAGE given after the docker arguments" },
        { "--name web", "no IMAGE given after the docker arguments" },
        { "--name", "--name needs a value behind it" },
        { "-it -p", "--publish needs a value behind it" },
        { "--rm=yes img", "--rm: \"yes\" is not true or false" },
        { "--cpus=x img", "--cpus: \"x\" is not a number of CPUs (use for instance 1.5)" },
        { "--health-interval 5 img",
                "--health-interval: \"5\" is not a duration (use for instance 500ms or 1m30s)" },
        { "--pull=now img", "--pull: \"now\" is none of always, missing, never" },
        { "-v /a:/b Nginx",
                "IMAGE: \"Nginx\" is not [HOST[:PORT]/]name[:tag][@digest] with the "
                "name in small letters" },
        { "-e =x img", "--env: \"=x\" has no name before the =" },
        { "--env-file no-such.env img",
                "--env-file: cannot read /srv/no-such.env: No such file or directory" },
        { "--no-healthcheck --health-timeout=1s img",
                "--no-healthcheck and --health-timeout contradict each other" },
        { "--log-driver=none --log-opt a=b img",
                "--log-opt: the log driver none takes no options" },
        { "--pid=x img", "--pid: \"x\" is not host or container:NAME" },
        { "--cgroupns=x img", "--cgroupns: \"x\" is not host or private" },
        { "-p 80:81-82 img",
                "--publish: the host's ports 80-80 are not as many as the container's 81-82" },
        { "--stop-timeout=99999999999999999999 img",
                "--stop-timeout: \"99999999999999999999\" is out of range" },
        { "--rm  img",
                "there is an empty word where a flag or IMAGE should be (in a unit ${NAME} is one "
                "word, and $NAME as many as it has)" },
        { "--ulimit as=1 img",
                "--ulimit: \"as=1\" has none of the names core, cpu, data, fsize, locks, memlock, "
                "msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack" },
        { "--help", "--help: it belongs before \"run\"" },
        { "--name a\nb img",
                "--name: \"a?b\" is not a container's name (letters, digits, _ . -, "
                "the first a letter or digit)" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_free_ char *message = NULL;
        Options options = { 0 };
        RunRequest request;

        if (parse(&options, cases[i].line, &request, &message) != -EINVAL)
            fail_msg("%s: accepted", cases[i].line);
        assert_string_equal(message, cases[i].message);
        run_request_clear(&request);
    }
}

static void test_docker_variables(void **state)
{
    static const struct {
        const char *variable, *line, *result;
    } cases[] = {
        { "DOCKER_DEFAULT_PLATFORM=linux/x86_64", "img", "linux/amd64" },
        { "DOCKER_DEFAULT_PLATFORM=linux/arm64", "--platform=linux/386 img", "linux/386" },
        { "DOCKER_DEFAULT_PLATFORM=linux/arm64", "--platform= img", NULL },
        { "DOCKER_DEFAULT_PLATFORM=", "img", NULL },
        { "DOCKER_DEFAULT_PLATFORM=/", "img",
                "DOCKER_DEFAULT_PLATFORM: \"/\" is not OS/ARCHITECTURE[/VARIANT] (use for "
                "instance linux/arm64)" },
        { "DOCKER_CONTENT_TRUST=0", "img", NULL },
        { "DOCKER_CONTENT_TRUST=", "img", NULL },
        { "DOCKER_CONTENT_TRUST=1", "--disable-content-trust img", NULL },
        { "DOCKER_CONTENT_TRUST=1", "img",
                "DOCKER_CONTENT_TRUST=1 is not supported by this version of systemd-ctr (unset "
                "it, or add --disable-content-trust)" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *variables[] = { (char *)"A=b", (char *)cases[i].variable, NULL };
        _cleanup_vector_ char **words = split(cases[i].line);
        _cleanup_free_ char *message = NULL;
        Options options = { .run_line = words };
        RunRequest request;

        (void)run_request_parse(&options, variables, "/srv", &request, &message);
        if (!cases[i].result)
            assert_true(!message && !request.platform);
        else
            assert_string_equal(message ? message : request.platform, cases[i].result);
        run_request_clear(&request);
    }
}

static void test_remove_policy(void **state)
{
    static const struct {
        RemovePolicy ours;
        const char *line;
        RemovePolicy result;
    } cases[] = {
        { REMOVE_AT_NEXT_START, "img", REMOVE_AT_NEXT_START },
        { REMOVE_AT_NEXT_START, "--rm img", REMOVE_AT_END },
        { REMOVE_AT_NEXT_START, "--rm=false img", REMOVE_NEVER },
        { REMOVE_AT_END, "img", REMOVE_AT_END },
        { REMOVE_AT_END, "--rm=false img", REMOVE_NEVER },
        { REMOVE_NEVER, "img", REMOVE_NEVER },
        { REMOVE_NEVER, "--rm img", REMOVE_AT_END },
        { REMOVE_NEVER, "img --rm", REMOVE_NEVER },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        Options options = { .remove = cases[i].ours };
        RunRequest request;

        parse_ok(&options, cases[i].line, &request);
        assert_int_equal(request.remove, cases[i].result);
        assert_int_equal(json_member_boolean(
                                 json_value_get(request.body, "HostConfig"), "AutoRemove", false),
                cases[i].result == REMOVE_AT_END);
        run_request_clear(&request);
    }
}

static void test_our_environment(void **state)
{
    static const struct {
        bool passed_on;
        const char *line, *variables;
    } cases[] = {
        { false, "img", "null" },
        { false, "-e A img", "[\"A=ours\"]" },
        { true, "img", "[\"A=ours\",\"B=ours\",\"C=ours\"]" },
        { true, "-e B=mine img", "[\"A=ours\",\"C=ours\",\"B=mine\"]" },
        { true, "-e B -e D=mine img", "[\"A=ours\",\"C=ours\",\"B=ours\",\"D=mine\"]" },
        { true, "-e NOTIFY_SOCKET=x img",
                "[\"A=ours\",\"B=ours\",\"C=ours\",\"NOTIFY_SOCKET=x\"]" },
        { true, "-e B= img", "[\"A=ours\",\"C=ours\",\"B=\"]" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        Options options = { .pass_environment = cases[i].passed_on };
        RunRequest request;

        parse_ok(&options, cases[i].line, &request);
        assert_string_equal(
                json_value_format(json_value_get(request.body, "Env")), cases[i].variables);
        run_request_clear(&request);
    }
}

static void test_what_the_body_does_not_have(void **state)
{
    Options options = { 0 };
    RunRequest request;

    (void)state;
    parse_ok(&options, "img x", &request);
    assert_null(request.name);
    assert_null(request.platform);
    assert_null(request.cidfile);
    assert_int_equal(request.pull, PULL_MISSING);
    assert_string_equal(request.image, "img");
    run_request_clear(&request);
    run_request_clear(&request);

    parse_ok(&options, "--name=/web --platform linux/aarch64 --cidfile /run/x --pull=always img:1",
            &request);
    assert_string_equal(request.name, "web");
    assert_string_equal(request.platform, "linux/arm64");
    assert_string_equal(request.cidfile, "/run/x");
    assert_int_equal(request.pull, PULL_ALWAYS);
    assert_string_equal(request.image, "img:1");
    run_request_clear(&request);

    parse_ok(&options, "--pull=never img", &request);
    assert_int_equal(request.pull, PULL_NEVER);
    run_request_clear(&request);
}

static void test_description(void **state)
{
    _cleanup_json_ JsonValue *description = NULL;
    JsonValue *query, *command;
    Options options = { 0 };
    RunRequest request;

    (void)state;
    parse_ok(&options, "--name a busybox prog --name other --rm -d", &request);
    description = run_request_describe(&request);
    query = json_value_get(description, "query");
    command = json_value_get(json_value_get(description, "body"), "Cmd");
    assert_string_equal(json_value_format(query), "{\"name\":\"a\"}");
    assert_string_equal(
            json_value_format(command), "[\"prog\",\"--name\",\"other\",\"--rm\",\"-d\"]");
    run_request_clear(&request);
    /* The description lives on by itself. */
    assert_string_equal(
            json_member_string(json_value_get(description, "body"), "Image", ""), "busybox");
}

/* What is inside of 64 KiB of one argument stays one: no limit of ours cuts it. */
static void test_long_arguments(void **state)
{
    _cleanup_free_ char *value = calloc(1, 65536), *line = NULL;
    Options options = { 0 };
    RunRequest request;

    (void)state;
    (void)memset(value, 'x', 65535);
    line = text_format("-e A=%s img %s", value, value);
    parse_ok(&options, line, &request);
    assert_int_equal(
            strlen(json_value_string(json_value_at(json_value_get(request.body, "Env"), 0), "")),
            65537);
    assert_string_equal(
            json_value_string(json_value_at(json_value_get(request.body, "Cmd"), 0), ""), value);
    run_request_clear(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_docker_variables),
        cmocka_unit_test(test_remove_policy),
        cmocka_unit_test(test_our_environment),
        cmocka_unit_test(test_what_the_body_does_not_have),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_long_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
