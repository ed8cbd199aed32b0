/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/device_filter.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

/* The kernel takes at most 64 programs a cgroup (BPF_CGROUP_MAX_PROGS); with those of all its
 * ancestors there may be more. */
#define PROGRAMS_MAX 512

typedef struct Programs {
    uint32_t ids[PROGRAMS_MAX];
    uint32_t n;
} Programs;

/* glibc has no wrapper, bpf(2). */
static int bpf(int command, union bpf_attr *attributes)
{
    long r = syscall(SYS_bpf, command, attributes, sizeof(*attributes));

    return r < 0 ? -errno : (int)r;
}

/* `flags`: 0 for those attached to this very cgroup, BPF_F_QUERY_EFFECTIVE for its ancestors'
 * too. */
static int query_programs(int cgroup, uint32_t flags, Programs *ret)
{
    union bpf_attr attributes;
    int r;

    memset(&attributes, 0, sizeof(attributes));
    attributes.query.target_fd = (uint32_t)cgroup;
    attributes.query.attach_type = BPF_CGROUP_DEVICE;
    attributes.query.query_flags = flags;
    attributes.query.prog_ids = (uint64_t)(uintptr_t)ret->ids;
    attributes.query.prog_cnt = PROGRAMS_MAX;
    r = bpf(BPF_PROG_QUERY, &attributes);
    if (r < 0)
        return r;
    ret->n = attributes.query.prog_cnt;
    return 0;
}

static bool programs_contain(const Programs *programs, uint32_t id)
{
    for (uint32_t i = 0; i < programs->n; i++)
        if (programs->ids[i] == id)
            return true;
    return false;
}

static int attach_program(int cgroup, uint32_t id)
{
    _cleanup_close_ int program = -1;
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof(attributes));
    attributes.prog_id = id;
    program = bpf(BPF_PROG_GET_FD_BY_ID, &attributes);
    if (program < 0)
        return program;

    memset(&attributes, 0, sizeof(attributes));
    attributes.target_fd = (uint32_t)cgroup;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    /* As runc and systemd attach theirs: all of them must allow an access. */
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    return bpf(BPF_PROG_ATTACH, &attributes);
}

/* A rootless engine's cgroups never have a filter of their own: the kernel lets none but the
 * initial user namespace's CAP_NET_ADMIN or CAP_SYS_ADMIN attach programs (bpf(2)), which neither
 * that engine's runtime has nor a user's systemd, and what they make belongs to their user. What
 * restricts the devices of such a container is its user namespace: mknod(2) is refused there, and
 * what the user could not open cannot be opened by the container. */
static bool is_made_without_privileges(int cgroup, bool by_us)
{
    struct stat st;

    return fstat(cgroup, &st) >= 0 && st.st_uid != 0 && (!by_us || st.st_uid == geteuid());
}

/* `wanted`: what holds in the source. */
static int query_source(int source, bool required, Programs *ret_wanted, char **ret_message)
{
    int r;

    r = query_programs(source, 0, ret_wanted);
    /* We may not look, but know. The filters of its ancestors that are not the destination's too
     * are none either: whoever may move a process owns all up to the common ancestor. */
    if (r == -EPERM && is_made_without_privileges(source, true)) {
        ret_wanted->n = 0;
        return 0;
    }
    if (r < 0)
        return r;
    if (required && ret_wanted->n == 0 && !is_made_without_privileges(source, false)) {
        *ret_message = text_format("the container's cgroup has no device filter to carry over, and "
                                   "nothing else would restrict the devices of this container, "
                                   "which is not privileged");
        return -ENOKEY;
    }
    /* Those of the source's ancestors as well: a slice with DevicePolicy= above the container's
     * cgroup is a wall too; what lies above both is in force already. */
    return query_programs(source, BPF_F_QUERY_EFFECTIVE, ret_wanted);
}

static int attach_programs(const Programs *wanted, int destination)
{
    Programs there = {};
    int r;

    if (wanted->n == 0)
        return 0;

    r = query_programs(destination, BPF_F_QUERY_EFFECTIVE, &there);
    for (uint32_t i = 0; r >= 0 && i < wanted->n; i++)
        if (!programs_contain(&there, wanted->ids[i]))
            r = attach_program(destination, wanted->ids[i]);
    if (r < 0)
        return r;

    r = query_programs(destination, BPF_F_QUERY_EFFECTIVE, &there);
    for (uint32_t i = 0; r >= 0 && i < wanted->n; i++)
        if (!programs_contain(&there, wanted->ids[i]))
            r = -EBADE;
    return r;
}

int device_filter_carry(int source, int destination, bool required, char **ret_message)
{
    _cleanup_free_ char *message = NULL;
    Programs wanted = {};
    int r;

    r = query_source(source, required, &wanted, &message);
    if (r >= 0)
        r = attach_programs(&wanted, destination);
    if (r >= 0 || !required)
        return 0;
    if (!message)
        message = text_format("the container's device filter cannot be carried into the unit's "
                              "cgroup: %s",
                r == -EBADE ? "it is not in force there" : strerror(-r));
    *ret_message = TAKE_PTR(message);
    return r;
}
