/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A unit's cgroup and a container's beside it, made for one test in the real
 * hierarchy and removed with all that lives there. Includers include cmocka.h
 * and what it needs first. Wants root and a cgroup2 mount.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgroup/core_files.h"
#include "cgroup/layout.h"

typedef struct Scratch {
    char mount[64];
    char base[64]; /* below the mount */
    CgroupLayout layout;
    char id[CONTAINER_ID_SIZE + 1];
    char *source; /* the container's cgroup */
} Scratch;

/* The hierarchy's mount point, or NULL: no test of this kind can run. */
static inline const char *scratch_mount(void)
{
    static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

    for (size_t i = 0; i < ELEMENTS(mounts); i++) {
        struct statfs fs;

        if (statfs(mounts[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
            return mounts[i];
    }
    return NULL;
}

#define SCRATCH_NEEDED()                                                  \
    do {                                                                  \
        if (geteuid() != 0 || !scratch_mount()) {                         \
            print_message("skipped: wants root and a cgroup v2 mount\n"); \
            skip();                                                       \
        }                                                                 \
    } while (0)

static inline void scratch_make(const Scratch *scratch, const char *path)
{
    _cleanup_free_ char *directory = text_format("%s%s", scratch->mount, path);

    assert_true(mkdir(directory, 0755) == 0 || errno == EEXIST);
}

static inline int scratch_open_cgroup(const Scratch *scratch, const char *path)
{
    int fd = cgroup_open(scratch->mount, path);

    assert_true(fd >= 0);
    return fd;
}

/* Without `delegated` the unit's own cgroup is the destination. */
static inline void scratch_open(Scratch *scratch, bool delegated)
{
    CgroupLayout *layout = &scratch->layout;

    *scratch = (Scratch){};
    (void)snprintf(scratch->mount, sizeof(scratch->mount), "%s", scratch_mount());
    (void)snprintf(scratch->base, sizeof(scratch->base), "/systemd-ctr-test-%d", getpid());
    scratch_make(scratch, scratch->base);
    layout->mount = strdup(scratch->mount);
    layout->unit = text_format("%s/web.service", scratch->base);
    layout->unit_name = strdup("web.service");
    layout->delegated = delegated;
    layout->supervisor = text_format("%s%s", layout->unit, delegated ? "/supervisor" : "");
    layout->payload = text_format("%s%s", layout->unit, delegated ? "/payload" : "");
    /* Nobody else's: containers are looked for in the whole hierarchy. */
    (void)snprintf(scratch->id, sizeof(scratch->id), "%0*x", CONTAINER_ID_SIZE, getpid());
    scratch->source = text_format("%s/docker-%s.scope", scratch->base, scratch->id);
    scratch_make(scratch, layout->unit);
    scratch_make(scratch, scratch->source);
}

/* Enables it from the root down to `path`, for what is below. hugetlb is the one controller that is
 * free where version 1 has taken the others. */
static inline bool scratch_enable_hugetlb(const Scratch *scratch, const char *path)
{
    for (const char *end = path; end; end = *end ? strchrnul(end + 1, '/') : NULL) {
        _cleanup_free_ char *part = strndup(path, (size_t)(end - path));
        _cleanup_close_ int fd = scratch_open_cgroup(scratch, part);

        if (cgroup_write(fd, "cgroup.subtree_control", "+hugetlb") < 0)
            return false;
    }
    return true;
}

/* 1, 0: what cgroup.events says; -1: there is no such cgroup. */
static inline int scratch_event(const Scratch *scratch, const char *path, const char *key)
{
    _cleanup_close_ int fd = cgroup_open(scratch->mount, path), events = -1;

    if (fd < 0)
        return -1;
    events = cgroup_open_file(fd, "cgroup.events", O_RDONLY);
    return events < 0 ? -1 : cgroup_events_get(events, key);
}

static inline void scratch_nap(long msec)
{
    const struct timespec span = { .tv_sec = msec / 1000, .tv_nsec = msec % 1000 * 1000000 };

    (void)nanosleep(&span, NULL);
}

/* Waits until the event reads `value`. */
static inline void scratch_wait_event(
        const Scratch *scratch, const char *path, const char *key, int value)
{
    for (int i = 0; i < 1000; i++) {
        if (scratch_event(scratch, path, key) == value)
            return;
        scratch_nap(10);
    }
    fail_msg("%s: %s does not become %d", path, key, value);
}

static inline int scratch_count_process(pid_t pid, void *userdata)
{
    (void)pid;
    (*(unsigned *)userdata)++;
    return 0;
}

static inline int scratch_count_cgroup(int cgroup, void *userdata)
{
    return cgroup_each_process(cgroup, scratch_count_process, userdata);
}

/* How many processes live in the cgroup and below it. */
static inline unsigned scratch_count(const Scratch *scratch, const char *path)
{
    _cleanup_close_ int fd = cgroup_open(scratch->mount, path);
    unsigned n = 0;

    if (fd >= 0)
        (void)cgroup_each(fd, scratch_count_cgroup, &n);
    return n;
}

static inline void scratch_close(Scratch *scratch)
{
    _cleanup_free_ char *directory = text_format("%s%s", scratch->mount, scratch->base);
    _cleanup_close_ int fd = scratch_open_cgroup(scratch, scratch->base);

    (void)cgroup_write(fd, "cgroup.kill", "1");
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    scratch_wait_event(scratch, scratch->base, "populated", 0);
    cgroup_remove_below(fd);
    assert_int_equal(0, rmdir(directory));
    cgroup_layout_clear(&scratch->layout);
    free(scratch->source);
}

/* A process in the cgroup at `path` that runs `live` and ends. Dies with the test. */
static inline pid_t scratch_spawn(
        const Scratch *scratch, const char *path, void (*live)(void *userdata), void *userdata)
{
    _cleanup_close_ int cgroup = scratch_open_cgroup(scratch, path);
    int ready[2];
    pid_t pid;
    char byte;

    assert_int_equal(0, pipe2(ready, O_CLOEXEC));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (cgroup_write(cgroup, "cgroup.procs", "0") < 0)
            _exit(99);
        (void)!write(ready[1], "", 1);
        close_p(&ready[0]);
        close_p(&ready[1]);
        live(userdata);
        _exit(0);
    }
    close_p(&ready[1]);
    assert_int_equal(1, read(ready[0], &byte, 1));
    close_p(&ready[0]);
    return pid;
}

static inline void scratch_sleep(void *userdata)
{
    (void)userdata;
    for (;;)
        (void)pause();
}

/* Runs `check` in a process of its own, for what must not happen to the test's: it returns NULL or
 * says what is wrong (asserts would go on with the tests there). `namespaces`: CLONE_NEW*; with
 * CLONE_NEWNS cgroup v2 alone lies at /sys/fs/cgroup, as on a host of today. */
static inline void scratch_check_apart(
        int namespaces, const char *(*check)(void *userdata), void *userdata)
{
    char said[256] = "";
    int pipes[2];
    pid_t pid;

    assert_int_equal(0, pipe2(pipes, O_CLOEXEC));
    pid = (pid_t)syscall(SYS_clone, (unsigned long)(namespaces | SIGCHLD), NULL, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0) {
        const char *wrong = NULL;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (namespaces & CLONE_NEWNS) {
            (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
            (void)umount2("/sys/fs/cgroup", MNT_DETACH);
            if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
                wrong = "mounting cgroup2";
        }
        if (!wrong)
            wrong = check(userdata);
        if (wrong)
            (void)!write(pipes[1], wrong, strlen(wrong));
        _exit(0);
    }
    close_p(&pipes[1]);
    assert_true(read(pipes[0], said, sizeof(said) - 1) >= 0);
    close_p(&pipes[0]);
    assert_int_equal(pid, waitpid(pid, NULL, 0));
    assert_string_equal("", said);
}

#define CHECK_APART(condition)                    \
    do {                                          \
        if (!(condition))                         \
            return "not true apart: " #condition; \
    } while (0)

/* Is the process in the cgroup at `path` or below it? */
static inline bool scratch_holds(const char *path, pid_t pid)
{
    _cleanup_free_ char *found = NULL;

    return cgroup_of_process(pid, &found) == 0 && cgroup_path_is_below(found, path);
}

/* Attaches a new device filter to the cgroup; with `allow` it allows all, else nothing. */
static inline void scratch_attach_filter(const Scratch *scratch, const char *path, bool allow)
{
    const struct bpf_insn instructions[] = {
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = allow },
        { .code = BPF_JMP | BPF_EXIT },
    };
    _cleanup_close_ int cgroup = scratch_open_cgroup(scratch, path), program = -1;
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof(attributes));
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insns = (uintptr_t)instructions;
    attributes.insn_cnt = ELEMENTS(instructions);
    attributes.license = (uintptr_t) "Apache-2.0";
    program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
    assert_true(program >= 0);

    memset(&attributes, 0, sizeof(attributes));
    attributes.target_fd = (uint32_t)cgroup;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    assert_int_equal(0, syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof(attributes)));
}

/* How many device filters are attached to this very cgroup. */
static inline unsigned scratch_count_filters(const Scratch *scratch, const char *path)
{
    _cleanup_close_ int cgroup = scratch_open_cgroup(scratch, path);
    union bpf_attr attributes;
    uint32_t ids[64];

    memset(&attributes, 0, sizeof(attributes));
    attributes.query.target_fd = (uint32_t)cgroup;
    attributes.query.attach_type = BPF_CGROUP_DEVICE;
    attributes.query.prog_ids = (uintptr_t)ids;
    attributes.query.prog_cnt = ELEMENTS(ids);
    assert_int_equal(0, syscall(SYS_bpf, BPF_PROG_QUERY, &attributes, sizeof(attributes)));
    return attributes.query.prog_cnt;
}
