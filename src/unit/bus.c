/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/bus.h"

#include <errno.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "base/text.h"

#define MANAGER "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"

typedef struct Job {
    char *path;   /* NULL while the manager has not answered */
    char *result; /* NULL while it has not ended: "done", "failed", ... */
} Job;

static int explain(char **ret_message, int r, const char *what, const char *why)
{
    *ret_message = text_format("%s: %s", what, why);
    return *ret_message ? r : -ENOMEM;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    Job *job = userdata;
    const char *path, *unit, *result;
    uint32_t id;

    (void)error;
    if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
        return 0;
    if (text_equal(path, job->path))
        (void)text_replace(&job->result, result);
    return 0;
}

/* Signals of before the call's answer wait in the queue, and are handled here, when the job's path
 * is known. */
static int wait_for_job(sd_bus *bus, const Job *job, uint64_t until_usec)
{
    while (!job->result) {
        uint64_t now = now_usec();
        int r = sd_bus_process(bus, NULL);

        if (r < 0)
            return r;
        if (r > 0)
            continue;
        if (now >= until_usec)
            return -ETIMEDOUT;
        r = sd_bus_wait(bus, until_usec - now);
        if (r < 0 && r != -EINTR)
            return r;
    }
    return 0;
}

static int reload(
        sd_bus *bus, const char *unit, uint64_t timeout_usec, Job *job, char **ret_message)
{
    uint64_t until_usec = now_usec() + timeout_usec;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    const char *path;
    int r;

    /* Before the job exists: it may end at once. Who asked for a job hears of its end without
     * Subscribe(). */
    r = sd_bus_match_signal(
            bus, NULL, MANAGER, MANAGER_PATH, MANAGER_INTERFACE, "JobRemoved", on_job_removed, job);
    if (r >= 0)
        r = sd_bus_call_method(bus, MANAGER, MANAGER_PATH, MANAGER_INTERFACE, "ReloadUnit", &error,
                &reply, "ss", unit, "replace");
    if (r >= 0)
        r = sd_bus_message_read(reply, "o", &path);
    if (r >= 0)
        r = text_replace(&job->path, path);
    if (r >= 0)
        r = wait_for_job(bus, job, until_usec);
    if (r < 0)
        r = explain(ret_message, r, unit, error.message ? error.message : strerror(-r));
    else if (strcmp(job->result, "done") != 0)
        r = explain(ret_message, -EIO, unit, job->result);
    sd_bus_error_free(&error);
    (void)sd_bus_message_unref(reply);
    return r < 0 ? r : 0;
}

int bus_reload_unit(const char *unit, uint64_t timeout_usec, char **ret_message)
{
    Job job = { 0 };
    sd_bus *bus = NULL;
    int r;

    r = geteuid() == 0 ? sd_bus_open_system(&bus) : sd_bus_open_user(&bus);
    if (r < 0)
        return explain(ret_message, r, "cannot reach the service manager", strerror(-r));
    r = reload(bus, unit, timeout_usec, &job, ret_message);
    (void)sd_bus_flush_close_unref(bus);
    free(job.path);
    free(job.result);
    return r;
}

/* Takes the bus. */
static bool is_up_at(sd_bus *bus, const char *path)
{
    _cleanup_free_ char *state = NULL;
    int r;

    r = sd_bus_get_property_string(
            bus, MANAGER, path, "org.freedesktop.systemd1.Unit", "ActiveState", NULL, &state);
    (void)sd_bus_flush_close_unref(bus);
    return r >= 0 && !text_equal(state, "inactive") && !text_equal(state, "failed");
}

bool bus_unit_is_up(const char *unit)
{
    _cleanup_free_ char *path = NULL;
    sd_bus *bus;

    if (sd_bus_path_encode(MANAGER_PATH "/unit", unit, &path) < 0)
        return false;
    if (sd_bus_open_system(&bus) >= 0 && is_up_at(bus, path))
        return true;
    return geteuid() != 0 && sd_bus_open_user(&bus) >= 0 && is_up_at(bus, path);
}
