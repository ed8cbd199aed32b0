/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/process.h"
#include "base/text.h"
#include "base/unit_name.h"
#include "cgroup/core_files.h"
#include "cgroup/delegation.h"

/* Where systemd and runc look for cgroup v2, and nowhere else: mounted below it, it is one of
 * several hierarchies (hybrid), and those of version 1 have the controllers. */
#define MOUNT_POINT "/sys/fs/cgroup"
#define HYBRID_MOUNT_POINT "/sys/fs/cgroup/unified"

static bool path_is_clean(const char *path)
{
    if (path[0] != '/')
        return false;
    for (const char *p = path; (p = strstr(p, "/..")); p += 3)
        if (p[3] == '/' || p[3] == '\0')
            return false;
    return true;
}

/* The path in a line of /proc/PID/cgroup, cgroups(7): "NUMBER:CONTROLLER[,CONTROLLER]...:PATH", if
 * the line is of this hierarchy, else NULL. Controllers that are mounted together may stand there
 * in another order. */
static const char *path_of_line(const char *line, const char *hierarchy)
{
    size_t size = strcspn(hierarchy, ",");
    const char *p;

    if (text_equal(hierarchy, HIERARCHY_UNIFIED))
        return text_after(line, "0::");
    p = line + strcspn(line, ":\n");
    while (*p == ':' || *p == ',') {
        size_t n = strcspn(++p, ",:\n");

        if (n == size && memcmp(p, hierarchy, size) == 0) {
            p += strcspn(p, ":\n");
            return *p == ':' ? p + 1 : NULL;
        }
        p += n;
        if (*p == ':')
            return NULL;
    }
    return NULL;
}

int cgroup_parse_path(const char *proc_cgroup, const char *hierarchy, char **ret)
{
    for (const char *line = proc_cgroup; *line;) {
        const char *end = strchrnul(line, '\n');
        const char *path = path_of_line(line, hierarchy);
        _cleanup_free_ char *copy = NULL;

        if (!path) {
            line = *end ? end + 1 : end;
            continue;
        }
        copy = strndup(path, (size_t)(end - path));
        if (!copy)
            return -ENOMEM;
        /* cgroups(7): only what is dead can be in a cgroup that was removed. */
        if (text_ends_with(copy, " (deleted)"))
            return -ENOENT;
        /* A process outside our cgroup namespace reads as "/../x": appended to the mount point
         * that would be any file of the host. */
        if (!path_is_clean(copy))
            return -EXDEV;
        *ret = TAKE_PTR(copy);
        return 0;
    }
    return -ENXIO;
}

int cgroup_parse_v2_path(const char *proc_cgroup, char **ret)
{
    return cgroup_parse_path(proc_cgroup, HIERARCHY_UNIFIED, ret);
}

/* The size of the component that begins at `name`. */
static size_t component_size(const char *name)
{
    return strcspn(name, "/");
}

int cgroup_path_unit(const char *path, char **ret_unit_path, char **ret_unit_name)
{
    _cleanup_free_ char *unit_path = NULL, *unit_name = NULL;
    const char *found = NULL;
    size_t found_size = 0;

    for (const char *p = path; *p == '/';) {
        size_t size = component_size(++p);

        if (unit_name_has_processes(p, size)) {
            found = p;
            found_size = size;
        }
        p += size;
    }
    if (!found)
        return -ENXIO;

    unit_path = strndup(path, (size_t)(found - path) + found_size);
    /* systemd puts "_" before names that could be taken for the kernel's files ("cpu.service"). */
    if (*found == '_') {
        found++;
        found_size--;
    }
    unit_name = strndup(found, found_size);
    if (!unit_path || !unit_name)
        return -ENOMEM;
    *ret_unit_path = TAKE_PTR(unit_path);
    *ret_unit_name = TAKE_PTR(unit_name);
    return 0;
}

bool cgroup_path_is_of_container(const char *path, const char *container_id)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *id;

    if (strlen(container_id) != CONTAINER_ID_SIZE)
        return false;
    id = strstr(name, container_id);
    /* "ID" (cgroupfs driver) or "docker-ID.scope" (systemd driver), but not a longer number. */
    return id && (id == name || id[-1] == '-') &&
            (id[CONTAINER_ID_SIZE] == '\0' || id[CONTAINER_ID_SIZE] == '.');
}

int cgroup_path_container(const char *path, const char *container_id, char **ret)
{
    _cleanup_free_ char *ancestor = strdup(path);
    char *slash;

    if (!ancestor)
        return -ENOMEM;
    while (!cgroup_path_is_of_container(ancestor, container_id)) {
        slash = strrchr(ancestor, '/');
        if (!slash || slash == ancestor)
            return -ENOENT;
        *slash = '\0';
    }
    *ret = TAKE_PTR(ancestor);
    return 0;
}

struct sought {
    const char *container_id;
    const char *payload;
};

static bool is_sought(const char *path, const void *userdata)
{
    const struct sought *sought = userdata;

    return cgroup_path_is_of_container(path, sought->container_id) &&
            !(sought->payload && cgroup_path_is_below(path, sought->payload));
}

int cgroup_find_container(
        const char *mount, const char *container_id, const char *payload, char **ret)
{
    const struct sought sought = { container_id, payload };

    return cgroup_find(mount, is_sought, &sought, ret);
}

bool cgroup_path_is_below(const char *path, const char *ancestor)
{
    const char *rest = text_after(path, text_equal(ancestor, "/") ? "" : ancestor);

    return rest && (*rest == '\0' || *rest == '/');
}

static bool is_cgroup2(const char *directory)
{
    struct statfs fs;

    return statfs(directory, &fs) >= 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* The hierarchy by which systemd knows whose a process is. */
static const char *tracking_hierarchy(void)
{
    return is_cgroup2(MOUNT_POINT) || is_cgroup2(HYBRID_MOUNT_POINT) ? HIERARCHY_UNIFIED
                                                                     : HIERARCHY_SYSTEMD;
}

int cgroup_of_process(pid_t pid, char **ret)
{
    _cleanup_free_ char *text = NULL;
    int r;

    r = process_read(pid, "cgroup", &text);
    if (r < 0)
        return r;
    r = cgroup_parse_path(text, tracking_hierarchy(), ret);
    return r == -ENOENT ? -ESRCH : r;
}

/* Fills in all that follows from the unit's path. */
static int complete_layout(CgroupLayout *layout)
{
    _cleanup_close_ int unit = cgroup_open(layout->mount, layout->unit);

    if (unit < 0)
        return unit;
    if (layout->hierarchies)
        hierarchies_look_for_unit(layout->hierarchies, layout->unit);
    layout->delegated = cgroup_is_delegated(unit, layout->unit);
    if (layout->delegated) {
        layout->supervisor = text_format("%s/supervisor", layout->unit);
        layout->payload = text_format("%s/payload", layout->unit);
    } else {
        layout->supervisor = strdup(layout->unit);
        layout->payload = strdup(layout->unit);
    }
    return layout->supervisor && layout->payload ? 0 : -ENOMEM;
}

/* Sets layout->mount, and layout->hierarchies where there are several. */
static int find_mounts(CgroupLayout *layout)
{
    const char *mount = MOUNT_POINT;
    int r;

    if (!is_cgroup2(MOUNT_POINT)) {
        r = hierarchies_find(&layout->hierarchies);
        if (r < 0)
            return r;
        mount = layout->hierarchies->items[0].mount;
    }
    layout->mount = strdup(mount);
    return layout->mount ? 0 : -ENOMEM;
}

int cgroup_layout_find(CgroupLayout *ret)
{
    _cleanup_(cgroup_layout_clear) CgroupLayout layout = {};
    int r;

    r = find_mounts(&layout);
    if (r < 0)
        return r;
    r = cgroup_of_process(getpid(), &layout.own);
    if (r == -ENXIO)
        return -ENOTSUP;
    if (r < 0)
        return r;

    r = cgroup_path_unit(layout.own, &layout.unit, &layout.unit_name);
    if (r < 0 && r != -ENXIO)
        return r;
    /* Started by hand, from a session. The service further out ("user@1000.service", delegated)
     * is the session's manager: its cgroup is not ours to arrange. */
    if (r == 0 && text_ends_with(layout.unit_name, ".scope")) {
        (void)text_replace(&layout.unit, NULL);
        (void)text_replace(&layout.unit_name, NULL);
    }
    if (layout.unit) {
        r = complete_layout(&layout);
        /* What is mounted there is not what our own paths are counted from. */
        if (r == -ENOENT)
            return -ENOTSUP;
        if (r < 0)
            return r;
    }
    *ret = layout;
    layout = (CgroupLayout){};
    return 0;
}

int cgroup_layout_of_unit(const char *unit_path, CgroupLayout *ret)
{
    _cleanup_(cgroup_layout_clear) CgroupLayout layout = {};
    _cleanup_free_ char *innermost = NULL;
    int r;

    if (!path_is_clean(unit_path))
        return -EINVAL;
    r = find_mounts(&layout);
    if (r < 0)
        return r;
    r = cgroup_path_unit(unit_path, &innermost, &layout.unit_name);
    if (r < 0 || !text_equal(innermost, unit_path))
        return r == -ENOMEM ? r : -EINVAL;
    layout.unit = TAKE_PTR(innermost);
    r = complete_layout(&layout);
    if (r < 0)
        return r;
    *ret = layout;
    layout = (CgroupLayout){};
    return 0;
}

void cgroup_layout_clear(CgroupLayout *layout)
{
    free(layout->mount);
    free(layout->own);
    free(layout->unit);
    free(layout->unit_name);
    free(layout->supervisor);
    free(layout->payload);
    (void)hierarchies_free(layout->hierarchies);
    *layout = (CgroupLayout){};
}

const char *cgroup_layout_mount(const CgroupLayout *layout, size_t i, bool tracking)
{
    const Hierarchies *hierarchies = layout->hierarchies;

    if (!hierarchies)
        return i == 0 ? layout->mount : NULL;
    return i < hierarchies->n && (!tracking || hierarchies->items[i].tracking)
            ? hierarchies->items[i].mount
            : NULL;
}

static int enter_hierarchy(const CgroupLayout *layout, const char *mount, pid_t pid)
{
    _cleanup_free_ char *directory = text_format("%s%s", mount, layout->supervisor);
    char number[16];
    _cleanup_close_ int supervisor = -1;
    int r;

    if (!directory)
        return -ENOMEM;
    if (mkdir(directory, 0755) < 0 && errno != EEXIST)
        return -errno;
    /* Already there with DelegateSubgroup=supervisor (systemd 254). */
    if (!text_equal(layout->own, layout->supervisor)) {
        supervisor = cgroup_open(mount, layout->supervisor);
        if (supervisor < 0)
            return supervisor;
        (void)snprintf(number, sizeof(number), "%d", pid);
        r = cgroup_write(supervisor, "cgroup.procs", number);
        if (r < 0)
            return r;
    }
    return cgroup_make_anew(mount, layout->payload);
}

int cgroup_layout_claim(const CgroupLayout *layout)
{
    _cleanup_close_ int unit = cgroup_open(layout->mount, layout->unit);

    if (unit < 0)
        return unit;
    if (flock(unit, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    return TAKE_FD(unit);
}

int cgroup_layout_enter(const CgroupLayout *layout, pid_t pid)
{
    const char *mount;
    int r = 0;

    if (!layout->unit || !layout->delegated)
        return 0;
    for (size_t i = 0; r >= 0 && (mount = cgroup_layout_mount(layout, i, true)); i++)
        r = enter_hierarchy(layout, mount, pid);
    return r;
}
