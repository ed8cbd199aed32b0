/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/version1_walls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "cgroup/core_files.h"
#include "cgroup/limits.h"

/* What an engine can set for a container, in an order in which it can be written: memory with swap
 * is at least memory, a quota is one of its period. memory.oom_control is left out: it takes a
 * wall's edge off, and is written other than it is read. */
static const char *const settings[] = {
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "memory.soft_limit_in_bytes",
    "memory.kmem.limit_in_bytes",
    "memory.kmem.tcp.limit_in_bytes",
    "memory.swappiness",
    "cpu.shares",
    "cpu.cfs_period_us",
    "cpu.cfs_quota_us",
    "cpu.cfs_burst_us",
    "cpu.rt_period_us",
    "cpu.rt_runtime_us",
    "cpu.idle",
    "cpuset.cpus",
    "cpuset.mems",
    "pids.max",
    "blkio.weight",
    "blkio.weight_device",
    "blkio.bfq.weight",
    "blkio.bfq.weight_device",
    "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device",
    "blkio.throttle.read_iops_device",
    "blkio.throttle.write_iops_device",
    "net_cls.classid",
};

/* One for each size of a huge page. */
#define HUGETLB_PATTERN "hugetlb.*.limit_in_bytes"

struct carrying {
    int source, unit, destination;
    bool delegated;
    uint64_t cpu_bound, unit_cpu_bound; /* millionths of a CPU; UINT64_MAX: none */
    Limits limits;
};

static uint64_t read_cpu_bound(int cgroup)
{
    _cleanup_free_ char *quota = NULL, *period = NULL;
    uint64_t quota_usec, period_usec;

    if (cgroup_read(cgroup, "cpu.cfs_quota_us", &quota) < 0 ||
            cgroup_read(cgroup, "cpu.cfs_period_us", &period) < 0 ||
            parse_unsigned(quota, &quota_usec) < 0 || parse_unsigned(period, &period_usec) < 0 ||
            period_usec == 0)
        return UINT64_MAX; /* "-1" */
    return quota_usec * USEC_PER_SEC / period_usec;
}

static bool is_maximum(const char *file)
{
    return text_equal(file, "pids.max") || text_ends_with(file, ".limit_in_bytes");
}

/* Does the unit's own limit hold it in already? */
static bool is_implied(const struct carrying *carrying, const char *file, const char *value)
{
    _cleanup_free_ char *of_unit = NULL;
    uint64_t wanted, there;

    /* The kernel refuses a quota above the parent's. */
    if (text_starts_with(file, "cpu.cfs_"))
        return carrying->unit_cpu_bound != UINT64_MAX &&
                carrying->unit_cpu_bound <= carrying->cpu_bound;
    /* Others are set even where the unit's are as strict: systemctl set-property may loosen those
     * while the container runs. */
    return !carrying->delegated && is_maximum(file) &&
            cgroup_read(carrying->unit, file, &of_unit) >= 0 &&
            parse_unsigned(value, &wanted) >= 0 && parse_unsigned(of_unit, &there) >= 0 &&
            there <= wanted;
}

static int consider(struct carrying *carrying, const char *file)
{
    _cleanup_free_ char *wanted = NULL, *there = NULL;
    int r;

    r = cgroup_read(carrying->source, file, &wanted);
    /* Another hierarchy's, or not in this kernel. */
    if (r == -ENOENT || r == -EOPNOTSUPP)
        return 0;
    if (r < 0)
        return r;
    if (cgroup_read(carrying->destination, file, &there) >= 0 && text_equal(wanted, there))
        return 0;
    if (is_implied(carrying, file, wanted))
        return 0;
    return limits_append(&carrying->limits, file, TAKE_PTR(wanted));
}

static int consider_hugetlb(int cgroup, const char *file, void *userdata)
{
    (void)cgroup;
    return consider(userdata, file);
}

static int read_limits(struct carrying *carrying, char **ret_message)
{
    int r = 0;

    carrying->cpu_bound = read_cpu_bound(carrying->source);
    carrying->unit_cpu_bound = read_cpu_bound(carrying->unit);
    for (size_t i = 0; r >= 0 && i < ELEMENTS(settings); i++)
        r = consider(carrying, settings[i]);
    if (r >= 0)
        r = cgroup_each_file(carrying->source, HUGETLB_PATTERN, consider_hugetlb, carrying);
    if (r < 0)
        *ret_message = text_format("reading the container's limits failed: %s", strerror(-r));
    return r;
}

int version1_limits_carry(int source, int destination, const CgroupLayout *layout,
        const char *mount, char **ret_message)
{
    _cleanup_close_ int unit = cgroup_open(mount, layout->unit);
    struct carrying carrying = { source, unit, destination, layout->delegated, 0, 0, {} };
    Limits *limits = &carrying.limits;
    int r;

    if (unit < 0)
        return unit;
    r = read_limits(&carrying, ret_message);
    if (r >= 0 && limits->n > 0)
        r = layout->delegated
                ? limits_set(limits, mount, layout->payload, ret_message)
                : limit_refuse(-EPERM, limits->items,
                          "without Delegate=yes in the unit it has no place of its own",
                          ret_message);
    limits_clear(limits);
    return r;
}

/* Calls for each line until it returns non-zero; returns that. */
static int each_line(const char *text, int (*visit)(const char *line, void *userdata), void *data)
{
    _cleanup_free_ char *copy = strdup(text);
    char *rest = copy, *line;
    int r = 0;

    if (!copy)
        return -ENOMEM;
    while (r == 0 && (line = strsep(&rest, "\n")))
        if (*line)
            r = visit(line, data);
    return r;
}

static int line_is_missing(const char *line, void *userdata)
{
    const char *text = userdata;
    size_t size = strlen(line);

    for (const char *p = text; (p = strstr(p, line)); p += size)
        if ((p == text || p[-1] == '\n') && (p[size] == '\n' || p[size] == '\0'))
            return 0;
    return 1;
}

/* 1: it allows nothing that is not in `rules`. Rules are compared as they stand: that takes some
 * that are implied for more, never the other way round. */
static int allows_no_more(int cgroup, char *rules)
{
    _cleanup_free_ char *there = NULL;
    int r;

    r = cgroup_read(cgroup, "devices.list", &there);
    if (r < 0)
        return r;
    r = each_line(there, line_is_missing, rules);
    return r < 0 ? r : r == 0;
}

static int allow(const char *rule, void *userdata)
{
    int r = cgroup_write(*(int *)userdata, "devices.allow", rule);

    /* The unit itself may not (DevicePolicy=, DeviceAllow=): so the container may not either. */
    return r == -EPERM ? 0 : r;
}

static int carry_rules(int source, int destination, const CgroupLayout *layout)
{
    _cleanup_free_ char *rules = NULL;
    int r;

    r = cgroup_read(source, "devices.list", &rules);
    /* "a *:* rwm": everything. */
    if (r < 0 || *rules == 'a')
        return r == -ENOENT ? 0 : r;
    r = allows_no_more(destination, rules);
    if (r != 0)
        return r < 0 ? r : 0;
    /* The unit's own cgroup is systemd's to set, and it would open it again. */
    if (!layout->delegated)
        return -EPERM;
    r = cgroup_write(destination, "devices.deny", "a");
    if (r >= 0)
        r = each_line(rules, allow, &destination);
    if (r < 0)
        return r;
    r = allows_no_more(destination, rules);
    return r == 0 ? -EBADE : r < 0 ? r : 0;
}

int version1_devices_carry(
        int source, int destination, const CgroupLayout *layout, bool required, char **ret_message)
{
    int r = carry_rules(source, destination, layout);

    if (r >= 0 || !required)
        return 0;
    *ret_message =
            text_format("the container's device rules cannot be carried into the unit's cgroup: %s",
                    r == -EPERM && !layout->delegated ? "that needs Delegate=yes in the unit"
                            : r == -EBADE             ? "they are not in force there"
                                                      : strerror(-r));
    return r;
}
