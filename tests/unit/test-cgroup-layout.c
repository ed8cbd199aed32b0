/* SPDX-License-Identifier: Apache-2.0 */

/* Path arithmetic: what /proc/PID/cgroup says, and which unit or container a path belongs to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "base/text.h"
#include "cgroup/layout.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_parse_v2_path(void **state)
{
    static const struct {
        const char *text, *path;
        int r;
    } cases[] = {
        { "0::/system.slice/web.service\n", "/system.slice/web.service", 0 },
        { "0::/system.slice/web.service", "/system.slice/web.service", 0 },
        { "0::/\n", "/", 0 },
        { "9:name=systemd:/a\n8:pids:/b\n0::/c\n", "/c", 0 },
        { "1:cpu:/0::/no\n0::/yes\n", "/yes", 0 },
        { "0::/a:b\\x2dc/d e\n", "/a:b\\x2dc/d e", 0 },
        { "0::/a/..b/c../d...\n", "/a/..b/c../d...", 0 },
        { "", NULL, -ENXIO },
        { "10::/a\n", NULL, -ENXIO },
        { "4:memory:/a\n", NULL, -ENXIO },
        { "0::/system.slice/docker-x.scope (deleted)\n", NULL, -ENOENT },
        { "0::/../other\n", NULL, -EXDEV },
        { "0::/..\n", NULL, -EXDEV },
        { "0::/a/../../b\n", NULL, -EXDEV },
        { "0::/..a/..\n", NULL, -EXDEV },
        { "0::relative\n", NULL, -EXDEV },
        { "0::\n", NULL, -EXDEV },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_free_ char *path = NULL;

        assert_int_equal(cases[i].r, cgroup_parse_v2_path(cases[i].text, &path));
        if (cases[i].path)
            assert_string_equal(cases[i].path, path);
        else
            assert_null(path);
    }
}

static void test_path_unit(void **state)
{
    static const struct {
        const char *path, *unit, *name;
    } cases[] = {
        { "/system.slice/web.service", "/system.slice/web.service", "web.service" },
        { "/system.slice/web.service/supervisor", "/system.slice/web.service", "web.service" },
        { "/system.slice/web.service/.control", "/system.slice/web.service", "web.service" },
        { "/system.slice/system-web.slice/web@a\\x2db.service/payload",
                "/system.slice/system-web.slice/web@a\\x2db.service", "web@a\\x2db.service" },
        { "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/supervisor",
                "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service",
                "web.service" },
        { "/user.slice/user-1000.slice/user@1000.service/init.scope",
                "/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope" },
        { "/user.slice/user-0.slice/session-1.scope", "/user.slice/user-0.slice/session-1.scope",
                "session-1.scope" },
        { "/system.slice/_cpu.service/supervisor", "/system.slice/_cpu.service", "cpu.service" },
        { "/system.slice/web.services/x", NULL, NULL },
        { "/system.slice/.service", NULL, NULL },
        { "/system.slice", NULL, NULL },
        { "/", NULL, NULL },
        { "", NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_free_ char *unit = NULL, *name = NULL;
        int r = cgroup_path_unit(cases[i].path, &unit, &name);

        assert_int_equal(cases[i].unit ? 0 : -ENXIO, r);
        if (r == 0) {
            assert_string_equal(cases[i].unit, unit);
            assert_string_equal(cases[i].name, name);
        }
    }
}

static void test_path_is_of_container(void **state)
{
    static const struct {
        const char *path, *id;
        bool is;
    } cases[] = {
        { "/system.slice/docker-" ID ".scope", ID, true },
        { "/docker/" ID, ID, true },
        { "/" ID, ID, true },
        { "/machine.slice/libpod-" ID ".scope", ID, true },
        { "/system.slice/web.service/payload/" ID, ID, true },
        { "/docker/" ID "/init.scope", ID, false },
        { "/docker/" ID "0", ID, false },
        { "/docker/0" ID, ID, false },
        { "/system.slice/docker.service", ID, false },
        { "/system.slice/containerd.service", ID, false },
        { "/", ID, false },
        { "/system.slice/docker-0123456789ab.scope", "0123456789ab", false },
        { "/system.slice/docker.service", "", false },
        { "/docker/" ID, "", false },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_int_equal(cases[i].is, cgroup_path_is_of_container(cases[i].path, cases[i].id));
}

static void test_path_is_below(void **state)
{
    static const struct {
        const char *path, *ancestor;
        bool is;
    } cases[] = {
        { "/a/b", "/a", true },
        { "/a", "/a", true },
        { "/ab", "/a", false },
        { "/a", "/a/b", false },
        { "/a/b", "/", true },
        { "/", "/", true },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_int_equal(cases[i].is, cgroup_path_is_below(cases[i].path, cases[i].ancestor));
}

static void test_no_such_process(void **state)
{
    _cleanup_free_ char *path = NULL;

    (void)state;
    /* Above what the kernel hands out (PID_MAX_LIMIT). */
    assert_int_equal(-ESRCH, cgroup_of_process(5000000, &path));
}

/* On a host that keeps its containers in version 1 nothing is found, elsewhere our own place is. */
static void test_find(void **state)
{
    _cleanup_(cgroup_layout_clear) CgroupLayout layout = {};
    struct statfs fs;
    int r = cgroup_layout_find(&layout);

    (void)state;
    if (r == -ENOTSUP) {
        assert_null(layout.mount);
        return;
    }
    assert_int_equal(0, r);
    if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
        assert_string_equal("/sys/fs/cgroup", layout.mount);
        assert_null(layout.hierarchies);
    } else {
        assert_non_null(layout.hierarchies);
        assert_string_equal(layout.hierarchies->items[0].mount, layout.mount);
    }
    assert_non_null(layout.own);
    assert_int_equal(!layout.unit, !layout.unit_name);
}

static void test_of_unit(void **state)
{
    static const char *const no_units[] = { "", "web.service", "/", "/system.slice",
        "/../web.service", "/system.slice/web.service/payload", "/a/../web.service" };
    struct statfs fs;

    (void)state;
    if (statfs("/sys/fs/cgroup", &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
        return;
    for (size_t i = 0; i < ELEMENTS(no_units); i++) {
        _cleanup_(cgroup_layout_clear) CgroupLayout layout = {};

        assert_int_equal(-EINVAL, cgroup_layout_of_unit(no_units[i], &layout));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_v2_path),
        cmocka_unit_test(test_path_unit),
        cmocka_unit_test(test_path_is_of_container),
        cmocka_unit_test(test_path_is_below),
        cmocka_unit_test(test_no_such_process),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_of_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
