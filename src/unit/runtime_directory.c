/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/runtime_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

/* Room for what file_replace() puts beside a file. */
#define NAME_SIZE_MAX (NAME_MAX - 16)

/* The containers' names begin with a letter or a digit, so neither "." nor ".." is one. */
static bool is_component(const char *name)
{
    return *name && *name != '.' && !strchr(name, '/');
}

static int format_path(const char *folder, const char *name, char **ret)
{
    const char *base = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");

    if (!is_component(name))
        return -EINVAL;
    if (strlen(name) > NAME_SIZE_MAX)
        return -ENAMETOOLONG;
    if (!base || base[0] != '/')
        return -ENXIO;
    *ret = text_format("%s/systemd-ctr/%s/%s", base, folder, name);
    return *ret ? 0 : -ENOMEM;
}

int runtime_directory_path(const char *name, char **ret)
{
    return format_path("containers", name, ret);
}

int runtime_owner_path(const char *name, char **ret)
{
    return format_path("owners", name, ret);
}

static int open_directory(int at, const char *path)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static int make_private(const char *path)
{
    _cleanup_close_ int fd = -1;
    struct stat st;
    int r;

    r = directory_make(path, 0700);
    if (r < 0)
        return r;
    fd = open_directory(AT_FDCWD, path);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_uid != geteuid())
        return -EPERM;
    /* Whatever the umask took, or somebody gave. */
    return (st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0 ? -errno : 0;
}

int runtime_directory_make(const char *name, char **ret_path)
{
    _cleanup_free_ char *path = NULL;
    int r;

    r = runtime_directory_path(name, &path);
    if (r >= 0)
        r = make_private(path);
    if (r < 0)
        return r;
    *ret_path = TAKE_PTR(path);
    return 0;
}

int runtime_owners_make(void)
{
    _cleanup_free_ char *path = NULL;
    int r;

    r = runtime_owner_path("x", &path);
    if (r < 0)
        return r;
    *strrchr(path, '/') = '\0';
    return make_private(path);
}

/* A file that is replaced lies here twice for a moment, the new one under a name with six letters
 * more: mkstemp(3). */
static bool is_ours(const char *name)
{
    static const char *const files[] = { "control", "health.json", "lock", "ready" };
    const char *rest;

    for (size_t i = 0; i < ELEMENTS(files); i++)
        if (strcmp(name, files[i]) == 0)
            return true;
    rest = text_after(name, "health.json.");
    if (!rest)
        rest = text_after(name, "ready.");
    return rest && strlen(rest) == 6;
}

static bool is_any(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Unlinks the files whose names match; directories stay. Takes `fd`. */
static int unlink_files(int fd, bool (*matches)(const char *name))
{
    DIR *entries = fdopendir(fd);
    struct dirent *entry;
    int r = 0;

    if (!entries) {
        r = -errno;
        (void)close(fd);
        return r;
    }
    while ((entry = readdir(entries)))
        if (matches(entry->d_name) && unlinkat(dirfd(entries), entry->d_name, 0) < 0 &&
                errno != ENOENT && errno != EISDIR)
            r = -errno;
    (void)closedir(entries);
    return r;
}

/* Sockets alone lie there, none deeper. */
static void remove_notify(int directory)
{
    int fd = open_directory(directory, "notify");

    if (fd < 0)
        return;
    (void)unlink_files(fd, is_any);
    (void)unlinkat(directory, "notify", AT_REMOVEDIR);
}

int runtime_directory_remove(const char *name)
{
    _cleanup_free_ char *path = NULL;
    int fd, r;

    r = runtime_directory_path(name, &path);
    if (r < 0)
        return r;
    fd = open_directory(AT_FDCWD, path);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return fd;
    remove_notify(fd);
    r = unlink_files(fd, is_ours);
    if (rmdir(path) < 0 && errno != ENOENT)
        return errno == EEXIST ? -ENOTEMPTY : -errno;
    return r;
}
