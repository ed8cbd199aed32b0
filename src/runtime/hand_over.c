/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hand_over.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "base/unit_name.h"
#include "runtime/places.h"

#define CONTAINER_ID_MAX 64

/* Docker's are 64 hexadecimal digits; these are names of files, and no more than names. */
static bool id_is_valid(const char *id)
{
    size_t size = 0;

    while (isalnum((unsigned char)id[size]) && isascii(id[size]))
        size++;
    return size > 0 && size <= CONTAINER_ID_MAX && id[size] == '\0';
}

/* Absolute, nothing that leads elsewhere, and below a unit: a container must not land in the unit's
 * own group, nor in a slice. */
static bool payload_is_valid(const char *payload)
{
    bool below_unit = false, in_unit = false;

    if (payload[0] != '/' || strlen(payload) >= PATH_MAX || !text_is_utf8(payload))
        return false;
    for (const char *p = payload; *p == '/';) {
        size_t size = strcspn(++p, "/");

        if (size == 0 || (size <= 2 && memcmp(p, "..", size) == 0))
            return false;
        for (size_t i = 0; i < size; i++)
            if (iscntrl((unsigned char)p[i]))
                return false;
        below_unit = in_unit;
        in_unit = in_unit || unit_name_has_processes(p, size);
        p += size;
    }
    return below_unit;
}

static bool is_ours_alone(const struct stat *st)
{
    return st->st_uid == geteuid() && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int open_folder(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!is_ours_alone(&st))
        return -EPERM;
    return TAKE_FD(fd);
}

static int make_folder(const char *path)
{
    _cleanup_close_ int fd = -1;
    int r;

    r = directory_make(path, 0700);
    if (r < 0)
        return r;
    fd = open_folder(path);
    return fd < 0 ? fd : 0;
}

int runtime_hand_over_write(const char *container_id, const char *payload)
{
    _cleanup_free_ char *folder = NULL, *path = NULL, *line = NULL;
    int r;

    if (!id_is_valid(container_id) || !payload_is_valid(payload))
        return -EINVAL;
    r = place_of_hand_overs(&folder);
    if (r < 0)
        return r;
    path = text_format("%s/%s", folder, container_id);
    line = text_format("%s\n", payload);
    if (!path || !line)
        return -ENOMEM;
    r = make_folder(folder);
    if (r < 0)
        return r;
    return file_replace(path, line, 0600);
}

int runtime_hand_over_remove(const char *container_id)
{
    _cleanup_free_ char *folder = NULL, *path = NULL;
    int r;

    if (!id_is_valid(container_id))
        return -EINVAL;
    r = place_of_hand_overs(&folder);
    if (r < 0)
        return r == -ENXIO ? 0 : r;
    path = text_format("%s/%s", folder, container_id);
    if (!path)
        return -ENOMEM;
    return unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR ? -errno : 0;
}

static int read_payload(int fd, char **ret_payload)
{
    char line[PATH_MAX + 1];
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || !is_ours_alone(&st))
        return -EPERM;
    /* It was put there in one piece: one read gets all of it. */
    n = read(fd, line, sizeof(line));
    if (n < 0)
        return -errno;
    if (n < 2 || line[n - 1] != '\n')
        return -EBADMSG;
    line[n - 1] = '\0';
    if (strlen(line) != (size_t)n - 1 || !payload_is_valid(line))
        return -EBADMSG;
    *ret_payload = strdup(line);
    return *ret_payload ? 1 : -ENOMEM;
}

int runtime_hand_over_take(const char *container_id, char **ret_payload)
{
    _cleanup_free_ char *folder_path = NULL;
    _cleanup_close_ int folder = -1, fd = -1;
    int r;

    /* All that cannot lead to a file of ours means that there is none: then it is somebody else's
     * container, and that must start whatever is wrong with us. */
    if (!id_is_valid(container_id) || place_of_hand_overs(&folder_path) < 0)
        return 0;
    folder = open_folder(folder_path);
    if (folder < 0)
        return 0;
    /* O_NONBLOCK: a FIFO would wait for a writer. */
    fd = openat(folder, container_id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd >= 0)
        r = read_payload(fd, ret_payload);
    else
        r = errno == ELOOP || errno == ENXIO ? -EPERM : -errno;
    (void)unlinkat(folder, container_id, 0);
    return r;
}
