/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/real_runtime.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "runtime/places.h"

#define DEFAULT_RUNTIME "runc"
/* What runc's own packages use, where the environment has no PATH. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Under whatever name: a link to it, a copy of the link. */
static bool is_this_program(const char *path)
{
    struct stat st, own;

    return stat(path, &st) == 0 && stat("/proc/self/exe", &own) == 0 && st.st_dev == own.st_dev &&
            st.st_ino == own.st_ino;
}

static int explain(char **ret_message, int r, char *message)
{
    free(*ret_message);
    *ret_message = message;
    return message ? r : -ENOMEM;
}

/* 0 with *ret NULL: there is no such setting. */
static int read_setting(const char *path, char **ret, char **ret_message)
{
    _cleanup_free_ char *line = NULL;
    size_t size;
    int r;

    r = file_read(path, PATH_MAX, &line, &size);
    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r < 0)
        return explain(
                ret_message, r, text_format("cannot read the setting %s: %s", path, strerror(-r)));
    line[strcspn(line, "\n")] = '\0';
    if (line[0] != '/')
        return explain(ret_message, -EINVAL,
                text_format("the setting %s holds no absolute path of an OCI runtime", path));
    if (is_this_program(line))
        return explain(ret_message, -ELOOP,
                text_format("the setting %s names systemd-ctr-runtime itself as the OCI runtime to "
                            "run",
                        path));
    *ret = TAKE_PTR(line);
    return 0;
}

static int find_in_path(char **ret, char **ret_message)
{
    const char *path = getenv("PATH");

    for (const char *p = path && *path ? path : DEFAULT_PATH; *p;) {
        size_t size = strcspn(p, ":");
        _cleanup_free_ char *file = text_format("%.*s/" DEFAULT_RUNTIME, (int)size, p);

        if (!file)
            return -ENOMEM;
        if (file[0] == '/' && access(file, X_OK) == 0 && !is_this_program(file)) {
            *ret = TAKE_PTR(file);
            return 0;
        }
        p += size + (p[size] == ':');
    }
    return explain(ret_message, -ENOENT,
            text_format("there is no " DEFAULT_RUNTIME
                        " in PATH, and no setting " PLACE_OF_HOST_SETTING " names another"));
}

int real_runtime_find(char **ret, char **ret_message)
{
    _cleanup_free_ char *own_setting = NULL, *found = NULL;
    int r;

    /* Without a folder of the user there is no setting in it. */
    if (place_of_setting(&own_setting) >= 0) {
        r = read_setting(own_setting, &found, ret_message);
        if (r < 0)
            return r;
    }
    if (!found && !text_equal(own_setting, PLACE_OF_HOST_SETTING)) {
        r = read_setting(PLACE_OF_HOST_SETTING, &found, ret_message);
        if (r < 0)
            return r;
    }
    if (!found)
        return find_in_path(ret, ret_message);
    *ret = TAKE_PTR(found);
    return 0;
}
