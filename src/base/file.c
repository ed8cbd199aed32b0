/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"

#define READ_STEP 4096

int file_read(const char *path, size_t max, char **ret, size_t *ret_size)
{
    _cleanup_close_ int fd = -1;
    _cleanup_free_ char *content = NULL;
    size_t size = 0, room = 0;
    ssize_t n;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;

    do {
        if (room - size < 2) {
            char *grown = realloc(content, room + READ_STEP);

            if (!grown)
                return -ENOMEM;
            content = grown;
            room += READ_STEP;
        }
        n = read(fd, content + size, room - size - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        size += (size_t)n;
        if (size > max)
            return -EFBIG;
    } while (n != 0);

    content[size] = '\0';
    *ret = TAKE_PTR(content);
    if (ret_size)
        *ret_size = size;
    return 0;
}

static int write_whole(int fd, const char *text)
{
    size_t size = strlen(text);
    ssize_t n;

    do
        n = write(fd, text, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return (size_t)n == size ? 0 : -EIO;
}

/* `like`: whose owner and group it gets, on the disk too; or NULL. */
static int replace(const char *path, const char *text, mode_t mode, const struct stat *like)
{
    _cleanup_free_ char *temporary = text_format("%s.XXXXXX", path);
    _cleanup_close_ int fd = -1;
    int r;

    if (!temporary)
        return -ENOMEM;
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return -errno;

    r = write_whole(fd, text);
    if (r >= 0 && like && fchown(fd, like->st_uid, like->st_gid) < 0)
        r = -errno;
    if (r >= 0 && fchmod(fd, mode) < 0)
        r = -errno;
    if (r >= 0 && like && fsync(fd) < 0)
        r = -errno;
    if (r >= 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(temporary);
    return r;
}

int file_replace(const char *path, const char *text, mode_t mode)
{
    return replace(path, text, mode, NULL);
}

int file_rewrite(const char *path, const char *text)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -errno;
    return replace(path, text, st.st_mode & 07777, &st);
}

int directory_make(const char *path, mode_t mode)
{
    _cleanup_free_ char *partial = strdup(path);

    if (!partial)
        return -ENOMEM;
    for (char *slash = partial; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(partial, mode) < 0 && errno != EEXIST)
            return -errno;
        if (slash)
            *slash = '/';
    }
    return 0;
}

struct sockaddr_un file_socket_address(int directory, const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    (void)snprintf(
            address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", directory, name);
    return address;
}
