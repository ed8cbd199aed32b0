/* SPDX-License-Identifier: Apache-2.0 */

/* Which settings of a cgroup are limits, and that they come into force elsewhere or are named. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cgroup_scratch.h"

#include "base/file.h"
#include "cgroup/limits.h"

/* A directory of plain files stands for a cgroup: what is read is the same. */
static char directory[64];
static Limits limits;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/test-cgroup-limits.XXXXXX");
    assert_non_null(mkdtemp(directory));
    return 0;
}

static int tear_down(void **state)
{
    _cleanup_free_ char *command = text_format("rm -rf %s", directory);

    (void)state;
    limits_clear(&limits);
    return system(command);
}

static void put(const char *file, const char *value)
{
    _cleanup_free_ char *path = text_format("%s/%s", directory, file);
    _cleanup_free_ char *line = text_format("%s%s", value, *value ? "\n" : "");

    assert_int_equal(0, file_replace(path, line, 0644));
}

static int open_directory(void)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static const char *value_of(const char *file)
{
    for (size_t i = 0; i < limits.n; i++)
        if (text_equal(limits.items[i].file, file))
            return limits.items[i].value;
    return NULL;
}

static void test_read(void **state)
{
    static const struct {
        const char *file, *value;
        bool limit;
    } cases[] = {
        { "memory.max", "max", false },
        { "memory.max", "67108864", true },
        { "memory.high", "max", false },
        { "memory.low", "0", false },
        { "memory.low", "4096", true },
        { "memory.min", "0", false },
        { "memory.swap.max", "max", false },
        { "memory.swap.max", "0", true },
        { "memory.oom.group", "0", false },
        { "memory.oom.group", "1", true },
        { "memory.current", "12345", false },
        { "cpu.max", "max 100000", false },
        { "cpu.max", "50000 100000", true },
        { "cpu.weight", "100", false },
        { "cpu.weight", "39", true },
        { "cpu.idle", "0", false },
        { "cpuset.cpus", "", false },
        { "cpuset.cpus", "0-1,3", true },
        { "cpuset.mems", "", false },
        { "cpuset.mems", "0", true },
        { "pids.max", "max", false },
        { "pids.max", "50", true },
        { "io.max", "", false },
        { "io.max", "8:0 rbps=1048576 wbps=max riops=max wiops=max", true },
        { "io.weight", "default 100", false },
        { "io.weight", "default 500", true },
        { "io.weight", "default 100\n8:0 200", true },
        { "io.bfq.weight", "100", false },
        { "hugetlb.2MB.max", "max", false },
        { "hugetlb.2MB.max", "9223372036854771712", false },
        { "hugetlb.2MB.max", "2097152", true },
        { "hugetlb.1GB.rsvd.max", "0", true },
        { "hugetlb.2MB.current", "0", false },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_close_ int fd = -1;

        assert_int_equal(0, tear_down(NULL));
        set_up(NULL);
        put(cases[i].file, cases[i].value);
        fd = open_directory();
        assert_int_equal(0, limits_read(fd, &limits));
        assert_int_equal(cases[i].limit, limits.n);
        if (cases[i].limit)
            assert_string_equal(cases[i].value, value_of(cases[i].file));
    }
}

static void test_drop_implied(void **state)
{
    static const struct {
        const char *file, *wanted, *there;
        bool kept;
    } cases[] = {
        { "pids.max", "4915", "4915", false },
        { "pids.max", "4915", "100", false },
        { "pids.max", "50", "4915", true },
        { "pids.max", "50", "max", true },
        { "pids.max", "50", NULL, true },
        { "memory.max", "4096", "4096", false },
        { "memory.swap.max", "0", "4096", true },
        { "hugetlb.2MB.max", "2097152", "0", false },
        /* Not a sum over what is below: the unit's own says nothing about the payload's. */
        { "memory.low", "4096", "1", true },
        { "cpu.weight", "50", "50", true },
        { "cpu.max", "50000 100000", "50000 100000", true },
        { "cpuset.cpus", "0", "0", true },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_close_ int source = -1, unit = -1;

        assert_int_equal(0, tear_down(NULL));
        set_up(NULL);
        put(cases[i].file, cases[i].wanted);
        source = open_directory();
        assert_int_equal(0, limits_read(source, &limits));
        assert_int_equal(1, limits.n);
        if (cases[i].there)
            put(cases[i].file, cases[i].there);
        else
            assert_int_equal(0, unlinkat(source, cases[i].file, 0));
        unit = open_directory();
        limits_drop_implied(&limits, unit, false);
        assert_int_equal(cases[i].kept, limits.n);
    }
}

static void test_missing(void **state)
{
    static const struct {
        const char *file, *wanted, *there;
        bool in_force;
    } cases[] = {
        { "memory.max", "4096", "4096", true },
        { "memory.max", "4096", "40960", false },
        { "memory.max", "4096", "max", false },
        { "memory.max", "4096", NULL, false },
        { "io.max", "8:0 a\n8:16 b", "8:16 b\n8:0 a", true },
        { "io.max", "8:0 a\n8:16 b", "8:0 a", false },
        { "io.max", "8:0 a", "8:0 ab", false },
        { "io.weight", "default 100\n8:0 200", "default 100\n8:0 200\n8:16 300", true },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_close_ int fd = -1;

        assert_int_equal(0, tear_down(NULL));
        set_up(NULL);
        put(cases[i].file, cases[i].wanted);
        fd = open_directory();
        assert_int_equal(0, limits_read(fd, &limits));
        assert_int_equal(1, limits.n);
        if (cases[i].there)
            put(cases[i].file, cases[i].there);
        else
            assert_int_equal(0, unlinkat(fd, cases[i].file, 0));
        if (cases[i].in_force)
            assert_null(limits_missing(&limits, fd));
        else
            assert_ptr_equal(limits.items, limits_missing(&limits, fd));
    }
}

/* A unit beside it, of plain files too. */
static void refuse(bool delegated, const char *controllers, int wanted, const char *words)
{
    CgroupLayout layout = {
        .mount = directory,
        .unit = (char *)"/unit",
        .unit_name = (char *)"web.service",
        .payload = (char *)"/unit/payload",
        .delegated = delegated,
    };
    _cleanup_free_ char *unit = text_format("%s/unit", directory), *message = NULL;
    _cleanup_close_ int source = open_directory();

    assert_int_equal(0, directory_make(unit, 0755));
    put("unit/cgroup.controllers", controllers);
    assert_int_equal(wanted, limits_carry(source, &layout, &message));
    if (!words) {
        assert_null(message);
        return;
    }
    assert_non_null(message);
    if (!strstr(message, words))
        fail_msg("'%s' is not in: %s", words, message);
}

static void test_refusals_name_the_limit(void **state)
{
    (void)state;
    refuse(false, "", 0, NULL);
    put("pids.max", "50");
    refuse(false, "pids", -EPERM, "pids.max=50");
    refuse(false, "pids", -EPERM, "Delegate=yes");
    refuse(true, "cpu cpuset io", -EOPNOTSUPP, "pids.max=50");
    refuse(true, "", -EOPNOTSUPP, "not delegated");
    put("cpu.max", "50000 100000");
    refuse(true, "cpuset pids", -EOPNOTSUPP, "cpu.max=50000 100000");
    put("unit/pids.max", "50");
    put("cpu.max", "max 100000");
    refuse(false, "pids", 0, NULL);
}

static const char *carry_hugetlb(void *userdata)
{
    Scratch *scratch = userdata;
    _cleanup_free_ char *message = NULL, *value = NULL;
    _cleanup_close_ int source = -1, payload = -1;
    int output[2];
    char byte;

    /* What libcgroup says must not reach stdout. */
    CHECK_APART(pipe2(output, O_CLOEXEC | O_NONBLOCK) == 0);
    CHECK_APART(dup2(output[1], STDOUT_FILENO) >= 0);

    free(scratch->layout.mount);
    scratch->layout.mount = strdup("/sys/fs/cgroup");
    source = cgroup_open(scratch->layout.mount, scratch->source);
    CHECK_APART(cgroup_write(source, "hugetlb.2MB.max", "4194304") == 0);
    CHECK_APART(cgroup_make_anew(scratch->layout.mount, scratch->layout.payload) == 0);
    CHECK_APART(limits_carry(source, &scratch->layout, &message) == 0);
    payload = cgroup_open(scratch->layout.mount, scratch->layout.payload);
    CHECK_APART(cgroup_read(payload, "hugetlb.2MB.max", &value) == 0);
    CHECK_APART(text_equal(value, "4194304"));
    /* Once more: nothing to change. */
    CHECK_APART(limits_carry(source, &scratch->layout, &message) == 0);

    (void)fflush(stdout);
    CHECK_APART(read(output[0], &byte, 1) < 0);
    return NULL;
}

/* A process in the unit's cgroup itself: the kernel lets no controller be enabled below. */
static const char *carry_hugetlb_busy(void *userdata)
{
    Scratch *scratch = userdata;
    _cleanup_free_ char *message = NULL;
    _cleanup_close_ int source = -1;

    free(scratch->layout.mount);
    scratch->layout.mount = strdup("/sys/fs/cgroup");
    source = cgroup_open(scratch->layout.mount, scratch->source);
    CHECK_APART(cgroup_write(source, "hugetlb.2MB.max", "4194304") == 0);
    CHECK_APART(cgroup_make_anew(scratch->layout.mount, scratch->layout.payload) == 0);
    CHECK_APART(limits_carry(source, &scratch->layout, &message) == -EBUSY);
    CHECK_APART(message && strstr(message, "hugetlb.2MB.max=4194304"));
    return NULL;
}

static void with_hugetlb(const char *(*check)(void *userdata), bool busy)
{
    Scratch scratch;

    SCRATCH_NEEDED();
    scratch_open(&scratch, true);
    if (!scratch_enable_hugetlb(&scratch, scratch.base)) {
        scratch_close(&scratch);
        print_message("skipped: the hugetlb controller is not to be had\n");
        skip();
    }
    if (busy)
        (void)scratch_spawn(&scratch, scratch.layout.unit, scratch_sleep, NULL);
    scratch_check_apart(CLONE_NEWNS, check, &scratch);
    scratch_close(&scratch);
}

static void test_carry(void **state)
{
    (void)state;
    with_hugetlb(carry_hugetlb, false);
}

static void test_carry_busy(void **state)
{
    (void)state;
    with_hugetlb(carry_hugetlb_busy, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drop_implied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals_name_the_limit, set_up, tear_down),
        cmocka_unit_test(test_carry),
        cmocka_unit_test(test_carry_busy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
