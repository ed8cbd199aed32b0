/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/create_request.h"

static void test_names(void **unused)
{
    static const struct {
        const char *unit;
        const char *name;
    } cases[] = {
        { "web.service", "web" },
        { "web@a.service", "web-a" },
        { "my-app_1.2.service", "my-app_1.2" },
        { "dev\\x2dsda.service", "dev-x2dsda" },
        { "a:b@c.service", "a-b-c" },
        { "x.service", "ctr-x" },
        { "_private.service", "ctr-_private" },
        { "-.service", "ctr--" },
        { "no-suffix", "no-suffix" },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_free_ char *name = container_name_of_unit(cases[i].unit);

        assert_string_equal(name, cases[i].name);
    }
}

static RunRequest request_of(const char *body)
{
    RunRequest request = { 0 };

    assert_int_equal(json_value_parse(body, strlen(body), &request.body), 0);
    return request;
}

static const char *label_of(const RunRequest *request, const char *label)
{
    return json_member_string(json_value_get(request->body, "Labels"), label, "(none)");
}

static void test_labels(void **unused)
{
    Options options = { .logs = LOGS_ATTACH };
    RunRequest first = request_of("{\"Image\":\"a\",\"Labels\":{\"x\":\"y\"}}");
    RunRequest again = request_of("{\"Image\":\"a\",\"Labels\":{\"x\":\"y\"}}");
    RunRequest other = request_of("{\"Image\":\"b\",\"Labels\":{\"x\":\"y\"}}");

    (void)unused;
    (void)setenv("INVOCATION_ID", "0123", 1);
    assert_int_equal(create_request_complete(&first, &options, "web.service", NULL), 0);
    (void)setenv("INVOCATION_ID", "4567", 1);
    assert_int_equal(create_request_complete(&again, &options, "web.service", NULL), 0);
    assert_int_equal(create_request_complete(&other, &options, NULL, NULL), 0);

    assert_string_equal(first.name, "web");
    assert_null(other.name);
    assert_string_equal(label_of(&first, "x"), "y");
    assert_string_equal(label_of(&first, LABEL_UNIT), "web.service");
    assert_string_equal(label_of(&first, LABEL_INVOCATION), "0123");
    assert_string_equal(label_of(&other, LABEL_UNIT), "");
    /* The same request has the same hash, whatever the invocation. */
    assert_string_equal(label_of(&first, LABEL_SPEC), label_of(&again, LABEL_SPEC));
    assert_string_not_equal(label_of(&first, LABEL_SPEC), label_of(&other, LABEL_SPEC));

    run_request_clear(&first);
    run_request_clear(&again);
    run_request_clear(&other);
}

static void test_journald(void **unused)
{
    Options options = { .logs = LOGS_JOURNALD };
    RunRequest plain = request_of("{\"HostConfig\":{\"LogConfig\":{\"Type\":\"\",\"Config\":{}}}}");
    RunRequest more = request_of("{\"HostConfig\":{\"LogConfig\":{\"Type\":\"journald\","
                                 "\"Config\":{\"labels\":\"a,b\"}}}}");
    RunRequest clash = request_of("{\"HostConfig\":{\"LogConfig\":{\"Type\":\"syslog\"}}}");
    _cleanup_free_ char *message = NULL;
    JsonValue *log;

    (void)unused;
    assert_int_equal(create_request_complete(&plain, &options, "web.service", &message), 0);
    log = json_value_get(json_value_get(plain.body, "HostConfig"), "LogConfig");
    assert_string_equal(json_member_string(log, "Type", ""), "journald");
    assert_string_equal(
            json_member_string(json_value_get(log, "Config"), "labels", ""), "object_systemd_unit");
    assert_string_equal(label_of(&plain, "object_systemd_unit"), "web.service");

    assert_int_equal(create_request_complete(&more, &options, "web.service", &message), 0);
    log = json_value_get(json_value_get(more.body, "HostConfig"), "LogConfig");
    assert_string_equal(json_member_string(json_value_get(log, "Config"), "labels", ""),
            "a,b,object_systemd_unit");

    assert_int_equal(create_request_complete(&clash, &options, "web.service", &message), -EINVAL);
    assert_non_null(strstr(message, "syslog"));

    run_request_clear(&plain);
    run_request_clear(&more);
    run_request_clear(&clash);
}

static bool has_variable(const RunRequest *request, const char *assignment)
{
    JsonValue *variables = json_value_get(request->body, "Env");

    for (size_t i = 0; i < json_value_length(variables); i++)
        if (strcmp(json_value_string(json_value_at(variables, i), ""), assignment) == 0)
            return true;
    return false;
}

static void test_notify(void **unused)
{
    Options options = { .notify = true, .watchdog = WATCHDOG_CONTAINER };
    RunRequest plain = request_of("{\"Image\":\"a\",\"Env\":null}");
    RunRequest again = request_of("{\"Image\":\"a\",\"Env\":null}");
    RunRequest pings = request_of("{\"Image\":\"a\",\"Env\":null}");
    RunRequest more = request_of("{\"Env\":[\"A=b\",\"NOTIFY_SOCKET=/x\",\"NOTIFY_SOCKETS=y\","
                                 "\"NOTIFY_SOCKET\",\"WATCHDOG_PID=1\",\"WATCHDOG_USEC=9\"],"
                                 "\"HostConfig\":{\"Mounts\":[{\"Target\":\"/data\"}]}}");
    _cleanup_free_ char *message = NULL;
    JsonValue *mounts, *mount;

    (void)unused;
    (void)unsetenv("WATCHDOG_PID");
    (void)unsetenv("WATCHDOG_USEC");
    assert_int_equal(create_request_complete(&plain, &options, "web.service", &message), 0);
    assert_null(message);
    assert_int_equal(create_request_complete(&again, &options, "web.service", &message), 0);
    assert_string_equal(label_of(&plain, LABEL_SPEC), label_of(&again, LABEL_SPEC));
    mounts = json_value_get(json_value_get(plain.body, "HostConfig"), "Mounts");
    mount = json_value_at(mounts, 0);
    assert_int_equal(json_value_length(mounts), 1);
    assert_string_equal(json_member_string(mount, "Type", ""), "bind");
    assert_non_null(
            strstr(json_member_string(mount, "Source", ""), "/systemd-ctr/containers/web/notify"));
    assert_string_equal(json_member_string(mount, "Target", ""), "/run/systemd-ctr-notify");
    assert_true(json_member_boolean(mount, "ReadOnly", false));
    assert_int_equal(json_value_length(json_value_get(plain.body, "Env")), 1);
    assert_true(has_variable(&plain, "NOTIFY_SOCKET=/run/systemd-ctr-notify/socket"));

    /* The container pings if the unit has a watchdog: that makes another container of it. */
    (void)setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(create_request_complete(&pings, &options, "web.service", &message), 0);
    assert_true(has_variable(&pings, "WATCHDOG_USEC=30000000"));
    assert_string_not_equal(label_of(&plain, LABEL_SPEC), label_of(&pings, LABEL_SPEC));

    /* Ours win, and that is said. */
    assert_int_equal(create_request_complete(&more, &options, "web.service", &message), 0);
    assert_non_null(strstr(message, "NOTIFY_SOCKET"));
    assert_int_equal(json_value_length(json_value_get(more.body, "Env")), 4);
    assert_true(has_variable(&more, "A=b"));
    assert_true(has_variable(&more, "NOTIFY_SOCKETS=y"));
    assert_true(has_variable(&more, "NOTIFY_SOCKET=/run/systemd-ctr-notify/socket"));
    assert_true(has_variable(&more, "WATCHDOG_USEC=30000000"));
    mounts = json_value_get(json_value_get(more.body, "HostConfig"), "Mounts");
    assert_int_equal(json_value_length(mounts), 2);
    (void)unsetenv("WATCHDOG_USEC");

    run_request_clear(&plain);
    run_request_clear(&again);
    run_request_clear(&pings);
    run_request_clear(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_journald),
        cmocka_unit_test(test_notify),
    };

    return cmocka_run_group_tests_name("create request", tests, NULL, NULL);
}
