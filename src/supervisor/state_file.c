/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "supervisor/supervision.h"

/* Five outputs of 4096 bytes, each byte of which may take six ("\u001b"), and some. */
#define STATE_MAX (256U << 10)

/* flock(2) has no timeout, and the kernel tells nobody when a lock is free. Who holds this one
 * reads and writes one small file. */
#define LOCK_AGAIN_USEC (2 * USEC_PER_MSEC)

int state_file_read(const char *directory, JsonValue **ret)
{
    _cleanup_free_ char *path = text_format("%s/health.json", directory), *text = NULL;
    _cleanup_json_ JsonValue *state = NULL;
    size_t size;
    int r;

    if (!path)
        return -ENOMEM;
    r = file_read(path, STATE_MAX, &text, &size);
    if (r < 0)
        return r;
    r = json_value_parse(text, size, &state);
    if (r < 0)
        return r;
    if (!json_value_is_object(state))
        return -EBADMSG;
    *ret = TAKE_PTR(state);
    return 0;
}

int state_file_write(const char *directory, JsonValue *state)
{
    _cleanup_free_ char *path = text_format("%s/health.json", directory), *text = NULL;
    const char *json = json_value_format(state);

    if (!path || !json)
        return -ENOMEM;
    text = text_format("%s\n", json);
    return text ? file_replace(path, text, 0600) : -ENOMEM;
}

int state_file_remove(const char *directory)
{
    _cleanup_free_ char *path = text_format("%s/health.json", directory);

    if (!path)
        return -ENOMEM;
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* 0, or -EWOULDBLOCK. Who waits for a lock may get that of a file which was removed meanwhile; it
 * would not keep out whoever makes a new one: -ESTALE. */
static int try_lock(int fd)
{
    struct stat st;

    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
        return -errno;
    return st.st_nlink > 0 ? 0 : -ESTALE;
}

int state_file_lock(const char *directory, uint64_t timeout_usec, int *ret_fd)
{
    const struct timespec pause = { .tv_nsec = (long)(LOCK_AGAIN_USEC * NSEC_PER_USEC) };
    _cleanup_free_ char *path = text_format("%s/lock", directory);
    uint64_t until = now_usec() + timeout_usec;
    int r;

    if (!path)
        return -ENOMEM;
    for (;;) {
        _cleanup_close_ int fd =
                open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

        if (fd < 0)
            return -errno;
        while ((r = try_lock(fd)) == -EWOULDBLOCK || r == -EINTR) {
            if (now_usec() >= until)
                return -ETIMEDOUT;
            (void)nanosleep(&pause, NULL);
        }
        if (r == 0) {
            *ret_fd = TAKE_FD(fd);
            return 0;
        }
        if (r != -ESTALE)
            return r;
    }
}
