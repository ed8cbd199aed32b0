/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/delegation.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/xattr.h>
#include <systemd/sd-bus.h>

#include "base/parse.h"
#include "base/text.h"

#define ANSWER_USEC USEC_PER_SEC

/* systemd: CGROUP_DELEGATION.md, "Delegation", and cg_set_xattr of "trusted.delegate". */
static bool is_marked(int cgroup)
{
    static const char *const names[] = { "trusted.delegate", "user.delegate" };
    char value[2];

    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (fgetxattr(cgroup, names[i], value, sizeof(value)) == 1 && value[0] == '1')
            return true;
    return false;
}

int cgroup_path_user(const char *unit_path, unsigned *ret_uid)
{
    _cleanup_free_ char *digits = NULL;
    const char *rest = strstr(unit_path, "/user@");
    uint64_t uid;

    if (!rest)
        return -ENXIO;
    rest += strlen("/user@");
    digits = strndup(rest, strspn(rest, "0123456789"));
    if (!digits)
        return -ENOMEM;
    /* What lies below it, not the manager's own service: that one is the system's. */
    if (!text_starts_with(rest + strlen(digits), ".service/") || parse_unsigned(digits, &uid) < 0 ||
            uid > UINT_MAX)
        return -ENXIO;
    *ret_uid = (unsigned)uid;
    return 0;
}

static int connect_to_manager(unsigned uid, sd_bus **ret)
{
    /* pam_systemd's runtime directory, wherever XDG_RUNTIME_DIR of ours may point. */
    _cleanup_free_ char *address = text_format("unix:path=/run/user/%u/systemd/private", uid);
    sd_bus *bus = NULL;
    int r;

    if (!address)
        return -ENOMEM;
    r = sd_bus_new(&bus);
    if (r >= 0)
        r = sd_bus_set_address(bus, address);
    if (r >= 0)
        r = sd_bus_set_method_call_timeout(bus, ANSWER_USEC);
    if (r >= 0)
        r = sd_bus_start(bus);
    if (r < 0) {
        sd_bus_unref(bus);
        return r;
    }
    *ret = bus;
    return 0;
}

static bool manager_says_so(unsigned uid, const char *unit)
{
    const char *interface = text_ends_with(unit, ".scope") ? "org.freedesktop.systemd1.Scope"
                                                           : "org.freedesktop.systemd1.Service";
    _cleanup_free_ char *object = NULL;
    sd_bus *bus = NULL;
    int delegated = 0, r;

    r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &object);
    if (r >= 0)
        r = connect_to_manager(uid, &bus);
    if (r >= 0)
        r = sd_bus_get_property_trivial(bus, "org.freedesktop.systemd1", object, interface,
                "Delegate", NULL, 'b', &delegated);
    sd_bus_close_unref(bus);
    return r >= 0 && delegated;
}

bool cgroup_is_delegated(int cgroup, const char *unit_path)
{
    const char *unit = strrchr(unit_path, '/');
    unsigned uid;

    if (is_marked(cgroup))
        return true;
    if (!unit || cgroup_path_user(unit_path, &uid) < 0)
        return false;
    /* The "_" that guards against names of the kernel's files is not the unit's. */
    unit += unit[1] == '_' ? 2 : 1;
    return manager_says_so(uid, unit);
}
