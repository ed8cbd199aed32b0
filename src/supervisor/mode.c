/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervision.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/hand_over.h"
#include "supervisor/create_request.h"

#define INFO_TIMEOUT_USEC (5 * USEC_PER_SEC)

/* Moving a process waits for a grace period of RCU, some 10 ms (cgroup_attach_lock() in the
 * kernel). A child waits for it, while we talk to the engine. */
static void begin_to_enter(Supervisor *supervisor)
{
    pid_t ours = getpid();

    if (text_equal(supervisor->layout.own, supervisor->layout.supervisor))
        return; /* by DelegateSubgroup= */
    supervisor->entering = fork();
    if (supervisor->entering != 0)
        return; /* -1: mode_enter_unit() does it */
    _exit(cgroup_layout_enter(&supervisor->layout, ours) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int mode_enter_unit(Supervisor *supervisor)
{
    int r, status;

    if (supervisor->entered || !supervisor->has_layout || !supervisor->layout.delegated)
        return 0;
    if (supervisor->entering > 0) {
        /* By now it is done, or about to be. */
        do
            r = waitpid(supervisor->entering, &status, 0) < 0 ? -errno : 0;
        while (r == -EINTR);
        supervisor->entering = 0;
        supervisor->entered = r == 0 && status == 0;
        if (supervisor->entered)
            return 0;
    }
    r = cgroup_layout_enter(&supervisor->layout, 0);
    supervisor->entered = r >= 0;
    return r;
}

/* No place in a unit: the container stays where Docker puts it, but for who asked for another. */
static int do_without_place(Supervisor *supervisor)
{
    CgroupMode asked = supervisor->options->cgroup_mode;

    if (asked != CGROUP_MODE_AUTO && asked != CGROUP_MODE_NONE) {
        supervisor_fail(supervisor, EXIT_ENGINE, "--cgroup-mode=%s: %s", cgroup_mode_name(asked),
                supervisor->offer.place_trouble);
        return -ENXIO;
    }
    if (asked == CGROUP_MODE_AUTO)
        log_line(supervisor->layout.mount ? LOG_NOTICE : LOG_WARNING,
                "%s: the container stays in Docker's cgroup", supervisor->offer.place_trouble);
    return 0;
}

/* Where there are several hierarchies: which of them --cgroups names. */
static int choose_hierarchies(Supervisor *supervisor)
{
    Hierarchies *hierarchies = supervisor->layout.hierarchies;
    _cleanup_free_ char *message = NULL;
    int r;

    if (!hierarchies)
        return 0;
    r = hierarchies_choose(hierarchies, supervisor->options->hierarchies, &message);
    if (r < 0) {
        supervisor_fail(supervisor, EXIT_USAGE, "%s", message ? message : strerror(-r));
        return r;
    }
    return 0;
}

static int claim_unit(Supervisor *supervisor)
{
    int r = cgroup_layout_claim(&supervisor->layout);

    if (r == -EBUSY)
        supervisor_fail(supervisor, EXIT_ENGINE,
                "%s runs a container already, and its cgroup is for one: give this one a unit of "
                "its own, or use --cgroup-mode=none",
                supervisor->layout.unit_name);
    else if (r < 0)
        supervisor_fail(supervisor, EXIT_ENGINE, "cannot lock the cgroup %s: %s",
                supervisor->layout.unit, strerror(-r));
    else
        supervisor->unit_lock = r;
    return r;
}

int mode_find_place(Supervisor *supervisor)
{
    int r;

    r = cgroup_layout_find(&supervisor->layout);
    supervisor->has_layout = r >= 0 && supervisor->layout.unit;
    supervisor->offer.delegated = supervisor->layout.delegated;
    supervisor->offer.version1 = supervisor->layout.hierarchies;
    if (r < 0)
        supervisor->offer.place_trouble = "no cgroups that systemd keeps are mounted here";
    else if (!supervisor->has_layout)
        supervisor->offer.place_trouble = "not started by a service unit";
    if (supervisor->offer.place_trouble)
        return do_without_place(supervisor);

    if (supervisor->options->cgroup_mode == CGROUP_MODE_NONE)
        return 0;
    r = choose_hierarchies(supervisor);
    if (r < 0)
        return r;
    if (!supervisor->layout.delegated) {
        log_warning("%s has no Delegate=yes: its processes and the container's share one cgroup; "
                    "add Delegate=yes to the unit",
                supervisor->layout.unit_name);
        return 0;
    }
    r = claim_unit(supervisor);
    if (r < 0)
        return r;
    begin_to_enter(supervisor);
    return 0;
}

static const char *runtime_of_run_line(const Supervisor *supervisor)
{
    JsonValue *host = json_value_get(supervisor->request->body, "HostConfig");

    return json_member_string(host, "Runtime", "");
}

/* Does the choice depend on what the engine is? */
static bool engine_matters(const Supervisor *supervisor)
{
    CgroupMode asked = supervisor->options->cgroup_mode;

    return supervisor->has_layout && supervisor->layout.delegated && asked != CGROUP_MODE_NONE;
}

static void tell_hierarchies(const Supervisor *supervisor)
{
    _cleanup_free_ char *chosen = NULL;

    if (supervisor->mode != CGROUP_MODE_MOVE || !supervisor->layout.hierarchies)
        return;
    chosen = hierarchies_describe(supervisor->layout.hierarchies, true);
    log_info("cgroup v1: the container goes over in %s; what is executed in it later stays in "
             "Docker's cgroup",
            chosen ? chosen : "some hierarchies");
}

static void tell_exec_trouble(const Supervisor *supervisor)
{
    log_warning("cgroup mode %s: %s; systemd-ctr setup-runtime mends it",
            cgroup_mode_name(supervisor->mode), supervisor->offer.exec_trouble);
}

static void settle(Supervisor *supervisor)
{
    CgroupMode asked = supervisor->options->cgroup_mode;
    const char *obstacle;

    supervisor->mode = asked;
    if (asked == CGROUP_MODE_AUTO)
        supervisor->mode = cgroup_mode_choose(&supervisor->offer, &supervisor->mode_reason);
    else
        supervisor->mode_reason = asked == CGROUP_MODE_MOVE && supervisor->offer.exec_trouble
                ? supervisor->offer.exec_trouble
                : "asked for";

    obstacle = cgroup_mode_obstacle(supervisor->mode, &supervisor->offer);
    if (obstacle) {
        supervisor_fail(
                supervisor, EXIT_ENGINE, "--cgroup-mode=%s: %s", cgroup_mode_name(asked), obstacle);
        return;
    }
    tell_hierarchies(supervisor);
    if (supervisor->offer.exec_trouble && asked != CGROUP_MODE_NONE &&
            !cgroup_mode_is_born(supervisor->mode))
        tell_exec_trouble(supervisor);
    /* Measured with Docker 20.10 and 26.1: runc has no cgroup of its own to put it into there. */
    else if (supervisor->offer.rootless && supervisor->mode == CGROUP_MODE_MOVE)
        log_notice("rootless engine: what docker exec and Docker's health check execute in the "
                   "container runs in the engine's cgroup, outside of the unit");
}

static void on_info(const EngineReply *reply, void *userdata)
{
    Supervisor *supervisor = userdata;
    void (*then)(Supervisor * supervisor) = supervisor->after_info;

    supervisor->info_call = NULL;
    if (engine_reply_ok(reply))
        cgroup_offer_of_engine(&supervisor->offer, reply->body, runtime_of_run_line(supervisor));
    if (!then)
        return;
    supervisor->after_info = NULL;
    then(supervisor);
}

void mode_ask_engine(Supervisor *supervisor)
{
    if (!engine_matters(supervisor) || supervisor->offer.engine_known || supervisor->info_call)
        return;
    (void)engine_info(
            supervisor->engine, INFO_TIMEOUT_USEC, on_info, supervisor, &supervisor->info_call);
}

bool mode_wait(Supervisor *supervisor, void (*then)(Supervisor *supervisor))
{
    mode_ask_engine(supervisor);
    if (supervisor->info_call)
        supervisor->after_info = then;
    return supervisor->info_call;
}

int mode_apply(Supervisor *supervisor)
{
    JsonValue *body = supervisor->request->body;
    JsonValue *host = json_need_object(body, "HostConfig");
    _cleanup_free_ char *label = NULL;
    int r = 0;

    if (supervisor->mode == CGROUP_MODE_AUTO)
        settle(supervisor);
    if (supervisor->end.failure != 0)
        return -EOPNOTSUPP;

    if (supervisor->mode == CGROUP_MODE_PARENT)
        r = json_set_string(host, "CgroupParent", supervisor->layout.payload);
    else if (supervisor->mode == CGROUP_MODE_RUNTIME)
        r = json_set_string(host, "Runtime", CGROUP_MODE_RUNTIME_NAME);
    if (r < 0)
        return r;
    label = text_format("%s: %s", cgroup_mode_name(supervisor->mode),
            supervisor->mode_reason ? supervisor->mode_reason : "");
    return label ? json_set_string(json_need_object(body, "Labels"), LABEL_CGROUP_MODE, label)
                 : -ENOMEM;
}

void mode_learn(Supervisor *supervisor, JsonValue *inspect)
{
    supervisor->mode = cgroup_mode_of_container(inspect);
    supervisor->mode_reason = "as it was made";
    if (!supervisor->has_layout ||
            (supervisor->mode == CGROUP_MODE_MOVE &&
                    supervisor->options->cgroup_mode == CGROUP_MODE_NONE))
        supervisor->mode = CGROUP_MODE_NONE;
    else if (cgroup_mode_is_born(supervisor->mode) && !supervisor->layout.delegated)
        supervisor->mode = CGROUP_MODE_MOVE;
}

void mode_keep(Supervisor *supervisor)
{
    if (supervisor->options->cgroup_mode != CGROUP_MODE_AUTO ||
            supervisor->mode != CGROUP_MODE_MOVE || !supervisor->offer.exec_trouble)
        return;
    supervisor->mode = CGROUP_MODE_NONE;
    supervisor->mode_reason = supervisor->offer.exec_trouble;
    tell_exec_trouble(supervisor);
}

/* The container's first process comes into the unit's cgroup before it does anything: by then the
 * unit's inner cgroup must have no process of its own (admin-guide/cgroup-v2.rst, "No Internal
 * Process Constraint"). */
int mode_prepare_birth(Supervisor *supervisor)
{
    int r;

    if (!cgroup_mode_is_born(supervisor->mode))
        return 0;
    r = mode_enter_unit(supervisor);
    if (r >= 0 && supervisor->mode == CGROUP_MODE_RUNTIME)
        r = runtime_hand_over_write(supervisor->container.id, supervisor->layout.payload);
    return r;
}

void mode_end_birth(Supervisor *supervisor)
{
    if (supervisor->mode == CGROUP_MODE_RUNTIME && supervisor->container.id)
        (void)runtime_hand_over_remove(supervisor->container.id);
}
