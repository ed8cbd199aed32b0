/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/controllers.h"

#include <errno.h>
#include <libcgroup.h>
#include <stdio.h>
#include <string.h>

/* libcgroup logs to stdout unless told otherwise: that is our container's output. */
static void discard_log(void *userdata, int level, const char *format, va_list arguments)
{
    (void)userdata;
    (void)level;
    (void)format;
    (void)arguments;
}

static int libcgroup_error(int error)
{
    /* Its own codes lie beyond every errno. */
    if (error == ECGOTHER && cgroup_get_last_errno() > 0)
        return -cgroup_get_last_errno();
    return error == ECGROUPSUBSYSNOTMOUNTED ? -EOPNOTSUPP : -EIO;
}

static int initialise(void)
{
    int r;

    cgroup_set_logger(discard_log, CGROUP_LOG_ERROR, NULL);
    r = cgroup_init();
    return r == 0 ? 0 : libcgroup_error(r);
}

static int visit_controller(
        const struct controller_data *controller, ControllerVisitor visit, void *userdata)
{
    _cleanup_free_ char *mount = NULL;

    if (cgroup_get_subsys_mount_point(controller->name, &mount) != 0)
        return 0; /* known to the kernel, mounted nowhere */
    return visit(controller->name, controller->hierarchy, mount, userdata);
}

int controllers_each(ControllerVisitor visit, void *userdata)
{
    struct controller_data controller;
    void *iterator = NULL;
    int end, r;

    r = initialise();
    if (r < 0)
        return r;
    end = cgroup_get_all_controller_begin(&iterator, &controller);
    while (end == 0 && r >= 0) {
        r = visit_controller(&controller, visit, userdata);
        end = cgroup_get_all_controller_next(&iterator, &controller);
    }
    (void)cgroup_get_all_controller_end(&iterator);
    if (r >= 0 && end != 0 && end != ECGEOF)
        r = libcgroup_error(end);
    return r < 0 ? r : 0;
}

static int add_limit(struct cgroup *group, const Limit *limit)
{
    struct cgroup_controller *controller;
    char name[32];

    limit_controller(limit, name);
    controller = cgroup_get_controller(group, name);
    if (!controller)
        controller = cgroup_add_controller(group, name);
    if (!controller)
        return -ENOMEM;
    return cgroup_add_value_string(controller, limit->file, limit->value) == 0 ? 0 : -E2BIG;
}

/* Only the chosen settings: a group copied as a whole cannot be written back (an empty io.max is
 * EINVAL), and libcgroup stops there with the limits unset. */
int controllers_create_group(const char *path, const Limits *limits)
{
    struct cgroup *group;
    int r;

    r = initialise();
    if (r < 0)
        return r;
    group = cgroup_new_cgroup(path + 1);
    if (!group)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < limits->n; i++)
        r = add_limit(group, &limits->items[i]);
    if (r == 0) {
        r = cgroup_create_cgroup(group, 1);
        if (r != 0)
            r = libcgroup_error(r);
    }
    cgroup_free(&group);
    return r;
}
