/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/text.h"
#include "cgroup/hierarchies.h"
#include "cgroup/layout.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_parse_mounts(void **state)
{
    static const struct {
        const char *mountinfo, *names;
    } cases[] = {
        { "", "" },
        { "31 23 0:28 / /sys/fs/cgroup rw shared:1 - cgroup2 cgroup2 rw\n", "" },
        { "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
          "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n",
                "name=systemd" },
        /* In either order the one that counts more is first; a second mount is none. */
        { "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
          "41 31 0:38 / /sys/fs/cgroup/unified rw shared:9 master:3 - cgroup2 cgroup2 rw\n"
          "42 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
          "43 31 0:37 / /mnt rw - cgroup cgroup rw,name=systemd\n",
                "unified, name=systemd" },
        { "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
          "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n",
                "unified, name=systemd" },
        /* Other people's. */
        { "41 31 0:38 / /run/cilium/cgroupv2 rw - cgroup2 none rw\n"
          "40 31 0:37 / /sys/fs/cgroup/elogind rw - cgroup cgroup rw,name=elogind\n"
          "40 31 0:37 / /sys/fs/cgroup/x rw - cgroup cgroup rw,name=systemd2\n",
                "" },
        /* Cut, or odd. */
        { "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup", "" },
        { "40 31 - cgroup cgroup rw,name=systemd", "" },
        { " - ", "" },
        { "40 31 0:37 / /a\\040b rw - cgroup cgroup rw,name=systemd", "" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(hierarchies_free_p) Hierarchies *hierarchies = calloc(1, sizeof(*hierarchies));
        _cleanup_free_ char *names = NULL;

        assert_non_null(hierarchies);
        assert_int_equal(0, hierarchies_parse_mounts(cases[i].mountinfo, hierarchies));
        names = hierarchies_describe(hierarchies, false);
        assert_string_equal(cases[i].names, names);
        assert_int_equal(text_starts_with(names, "unified"), hierarchies_are_hybrid(hierarchies));
    }
}

static Hierarchies *make_hierarchies(void)
{
    static const struct {
        const char *name;
        bool tracking, has_unit;
    } items[] = { { "name=systemd", true, true }, { "cpu,cpuacct", false, true },
        { "memory", false, true }, { "freezer", false, false } };
    Hierarchies *hierarchies = calloc(1, sizeof(*hierarchies));

    assert_non_null(hierarchies);
    hierarchies->items = calloc(ELEMENTS(items), sizeof(*hierarchies->items));
    assert_non_null(hierarchies->items);
    for (size_t i = 0; i < ELEMENTS(items); i++)
        hierarchies->items[hierarchies->n++] = (Hierarchy){
            .name = strdup(items[i].name),
            .mount = strdup("/"),
            .tracking = items[i].tracking,
            .has_unit = items[i].has_unit,
            .chosen = items[i].tracking,
        };
    return hierarchies;
}

static void test_choose(void **state)
{
    static const struct {
        const char *names[3], *chosen; /* NULL: refused */
    } cases[] = {
        { { NULL }, "name=systemd" },
        { { "systemd" }, "name=systemd" },
        { { "name=systemd" }, "name=systemd" },
        { { "cpu" }, "name=systemd, cpu,cpuacct" },
        { { "cpuacct" }, "name=systemd, cpu,cpuacct" },
        { { "cpu,cpuacct" }, "name=systemd, cpu,cpuacct" },
        { { "cpuacct,cpu" }, "name=systemd, cpu,cpuacct" },
        { { "memory", "cpu" }, "name=systemd, cpu,cpuacct, memory" },
        { { "all" }, "name=systemd, cpu,cpuacct, memory" },
        { { "memory,all" }, "name=systemd, cpu,cpuacct, memory" },
        /* There, but not for the unit. */
        { { "freezer" }, "name=systemd" },
        { { "cp" }, NULL },
        { { "memory", "nosuch" }, NULL },
        { { "cpu," }, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(hierarchies_free_p) Hierarchies *hierarchies = make_hierarchies();
        _cleanup_free_ char *message = NULL, *chosen = NULL;
        int r = hierarchies_choose(hierarchies, (char *const *)cases[i].names, &message);

        if (!cases[i].chosen) {
            assert_int_equal(-EINVAL, r);
            assert_non_null(strstr(message, "it has name=systemd, cpu,cpuacct, memory, freezer"));
            continue;
        }
        assert_int_equal(0, r);
        assert_null(message);
        chosen = hierarchies_describe(hierarchies, true);
        assert_string_equal(cases[i].chosen, chosen);
    }
}

static void test_parse_path(void **state)
{
    static const char lines[] = "12:cpuacct,cpu:/a\n9:name=systemd:/b:c\n4:memory:/../x\n"
                                "3:pids:/d (deleted)\n2::/odd\n1:cpuset:\n0::/e\n";
    static const struct {
        const char *hierarchy, *path;
        int r;
    } cases[] = {
        { "cpu,cpuacct", "/a", 0 },
        { "cpuacct", "/a", 0 },
        { "cpu", "/a", 0 },
        { HIERARCHY_SYSTEMD, "/b:c", 0 },
        { HIERARCHY_UNIFIED, "/e", 0 },
        { "memory", NULL, -EXDEV },
        { "pids", NULL, -ENOENT },
        { "cpuset", NULL, -EXDEV },
        { "cp", NULL, -ENXIO },
        { "systemd", NULL, -ENXIO },
        { "hugetlb", NULL, -ENXIO },
        { "/b", NULL, -ENXIO },
        { "c", NULL, -ENXIO },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_free_ char *path = NULL;

        assert_int_equal(cases[i].r, cgroup_parse_path(lines, cases[i].hierarchy, &path));
        if (cases[i].path)
            assert_string_equal(cases[i].path, path);
    }
}

static void test_path_container(void **state)
{
    static const struct {
        const char *path, *own;
    } cases[] = {
        { "/docker/" ID, "/docker/" ID },
        { "/docker/" ID "/init/deep", "/docker/" ID },
        { "/system.slice/docker-" ID ".scope", "/system.slice/docker-" ID ".scope" },
        { "/system.slice/docker.service", NULL },
        { "/", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_free_ char *own = NULL;
        int r = cgroup_path_container(cases[i].path, ID, &own);

        assert_int_equal(cases[i].own ? 0 : -ENOENT, r);
        if (cases[i].own)
            assert_string_equal(cases[i].own, own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_mounts),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_parse_path),
        cmocka_unit_test(test_path_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
