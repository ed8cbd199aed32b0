/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/places.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

bool place_is_rootless(void)
{
    /* What Docker itself goes by (rootless.RunningWithRootlessKit of moby). containerd and its
     * shims hand their environment on to the runtime, but for NOTIFY_SOCKET. */
    return geteuid() != 0 || getenv("ROOTLESSKIT_STATE_DIR");
}

/* `variable` must hold an absolute path, or it counts as unset (XDG Base Directory). */
static const char *folder_of(const char *variable)
{
    const char *folder = getenv(variable);

    return folder && folder[0] == '/' ? folder : NULL;
}

static int format_place(char **ret, const char *folder, const char *rest)
{
    if (!folder)
        return -ENXIO;
    *ret = text_format("%s%s", folder, rest);
    return *ret ? 0 : -ENOMEM;
}

static int format_of_user(char **ret, const char *rest)
{
    _cleanup_free_ char *below_home = NULL;
    const char *folder = folder_of("XDG_CONFIG_HOME");

    if (folder)
        return format_place(ret, folder, rest);
    below_home = text_format("/.config%s", rest);
    return below_home ? format_place(ret, folder_of("HOME"), below_home) : -ENOMEM;
}

int place_of_hand_overs(char **ret)
{
    const char *folder = place_is_rootless() ? folder_of("XDG_RUNTIME_DIR") : "/run";

    return format_place(ret, folder, "/systemd-ctr/runtime");
}

int place_of_setting(char **ret)
{
    if (place_is_rootless())
        return format_of_user(ret, "/systemd-ctr/runtime");
    return format_place(ret, "", PLACE_OF_HOST_SETTING);
}

int place_of_daemon_json(char **ret)
{
    if (place_is_rootless())
        return format_of_user(ret, "/docker/daemon.json");
    return format_place(ret, "", "/etc/docker/daemon.json");
}
