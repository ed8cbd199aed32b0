/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/core_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"

#define VALUE_MAX (64U << 10)
/* A container that may write its cgroups may nest them without end, and each level costs us two
 * descriptors: what is deeper is not looked at. The core files of the cgroup at the top (events,
 * freeze, kill) reach it all the same. */
#define DEPTH_MAX 64

int cgroup_open(const char *mount, const char *path)
{
    _cleanup_free_ char *directory = text_format("%s%s", mount, path);
    int fd;

    if (!directory)
        return -ENOMEM;
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cgroup_open_file(int cgroup, const char *file, int flags)
{
    int fd = openat(cgroup, file, flags | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int cgroup_read(int cgroup, const char *file, char **ret)
{
    _cleanup_close_ int fd = cgroup_open_file(cgroup, file, O_RDONLY);
    _cleanup_free_ char *text = NULL;
    size_t size = 0, room = 0;

    if (fd < 0)
        return fd;
    for (;;) {
        ssize_t n;

        if (room - size < 2) {
            char *larger;

            if (room >= VALUE_MAX)
                return -EFBIG;
            room = room ? room * 2 : 512;
            larger = realloc(text, room);
            if (!larger)
                return -ENOMEM;
            text = larger;
        }
        n = read(fd, text + size, room - size - 1);
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    if (size > 0 && text[size - 1] == '\n')
        size--;
    text[size] = '\0';
    *ret = TAKE_PTR(text);
    return 0;
}

int cgroup_write(int cgroup, const char *file, const char *text)
{
    _cleanup_close_ int fd = cgroup_open_file(cgroup, file, O_WRONLY);

    if (fd < 0)
        return fd;
    return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int cgroup_write_pid(int procs, pid_t pid)
{
    char text[16];
    int n = snprintf(text, sizeof(text), "%d", pid);

    return write(procs, text, (size_t)n) < 0 ? -errno : 0;
}

int cgroup_events_get(int events, const char *key)
{
    char text[256];
    size_t size = strlen(key);
    ssize_t n = pread(events, text, sizeof(text) - 1, 0);

    if (n < 0)
        return -errno;
    text[n] = '\0';
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, size) == 0 && line[size] == ' ')
            return line[size + 1] == '1';
    }
    /* "frozen" came with Linux 5.2. */
    return -ENOTSUP;
}

int cgroup_each_process(int cgroup, CgroupProcessVisitor visit, void *userdata)
{
    int fd = cgroup_open_file(cgroup, "cgroup.procs", O_RDONLY);
    char line[32];
    FILE *procs;
    int r = 0;

    if (fd < 0)
        return fd;
    procs = fdopen(fd, "re");
    if (!procs) {
        (void)close(fd);
        return -ENOMEM;
    }
    while (r == 0 && fgets(line, sizeof(line), procs)) {
        long pid = strtol(line, NULL, 10);

        /* "0" is a process that has no number in our PID namespace. Handed on, it would stand for
         * the caller: for the one who writes cgroup.procs, for our process group in kill(2). */
        if (pid > 0)
            r = visit((pid_t)pid, userdata);
    }
    /* EOPNOTSUPP: a threaded cgroup; its processes are listed by the domain above it. */
    if (r == 0 && ferror(procs) && errno != EOPNOTSUPP)
        r = -errno;
    (void)fclose(procs);
    return r;
}

/* Calls `visit` with each entry of the cgroup's directory that `is_wanted`, until it returns
 * non-zero. */
static int each_entry(int cgroup,
        bool (*is_wanted)(const struct dirent *entry, const void *pattern), const void *pattern,
        CgroupEntryVisitor visit, void *userdata)
{
    int fd = cgroup_open_file(cgroup, ".", O_RDONLY | O_DIRECTORY);
    struct dirent *entry;
    DIR *directory;
    int r = 0;

    if (fd < 0)
        return fd;
    directory = fdopendir(fd);
    if (!directory) {
        (void)close(fd);
        return -ENOMEM;
    }
    while (r == 0 && (entry = readdir(directory)))
        if (is_wanted(entry, pattern))
            r = visit(cgroup, entry->d_name, userdata);
    (void)closedir(directory);
    return r;
}

static bool is_child(const struct dirent *entry, const void *pattern)
{
    (void)pattern;
    return entry->d_type == DT_DIR && !text_equal(entry->d_name, ".") &&
            !text_equal(entry->d_name, "..");
}

static int each_child(int cgroup, CgroupEntryVisitor visit, void *userdata)
{
    return each_entry(cgroup, is_child, NULL, visit, userdata);
}

static bool is_matching(const struct dirent *entry, const void *pattern)
{
    return fnmatch(pattern, entry->d_name, 0) == 0;
}

int cgroup_each_file(int cgroup, const char *pattern, CgroupEntryVisitor visit, void *userdata)
{
    return each_entry(cgroup, is_matching, pattern, visit, userdata);
}

struct visit {
    CgroupVisitor visit;
    void *userdata;
    unsigned depth;
};

static int visit_cgroup(struct visit *visit, int cgroup);

static int visit_child(int parent, const char *name, void *userdata)
{
    _cleanup_close_ int fd = cgroup_open_file(parent, name, O_RDONLY | O_DIRECTORY);

    return fd < 0 ? fd : visit_cgroup(userdata, fd);
}

static int visit_cgroup(struct visit *visit, int cgroup)
{
    int r;

    if (visit->depth >= DEPTH_MAX)
        return 0;
    r = visit->visit(cgroup, visit->userdata);
    if (r == 0) {
        visit->depth++;
        r = each_child(cgroup, visit_child, visit);
        visit->depth--;
    }
    return cgroup_is_gone(r) && visit->depth > 0 ? 0 : r;
}

int cgroup_each(int cgroup, CgroupVisitor visit, void *userdata)
{
    return visit_cgroup(&(struct visit){ .visit = visit, .userdata = userdata }, cgroup);
}

struct search {
    CgroupPathMatch matches;
    const void *userdata;
    unsigned depth;
    char *path; /* of the cgroup whose children are looked at; then, of the one that was found */
};

/* Whoever has a cgroup delegated can give those below it any name. */
static bool is_trusted(int cgroup)
{
    struct stat st;

    return fstat(cgroup, &st) >= 0 && (st.st_uid == 0 || st.st_uid == geteuid());
}

static int search_child(int parent, const char *name, void *userdata)
{
    struct search *search = userdata;
    _cleanup_free_ char *above = search->path;
    _cleanup_close_ int fd = -1;
    int r = 0;

    search->path = text_format("%s/%s", above, name);
    if (!search->path) {
        search->path = TAKE_PTR(above);
        return -ENOMEM;
    }
    if (is_trusted(parent) && search->matches(search->path, search->userdata))
        return 1;
    fd = cgroup_open_file(parent, name, O_RDONLY | O_DIRECTORY);
    if (fd >= 0 && search->depth < DEPTH_MAX) {
        search->depth++;
        r = each_child(fd, search_child, search);
        search->depth--;
    }
    if (r > 0)
        return r;
    free(search->path);
    search->path = TAKE_PTR(above);
    return cgroup_is_gone(r) ? 0 : r;
}

int cgroup_find(const char *mount, CgroupPathMatch matches, const void *userdata, char **ret)
{
    struct search search = { .matches = matches, .userdata = userdata, .path = strdup("") };
    _cleanup_close_ int root = cgroup_open(mount, "");
    int r;

    if (!search.path)
        return -ENOMEM;
    r = root < 0 ? root : each_child(root, search_child, &search);
    if (r > 0) {
        *ret = search.path;
        return 0;
    }
    free(search.path);
    return r < 0 ? r : -ENOENT;
}

static int remove_child(int parent, const char *name, void *userdata)
{
    unsigned *depth = userdata;
    _cleanup_close_ int fd = cgroup_open_file(parent, name, O_RDONLY | O_DIRECTORY);

    if (fd >= 0 && *depth < DEPTH_MAX) {
        (*depth)++;
        (void)each_child(fd, remove_child, depth);
        (*depth)--;
    }
    (void)unlinkat(parent, name, AT_REMOVEDIR);
    return 0;
}

void cgroup_remove_below(int cgroup)
{
    unsigned depth = 0;

    (void)each_child(cgroup, remove_child, &depth);
}

int cgroup_make_anew(const char *mount, const char *path)
{
    _cleanup_free_ char *directory = text_format("%s%s", mount, path);
    _cleanup_close_ int fd = cgroup_open(mount, path);

    if (!directory)
        return -ENOMEM;
    if (fd >= 0) {
        cgroup_remove_below(fd);
        (void)rmdir(directory);
    }
    if (mkdir(directory, 0755) < 0 && errno != EEXIST)
        return -errno;
    return 0;
}
