/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pid_file.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parse.h"

#define PID_FILE_MAX 32

int pid_file_write(const char *path, pid_t pid)
{
    char text[PID_FILE_MAX];

    (void)snprintf(text, sizeof(text), "%d\n", (int)pid);
    return file_replace(path, text, 0644);
}

int pid_file_names(const char *path, pid_t pid)
{
    _cleanup_free_ char *text = NULL;
    struct stat st;
    uint64_t named;
    int r;

    /* What is not a regular file is not ours, and may block or never end when it is read. */
    if (lstat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return 0;
    r = file_read(path, PID_FILE_MAX, &text, NULL);
    if (r < 0)
        return r == -EFBIG ? 0 : r;
    text[strcspn(text, "\n")] = '\0';
    return parse_unsigned(text, &named) >= 0 && named == (uint64_t)pid;
}

int pid_file_remove(const char *path, pid_t pid)
{
    int r = 1;

    if (pid != 0)
        r = pid_file_names(path, pid);
    if (r > 0 && unlink(path) < 0)
        r = -errno;
    return r < 0 && r != -ENOENT ? r : 0;
}
