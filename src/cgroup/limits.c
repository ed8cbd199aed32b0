/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "cgroup/controllers.h"
#include "cgroup/core_files.h"

#define LIMITS_MAX 64

/* PAGE_COUNTER_MAX in bytes is just below 2^63. */
#define UNCOUNTABLE (UINT64_C(1) << 62)

/* What an engine or systemd can set for a container, in an order in which it can be written:
 * a burst must not exceed the quota. */
static const struct {
    const char *file;
    const char *unlimited;
} settings[] = {
    { "memory.max", "max" },
    { "memory.high", "max" },
    { "memory.low", "0" },
    { "memory.min", "0" },
    { "memory.swap.max", "max" },
    { "memory.swap.high", "max" },
    { "memory.zswap.max", "max" },
    { "memory.oom.group", "0" },
    { "cpu.max", "max" },
    { "cpu.max.burst", "0" },
    { "cpu.weight", "100" },
    { "cpu.idle", "0" },
    { "cpuset.cpus", "" },
    { "cpuset.mems", "" },
    { "pids.max", "max" },
    { "io.max", "" },
    { "io.weight", "100" },
    { "io.bfq.weight", "100" },
};

/* One for each size of a huge page: hugetlb.2MB.max, hugetlb.2MB.rsvd.max. */
#define HUGETLB_PATTERN "hugetlb.*.max"

void limits_clear(Limits *limits)
{
    for (size_t i = 0; i < limits->n; i++) {
        free(limits->items[i].file);
        free(limits->items[i].value);
    }
    free(limits->items);
    *limits = (Limits){};
}

int limits_append(Limits *limits, const char *file, char *value)
{
    _cleanup_free_ char *owned = value, *name = strdup(file);
    Limit *larger;

    if (limits->n >= LIMITS_MAX)
        return -E2BIG;
    larger = reallocarray(limits->items, limits->n + 1, sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    limits->items = larger;
    if (!name)
        return -ENOMEM;
    larger[limits->n++] = (Limit){ .file = TAKE_PTR(name), .value = TAKE_PTR(owned) };
    return 0;
}

static bool is_unlimited(const char *value, const char *unlimited)
{
    const char *bare = text_after(value, "default ");
    uint64_t number;

    if (text_equal(bare ? bare : value, unlimited))
        return true;
    if (!text_equal(unlimited, "max"))
        return false;
    /* cpu.max: "max 100000", no quota in a period. hugetlb.2MB.max, until it is first written:
     * all that the kernel can count. */
    return text_starts_with(value, "max ") ||
            (parse_unsigned(value, &number) >= 0 && number >= UNCOUNTABLE);
}

static int read_limit(int cgroup, const char *file, const char *unlimited, Limits *limits)
{
    char *value;
    int r;

    r = cgroup_read(cgroup, file, &value);
    /* The controller is not enabled here, the kernel has no such setting or (EOPNOTSUPP) the
     * machine not what it is about. */
    if (r == -ENOENT || r == -EOPNOTSUPP)
        return 0;
    if (r < 0)
        return r;
    if (is_unlimited(value, unlimited)) {
        free(value);
        return 0;
    }
    return limits_append(limits, file, value);
}

static int read_hugetlb_limit(int cgroup, const char *file, void *userdata)
{
    return read_limit(cgroup, file, "max", userdata);
}

int limits_read(int cgroup, Limits *ret)
{
    _cleanup_(limits_clear) Limits limits = {};
    int r;

    for (size_t i = 0; i < ELEMENTS(settings); i++) {
        r = read_limit(cgroup, settings[i].file, settings[i].unlimited, &limits);
        if (r < 0)
            return r;
    }
    r = cgroup_each_file(cgroup, HUGETLB_PATTERN, read_hugetlb_limit, &limits);
    if (r < 0)
        return r;
    *ret = limits;
    limits = (Limits){};
    return 0;
}

/* Does it bound a sum over the cgroup and all below it, so that an ancestor's holds as well? */
static bool is_maximum(const char *file)
{
    static const char *const maxima[] = { "memory.max", "memory.high", "memory.swap.max",
        "memory.swap.high", "memory.zswap.max", "pids.max" };

    for (size_t i = 0; i < ELEMENTS(maxima); i++)
        if (text_equal(file, maxima[i]))
            return true;
    return fnmatch(HUGETLB_PATTERN, file, 0) == 0;
}

static bool is_implied(const Limit *limit, int cgroup)
{
    _cleanup_free_ char *value = NULL;
    uint64_t wanted, there;

    return is_maximum(limit->file) && cgroup_read(cgroup, limit->file, &value) >= 0 &&
            parse_unsigned(limit->value, &wanted) >= 0 && parse_unsigned(value, &there) >= 0 &&
            there <= wanted;
}

void limits_drop_implied(Limits *limits, int cgroup, bool tasks_only)
{
    size_t kept = 0;

    for (size_t i = 0; i < limits->n; i++) {
        bool counts = !tasks_only || text_equal(limits->items[i].file, "pids.max");

        if (!counts || !is_implied(&limits->items[i], cgroup)) {
            limits->items[kept++] = limits->items[i];
            continue;
        }
        free(limits->items[i].file);
        free(limits->items[i].value);
    }
    limits->n = kept;
}

/* Is every line of `wanted` a line of `text`? Settings for several devices have one each, in no
 * set order. */
static bool lines_contain(const char *text, const char *wanted)
{
    while (*wanted) {
        size_t size = strcspn(wanted, "\n");
        const char *line = text;

        while (*line && (strcspn(line, "\n") != size || memcmp(line, wanted, size) != 0)) {
            line += strcspn(line, "\n");
            line += *line == '\n';
        }
        if (!*line)
            return false;
        wanted += size;
        wanted += *wanted == '\n';
    }
    return true;
}

const Limit *limits_missing(const Limits *limits, int cgroup)
{
    for (size_t i = 0; i < limits->n; i++) {
        const Limit *limit = &limits->items[i];
        _cleanup_free_ char *value = NULL;

        if (cgroup_read(cgroup, limit->file, &value) < 0 || !lines_contain(value, limit->value))
            return limit;
    }
    return NULL;
}

void limit_controller(const Limit *limit, char ret[static 32])
{
    (void)snprintf(ret, 32, "%.*s", (int)strcspn(limit->file, "."), limit->file);
}

static bool has_controller(const char *controllers, const char *name)
{
    size_t size = strlen(name);

    for (const char *p = controllers; (p = strstr(p, name)); p += size)
        if ((p == controllers || p[-1] == ' ') && (p[size] == ' ' || p[size] == '\0'))
            return true;
    return false;
}

/* The first limit whose controller the unit has not been given; NULL: it has all. */
static const Limit *limit_without_controller(const Limits *limits, int unit)
{
    _cleanup_free_ char *controllers = NULL;

    if (cgroup_read(unit, "cgroup.controllers", &controllers) < 0)
        return limits->items;
    for (size_t i = 0; i < limits->n; i++) {
        char name[32];

        limit_controller(&limits->items[i], name);
        if (!has_controller(controllers, name))
            return &limits->items[i];
    }
    return NULL;
}

/* In a unit of a user's manager: libcgroup (2.0.2 and 3.1) opens cgroup.subtree_control for writing
 * from the root of the hierarchy on, and gives up at the first that is the system's. The unit's own
 * is all that it takes. */
static int write_limits(const char *mount, const char *path, const Limits *limits)
{
    _cleanup_free_ char *unit_path = strndup(path, (size_t)(strrchr(path, '/') - path));
    _cleanup_close_ int unit = unit_path ? cgroup_open(mount, unit_path) : -ENOMEM;
    _cleanup_close_ int cgroup = cgroup_open(mount, path);
    int r = unit < 0 ? unit : cgroup < 0 ? cgroup : 0;

    for (size_t i = 0; r >= 0 && i < limits->n; i++) {
        const Limit *limit = &limits->items[i];
        char name[1 + 32] = "+";

        limit_controller(limit, name + 1);
        r = cgroup_write(unit, "cgroup.subtree_control", name);
        if (r >= 0)
            r = cgroup_write(cgroup, limit->file, limit->value);
    }
    return r;
}

int limit_refuse(int r, const Limit *limit, const char *why, char **ret_message)
{
    *ret_message = text_format("the container's limit %s=%s cannot be carried into the unit's "
                               "cgroup: %s",
            limit->file, limit->value, why);
    return r;
}

static bool has_processes(int cgroup)
{
    _cleanup_free_ char *procs = NULL;

    return cgroup_read(cgroup, "cgroup.procs", &procs) >= 0 && *procs;
}

int limits_set(const Limits *limits, const char *mount, const char *path, char **ret_message)
{
    _cleanup_close_ int cgroup = -1;
    const Limit *missing;
    int r;

    r = geteuid() == 0 ? controllers_create_group(path, limits) : write_limits(mount, path, limits);
    /* What is in force counts, not what libcgroup says: 2.0.2 has the errno of a failed write and
     * leaves the group, 3.1 has a code of its own and removes it. */
    cgroup = cgroup_open(mount, path);
    missing = cgroup < 0 ? limits->items : limits_missing(limits, cgroup);
    if (!missing)
        return 0;
    return limit_refuse(
            r < 0 ? r : -EBADE, missing, r < 0 ? strerror(-r) : "it was not taken", ret_message);
}

int limits_carry(int source, const CgroupLayout *layout, char **ret_message)
{
    _cleanup_(limits_clear) Limits limits = {};
    _cleanup_close_ int unit = cgroup_open(layout->mount, layout->unit);
    const Limit *without;
    int r;

    if (unit < 0)
        r = unit;
    else
        r = limits_read(source, &limits);
    if (r < 0) {
        *ret_message = text_format("reading the container's limits failed: %s", strerror(-r));
        return r;
    }
    /* The usual case is none but systemd's default for tasks, which the unit has as well: nothing
     * to do, and libcgroup's start-up is saved. The others are set even where the unit's are as
     * strict: systemctl set-property may loosen those while the container runs. */
    limits_drop_implied(&limits, unit, layout->delegated);
    if (limits.n == 0)
        return 0;

    if (!layout->delegated)
        return limit_refuse(-EPERM, limits.items,
                "without Delegate=yes in the unit it has no place of its own", ret_message);
    without = limit_without_controller(&limits, unit);
    if (without)
        return limit_refuse(-EOPNOTSUPP, without,
                "its controller is not delegated to the unit (Delegate=yes delegates all)",
                ret_message);
    if (has_processes(unit))
        return limit_refuse(-EBUSY, limits.items,
                "processes in the unit's cgroup itself keep controllers from being enabled below",
                ret_message);
    return limits_set(&limits, layout->mount, layout->payload, ret_message);
}
