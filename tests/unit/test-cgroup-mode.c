/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/cgroup_mode.h"

#define NO_UNIT "not started by a service unit"
#define REGISTERED "\"runc\":{\"path\":\"runc\"},\"systemd-ctr\":{\"path\":\"/x\"}"

static const struct {
    const char *place_trouble;
    bool delegated;
    const char *info; /* NULL: the engine did not answer */
    const char *runtime;
    CgroupMode mode;
    const char *why; /* a part of it; NULL: none */
} choices[] = {
    { NULL, true, "{\"CgroupDriver\":\"cgroupfs\"}", "", CGROUP_MODE_PARENT, "cgroupfs driver" },
    { NULL, true, "{\"CgroupDriver\":\"cgroupfs\",\"Runtimes\":{" REGISTERED "}}", "",
            CGROUP_MODE_PARENT, "cgroupfs driver" },
    /* CgroupParent is nothing that a runtime must know of. */
    { NULL, true, "{\"CgroupDriver\":\"cgroupfs\"}", "crun", CGROUP_MODE_PARENT, "cgroupfs" },
    { NULL, false, "{\"CgroupDriver\":\"cgroupfs\"}", "", CGROUP_MODE_MOVE, "Delegate=yes" },
    { NULL, true, "{\"CgroupDriver\":\"systemd\"}", "", CGROUP_MODE_MOVE, "not registered" },
    { NULL, true, "{\"CgroupDriver\":\"systemd\",\"Runtimes\":{" REGISTERED "}}", "",
            CGROUP_MODE_RUNTIME, "registered" },
    { NULL, true, "{\"CgroupDriver\":\"systemd\",\"Runtimes\":{" REGISTERED "}}", "systemd-ctr",
            CGROUP_MODE_RUNTIME, "registered" },
    { NULL, true, "{\"CgroupDriver\":\"systemd\",\"Runtimes\":{" REGISTERED "}}", "runc",
            CGROUP_MODE_MOVE, "--runtime" },
    { NULL, false, "{\"CgroupDriver\":\"systemd\",\"Runtimes\":{" REGISTERED "}}", "",
            CGROUP_MODE_MOVE, "Delegate=yes" },
    { NULL, true, "{\"CgroupDriver\":\"none\",\"SecurityOptions\":[\"name=rootless\"]}", "",
            CGROUP_MODE_MOVE, "not registered" },
    { NULL, true, NULL, "", CGROUP_MODE_MOVE, "does not tell" },
    { NULL, true, "{}", "", CGROUP_MODE_MOVE, "not registered" },
    { NULL, true, "{\"CgroupDriver\":7,\"Runtimes\":[],\"RuncCommit\":\"x\"}", "", CGROUP_MODE_MOVE,
            "not registered" },
    { NO_UNIT, true, "{\"CgroupDriver\":\"cgroupfs\",\"Runtimes\":{" REGISTERED "}}", "",
            CGROUP_MODE_NONE, NO_UNIT },
    /* What breaks docker exec after a move is not chosen. */
    { NULL, true, "{\"DefaultRuntime\":\"crun\"}", "", CGROUP_MODE_NONE, "crun" },
    { NULL, true, "{\"DefaultRuntime\":\"x\",\"Runtimes\":{\"x\":{\"path\":\"/usr/bin/crun\"}}}",
            "", CGROUP_MODE_NONE, "crun" },
    { NULL, true, "{\"DefaultRuntime\":\"runc\",\"RuncCommit\":{\"ID\":\"v1.4.0-0-g8bd78a99\"}}",
            "", CGROUP_MODE_NONE, "runc 1.4.0" },
    { NULL, true, "{\"DefaultRuntime\":\"runc\",\"RuncCommit\":{\"ID\":\"v1.4.1\"}}", "",
            CGROUP_MODE_MOVE, "not registered" },
    { NULL, true, "{\"DefaultRuntime\":\"runc\"}", "crun", CGROUP_MODE_NONE, "crun" },
    { NULL, true, "{\"DefaultRuntime\":\"crun\",\"Runtimes\":{" REGISTERED "}}", "",
            CGROUP_MODE_RUNTIME, "registered" },
};

static void test_choices(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ELEMENTS(choices); i++) {
        CgroupOffer offer = { .place_trouble = choices[i].place_trouble,
            .delegated = choices[i].delegated };
        _cleanup_json_ JsonValue *info = NULL;
        const char *why = "";

        if (choices[i].info) {
            assert_int_equal(0, json_value_parse(choices[i].info, strlen(choices[i].info), &info));
            cgroup_offer_of_engine(&offer, info, choices[i].runtime);
        }
        if (cgroup_mode_choose(&offer, &why) != choices[i].mode || !strstr(why, choices[i].why))
            fail_msg("choice %zu: %s (%s)", i, cgroup_mode_name(cgroup_mode_choose(&offer, &why)),
                    why);
        /* What auto takes, nothing is in the way of. */
        assert_null(cgroup_mode_obstacle(choices[i].mode, &offer));
    }
}

static const struct {
    const char *inspect;
    CgroupMode mode;
} containers[] = {
    { "{}", CGROUP_MODE_MOVE },
    { "{\"HostConfig\":{\"Runtime\":\"runc\",\"CgroupParent\":\"\"}}", CGROUP_MODE_MOVE },
    { "{\"HostConfig\":{\"Runtime\":\"systemd-ctr\"}}", CGROUP_MODE_RUNTIME },
    { "{\"HostConfig\":{\"CgroupParent\":\"/system.slice/web.service/payload\"}}",
            CGROUP_MODE_PARENT },
    { "{\"HostConfig\":{\"CgroupParent\":\"machine.slice\"}}", CGROUP_MODE_MOVE },
};

static void test_containers(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ELEMENTS(containers); i++) {
        _cleanup_json_ JsonValue *inspect = NULL;

        assert_int_equal(0,
                json_value_parse(containers[i].inspect, strlen(containers[i].inspect), &inspect));
        assert_int_equal(containers[i].mode, cgroup_mode_of_container(inspect));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_containers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
