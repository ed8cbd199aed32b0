/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/parse.h"
#include "base/text.h"
#include "cgroup/core_files.h"

/* The file changes with each reclaim at a limit too, up to a hundred times a second. */
#define LOOKS_INTERVAL_USEC USEC_PER_SEC
#define LOOKS_PER_INTERVAL 2

#define EVENTS_MAX 512

#define READS_MAX 5

struct OomWatch {
    char *mount;
    char *container; /* their paths; NULL: there is no such level */
    char *unit;
    OomView view; /* at the last report */
    int events;   /* memory.events of the outer one */
    sd_event_source *changed;
    OomHandler handler;
    void *userdata;
};

static int parse_count(const char *text, size_t size, const char *key, uint64_t *ret)
{
    _cleanup_free_ char *number = NULL;
    size_t skip = strlen(key);

    if (size <= skip || memcmp(text, key, skip) != 0 || text[skip] != ' ')
        return 0;
    number = strndup(text + skip + 1, size - skip - 1);
    if (!number)
        return -ENOMEM;
    return parse_unsigned(number, ret) < 0 ? -EBADMSG : 1;
}

int oom_counts_parse(const char *text, OomCounts *ret)
{
    OomCounts counts = {};
    bool has_oom = false, has_kills = false;
    int r;

    while (*text) {
        size_t size = strcspn(text, "\n");

        r = parse_count(text, size, "oom", &counts.oom);
        has_oom |= r > 0;
        if (r == 0) {
            r = parse_count(text, size, "oom_kill", &counts.kills);
            has_kills |= r > 0;
        }
        if (r < 0)
            return r;
        text += size;
        text += *text == '\n';
    }
    if (!has_oom || !has_kills)
        return -EBADMSG;
    *ret = counts;
    return 0;
}

static uint64_t growth(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}

static uint64_t kills_of(const OomView *view)
{
    return view->unit.known ? view->unit.all.kills : view->container.all.kills;
}

void oom_view_read(OomView *view, void (*read)(OomView *view, void *userdata), void *userdata)
{
    uint64_t kills;

    for (unsigned i = 0; i < READS_MAX; i++) {
        kills = kills_of(view);
        read(view, userdata);
        if (kills_of(view) == kills)
            break;
    }
}

uint64_t oom_killed_since(const OomView *then, const OomView *now, OomCause *ret_cause)
{
    const OomLevel *container = &now->container, *unit = &now->unit;
    bool in_container = growth(then->container.all.oom, container->all.oom) > 0;
    bool of_container = growth(then->container.own.oom, container->own.oom) > 0;
    bool in_unit = growth(then->unit.all.oom, unit->all.oom) > 0;
    bool of_unit = growth(then->unit.own.oom, unit->own.oom) > 0;
    uint64_t killed = unit->known ? growth(then->unit.all.kills, unit->all.kills)
                                  : growth(then->container.all.kills, container->all.kills);

    if (killed == 0)
        return 0;
    if (of_container)
        *ret_cause = OOM_OF_CONTAINER;
    else if (of_unit)
        *ret_cause = OOM_OF_UNIT;
    else if (in_container)
        *ret_cause = OOM_OF_INSIDE;
    else if (in_unit)
        /* Removed with the container's end, and what it counted itself with it. */
        *ret_cause = container->known ? OOM_OF_INSIDE : OOM_OF_CONTAINER;
    else
        *ret_cause = OOM_OF_OTHERS;
    return killed;
}

static int read_counts(int cgroup, const char *file, OomCounts *ret)
{
    _cleanup_free_ char *text = NULL;
    int r = cgroup_read(cgroup, file, &text);

    return r < 0 ? r : oom_counts_parse(text, ret);
}

static void read_level(const OomWatch *watch, const char *path, OomLevel *level)
{
    _cleanup_close_ int cgroup = path ? cgroup_open(watch->mount, path) : -ENOENT;
    OomCounts all, own;

    /* memory.events.local came with Linux 5.2; without it nobody can tell whose limit it was. */
    level->known = cgroup >= 0 && read_counts(cgroup, "memory.events", &all) >= 0 &&
            read_counts(cgroup, "memory.events.local", &own) >= 0;
    if (!level->known)
        return;
    level->all = all;
    level->own = own;
}

static void read_levels(OomView *view, void *userdata)
{
    const OomWatch *watch = userdata;

    read_level(watch, watch->container, &view->container);
    read_level(watch, watch->unit, &view->unit);
}

static uint64_t limit_of(const OomWatch *watch, const char *path)
{
    _cleanup_close_ int cgroup = path ? cgroup_open(watch->mount, path) : -ENOENT;
    _cleanup_free_ char *value = NULL;
    uint64_t limit;

    if (cgroup < 0 || cgroup_read(cgroup, "memory.max", &value) < 0 ||
            parse_unsigned(value, &limit) < 0)
        return OOM_NO_LIMIT;
    return limit;
}

void oom_watch_look(OomWatch *watch)
{
    OomReport report = { .limit = OOM_NO_LIMIT };
    OomView now;

    if (!watch)
        return;
    now = watch->view;
    oom_view_read(&now, read_levels, watch);
    report.killed = oom_killed_since(&watch->view, &now, &report.cause);
    /* The limit is hit before it is decided who is killed for it: a hit is kept until then. */
    if (report.killed == 0)
        return;
    if (report.cause == OOM_OF_CONTAINER)
        report.limit = limit_of(watch, watch->container);
    else if (report.cause == OOM_OF_UNIT)
        report.limit = limit_of(watch, watch->unit);
    watch->view = now;
    watch->handler(&report, watch->userdata);
}

/* Reading this very descriptor is what arms the next EPOLLPRI on it. */
static int arm(int events)
{
    char text[EVENTS_MAX];

    return pread(events, text, sizeof(text), 0) < 0 ? -errno : 0;
}

static int on_changed(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    OomWatch *watch = userdata;

    (void)events;
    /* A cgroup that was removed would wake us for ever. */
    if (arm(fd) < 0)
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
    oom_watch_look(watch);
    return 0;
}

static int open_events(const OomWatch *watch)
{
    const char *path = watch->unit ? watch->unit : watch->container;
    _cleanup_close_ int cgroup = cgroup_open(watch->mount, path);
    int fd;

    if (cgroup < 0)
        return cgroup;
    fd = cgroup_open_file(cgroup, "memory.events", O_RDONLY);
    if (fd >= 0)
        (void)arm(fd);
    return fd;
}

static int set_levels(OomWatch *watch, const CgroupLayout *layout, const char *container_cgroup)
{
    const char *container = container_cgroup ? container_cgroup : layout->payload;
    bool within = layout->unit && cgroup_path_is_below(container, layout->unit);

    watch->mount = strdup(layout->mount);
    if (!watch->mount)
        return -ENOMEM;
    if (within && text_replace(&watch->unit, layout->unit) < 0)
        return -ENOMEM;
    /* Without delegation the two are one, and the limit is the unit's. */
    if (within && text_equal(container, layout->unit))
        return 0;
    return text_replace(&watch->container, container);
}

int oom_watch_new(sd_event *event, const CgroupLayout *layout, const char *container_cgroup,
        OomHandler handler, void *userdata, OomWatch **ret)
{
    _cleanup_(oom_watch_free_p) OomWatch *watch = calloc(1, sizeof(*watch));
    int r;

    if (!watch)
        return -ENOMEM;
    watch->events = -1;
    watch->handler = handler;
    watch->userdata = userdata;
    if (!container_cgroup && !layout->payload)
        return -ENOENT;
    r = set_levels(watch, layout, container_cgroup);
    if (r < 0)
        return r;
    watch->events = open_events(watch);
    if (watch->events < 0)
        return watch->events;
    read_levels(&watch->view, watch);
    r = sd_event_add_io(event, &watch->changed, watch->events, EPOLLPRI, on_changed, watch);
    if (r >= 0)
        r = sd_event_source_set_ratelimit(watch->changed, LOOKS_INTERVAL_USEC, LOOKS_PER_INTERVAL);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(watch);
    return 0;
}

OomWatch *oom_watch_free(OomWatch *watch)
{
    if (!watch)
        return NULL;
    (void)sd_event_source_disable_unref(watch->changed);
    close_p(&watch->events);
    free(watch->mount);
    free(watch->container);
    free(watch->unit);
    free(watch);
    return NULL;
}
