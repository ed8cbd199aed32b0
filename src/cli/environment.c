/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/environment.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* What systemd sets for a service (systemd.exec(5), "Environment Variables in Spawned Processes"),
 * what a login or a shell says of this host, what steers our way to the engine, and what our
 * template unit has its arguments in. In the container each of them is wrong, or more than it
 * should know. What else the unit sets, it sets for the container. */
static const char *const ours[] = {
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "CTR_ARGS",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_API_VERSION",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTENT_TRUST",
    "DOCKER_CONTEXT",
    "DOCKER_DEFAULT_PLATFORM",
    "DOCKER_HOST",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "FDSTORE",
    "HOME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LOGNAME",
    "LOGS_DIRECTORY",
    "MAINPID",
    "MAINPIDFDID",
    "MANAGERPID",
    "MANAGERPIDFDID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "NOTIFY_SOCKET",
    "OLDPWD",
    "PATH",
    "PIDFILE",
    "PWD",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "RUNTIME_DIRECTORY",
    "RUN_ARGS",
    "SHELL",
    "SHLVL",
    "STATE_DIRECTORY",
    "TERM",
    "USER",
    "XDG_RUNTIME_DIR",
    "_",
};

static const char *const our_prefixes[] = {
    "LISTEN_",
    "MONITOR_",
    "SYSTEMD_",
    "TRIGGER_",
    "WATCHDOG_",
    "XDG_SESSION_",
};

bool environment_is_passed_on(const char *assignment)
{
    size_t size = strcspn(assignment, "=");

    if (size == 0 || assignment[size] != '=')
        return false;
    for (size_t i = 0; i < ELEMENTS(our_prefixes); i++)
        if (text_starts_with(assignment, our_prefixes[i]))
            return false;
    for (size_t i = 0; i < ELEMENTS(ours); i++)
        if (strlen(ours[i]) == size && memcmp(ours[i], assignment, size) == 0)
            return false;
    return true;
}

const char *environment_find(char *const *environment, const char *name, size_t size)
{
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment;
    return NULL;
}

const char *environment_value(char *const *environment, const char *name)
{
    size_t size = strlen(name);
    const char *assignment = environment_find(environment, name, size);

    return assignment && assignment[size + 1] ? assignment + size + 1 : NULL;
}
