/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/hierarchies.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cgroup/controllers.h"
#include "cgroup/core_files.h"

#define MOUNTINFO_MAX (4U << 20)
#define HIERARCHIES_MAX 32

/* Where systemd mounts it on a hybrid host. Others mount cgroup v2 elsewhere for purposes of their
 * own, and that makes no hybrid host. */
#define UNIFIED_MOUNT "/sys/fs/cgroup/unified"

Hierarchies *hierarchies_free(Hierarchies *hierarchies)
{
    if (!hierarchies)
        return NULL;
    for (size_t i = 0; i < hierarchies->n; i++) {
        free(hierarchies->items[i].name);
        free(hierarchies->items[i].mount);
    }
    free(hierarchies->items);
    free(hierarchies);
    return NULL;
}

static int append(
        Hierarchies *hierarchies, const char *name, const char *mount, int number, bool tracking)
{
    Hierarchy *larger;

    if (hierarchies->n >= HIERARCHIES_MAX)
        return -E2BIG;
    larger = reallocarray(hierarchies->items, hierarchies->n + 1, sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    hierarchies->items = larger;
    larger[hierarchies->n++] = (Hierarchy){
        .name = strdup(name), .mount = strdup(mount), .number = number, .tracking = tracking
    };
    return larger[hierarchies->n - 1].name && larger[hierarchies->n - 1].mount ? 0 : -ENOMEM;
}

static Hierarchy *find_named(const Hierarchies *hierarchies, const char *name)
{
    for (size_t i = 0; i < hierarchies->n; i++)
        if (text_equal(hierarchies->items[i].name, name))
            return &hierarchies->items[i];
    return NULL;
}

/* Is `name` one of the `list`, which has commas between? */
static bool list_contains(const char *list, const char *name)
{
    size_t size = strlen(name);

    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, name, size) == 0 && (p[size] == '\0' || p[size] == ','))
            return true;
    }
    return false;
}

/* proc_pid_mountinfo(5): the fifth field, and after " - " the type, the source and the options of
 * the file system. */
static int parse_mount(char *line, Hierarchies *hierarchies)
{
    char *rest = strstr(line, " - "), *mount = NULL, *type, *options;

    if (!rest)
        return 0;
    *rest = '\0';
    for (int i = 0; i < 5; i++)
        mount = strsep(&line, " "); /* NULL, once there is nothing left */
    rest += strlen(" - ");
    type = strsep(&rest, " ");
    (void)strsep(&rest, " ");
    options = rest;
    /* What has a blank in its name is nothing of systemd's. */
    if (!mount || !options || strchr(mount, '\\'))
        return 0;

    if (text_equal(type, "cgroup2") && text_equal(mount, UNIFIED_MOUNT) &&
            !find_named(hierarchies, HIERARCHY_UNIFIED))
        return append(hierarchies, HIERARCHY_UNIFIED, mount, 0, true);
    if (text_equal(type, "cgroup") && list_contains(options, HIERARCHY_SYSTEMD) &&
            !find_named(hierarchies, HIERARCHY_SYSTEMD))
        return append(hierarchies, HIERARCHY_SYSTEMD, mount, 0, true);
    return 0;
}

int hierarchies_parse_mounts(const char *mountinfo, Hierarchies *hierarchies)
{
    _cleanup_free_ char *copy = strdup(mountinfo);
    char *rest = copy, *line;
    int r = 0;

    if (!copy)
        return -ENOMEM;
    while (r >= 0 && (line = strsep(&rest, "\n")))
        r = parse_mount(line, hierarchies);
    if (r < 0)
        return r;
    if (hierarchies->n == 2 && text_equal(hierarchies->items[0].name, HIERARCHY_SYSTEMD)) {
        Hierarchy legacy = hierarchies->items[0];

        hierarchies->items[0] = hierarchies->items[1];
        hierarchies->items[1] = legacy;
    }
    return 0;
}

static int add_controller(const char *name, int number, const char *mount, void *userdata)
{
    Hierarchies *hierarchies = userdata;

    /* On a hybrid host's cgroup v2: that is there already. */
    if (number == 0)
        return 0;
    for (size_t i = 0; i < hierarchies->n; i++) {
        Hierarchy *hierarchy = &hierarchies->items[i];
        char *names;

        if (hierarchy->number != number)
            continue;
        names = text_format("%s,%s", hierarchy->name, name);
        if (!names)
            return -ENOMEM;
        free(hierarchy->name);
        hierarchy->name = names;
        return 0;
    }
    return append(hierarchies, name, mount, number, false);
}

int hierarchies_find(Hierarchies **ret)
{
    _cleanup_(hierarchies_free_p) Hierarchies *hierarchies = calloc(1, sizeof(*hierarchies));
    _cleanup_free_ char *mounts = NULL;
    int r;

    if (!hierarchies)
        return -ENOMEM;
    /* libcgroup 2.0.2 knows controllers only: for cgroup_get_subsys_mount_point() and the mount
     * table of cgroup_init() neither name=systemd nor a cgroup v2 without controllers is there. */
    r = file_read("/proc/self/mountinfo", MOUNTINFO_MAX, &mounts, NULL);
    if (r >= 0)
        r = hierarchies_parse_mounts(mounts, hierarchies);
    if (r < 0)
        return r;
    if (!find_named(hierarchies, HIERARCHY_SYSTEMD))
        return -ENOTSUP;
    r = controllers_each(add_controller, hierarchies);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(hierarchies);
    return 0;
}

void hierarchies_look_for_unit(Hierarchies *hierarchies, const char *unit)
{
    for (size_t i = 0; i < hierarchies->n; i++) {
        Hierarchy *hierarchy = &hierarchies->items[i];
        _cleanup_close_ int cgroup = cgroup_open(hierarchy->mount, unit);

        hierarchy->has_unit = cgroup >= 0;
        hierarchy->chosen = hierarchy->has_unit && hierarchy->tracking;
    }
}

static bool hierarchy_has_name(const Hierarchy *hierarchy, const char *name)
{
    const char *bare = text_after(hierarchy->name, "name=");

    return list_contains(hierarchy->name, name) || (bare && text_equal(bare, name));
}

/* One name, without commas. */
static int choose_one(Hierarchies *hierarchies, const char *name, char **ret_message)
{
    _cleanup_free_ char *known = NULL;
    bool found = false, all = text_equal(name, "all");

    for (size_t i = 0; i < hierarchies->n; i++) {
        Hierarchy *hierarchy = &hierarchies->items[i];

        if (!all && !hierarchy_has_name(hierarchy, name))
            continue;
        found = true;
        hierarchy->chosen = hierarchy->has_unit;
    }
    if (found)
        return 0;
    known = hierarchies_describe(hierarchies, false);
    *ret_message = text_format("--cgroups=%s: this host has no such cgroup hierarchy; it has %s",
            name, known ? known : "others");
    return -EINVAL;
}

int hierarchies_choose(Hierarchies *hierarchies, char *const *names, char **ret_message)
{
    for (size_t i = 0; names && names[i]; i++) {
        _cleanup_free_ char *copy = strdup(names[i]);
        char *rest = copy, *name;

        if (!copy)
            return -ENOMEM;
        /* Controllers that are mounted together have one name in any order ("cpuacct,cpu"), and
         * where they are mounted apart both are meant. */
        while ((name = strsep(&rest, ","))) {
            int r = choose_one(hierarchies, name, ret_message);

            if (r < 0)
                return r;
        }
    }
    return 0;
}

bool hierarchies_are_hybrid(const Hierarchies *hierarchies)
{
    return find_named(hierarchies, HIERARCHY_UNIFIED);
}

char *hierarchies_describe(const Hierarchies *hierarchies, bool chosen)
{
    _cleanup_free_ char *text = strdup("");

    for (size_t i = 0; i < hierarchies->n && text; i++) {
        const Hierarchy *hierarchy = &hierarchies->items[i];
        char *longer;

        if (chosen && !hierarchy->chosen)
            continue;
        longer = text_format("%s%s%s", text, *text ? ", " : "", hierarchy->name);
        free(text);
        text = longer;
    }
    return TAKE_PTR(text);
}
