/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files that carry out the life cycle share: the state of one run.
 *
 *   supervisor.c   the loop, the dispatch of events, the deadlines
 *   start.c        connecting ... starting: until the engine has started it
 *   mode.c         how it comes into the unit's cgroup, and we into ours
 *   claim.c        looking, clearing: who has the container's name?
 *   listen.c       what the engine tells meanwhile: exit, events, output
 *   place.c        placing: into the unit
 *   ready.c        settling ... running: READY=1, WATCHDOG=1, STATUS=
 *   check.c        its health: who asks, and when
 *   standstill.c   systemctl freeze: was there one?
 *   startup.c      --startup-probe=
 *   publish.c      its health, as other verbs may see and change it
 *   reload.c       SIGHUP
 *   hear.c         what the container itself says meanwhile (--notify)
 *   out_of_memory.c  who was killed for want of memory, and by whose limit
 *   stop.c         stopping ... ended: how it goes down and what is cleared away
 *
 * Each action_*() carries out one Action and reports what came of it, now or
 * later, by supervisor_report().
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "cgroup/layout.h"
#include "cgroup/oom.h"
#include "cgroup/placement.h"
#include "cli/options.h"
#include "cli/run_request.h"
#include "engine/engine.h"
#include "engine/exec.h"
#include "supervisor/cgroup_mode.h"
#include "supervisor/check.h"
#include "supervisor/exit_status.h"
#include "supervisor/life_cycle.h"
#include "supervisor/startup.h"
#include "supervisor/subscription.h"
#include "supervisor/supervisor.h"
#include "unit/control.h"
#include "unit/notify_proxy.h"
#include "unit/output.h"
#include "unit/watchdog.h"

/* More cannot be pending: an action reports at most two. */
#define REPORTS_MAX 16

/* What the engine says of the container. */
typedef struct Container {
    char *name; /* NULL: the engine is to choose one */
    char *id;
    bool made_by_us; /* and so ours to discard if it never runs */
    bool taken_over; /* made by others, and noted as this unit's: owner.h */
    bool ran_before; /* somebody started it before us: what a look found running */
    pid_t pid;       /* of its first process */
    int pidfd;
    bool process_gone;
    bool is_paused;
    bool tty;
    bool privileged;
    bool auto_remove;
    int stop_signal;
    uint64_t stop_timeout_usec; /* USEC_INFINITY: the engine waits for ever */
    uint64_t started_usec;      /* monotonic */
} Container;

typedef struct Supervisor {
    const Options *options;
    RunRequest *request;
    sd_event *event;
    Engine *engine;
    CgroupLayout layout;
    bool has_layout;
    int unit_lock;  /* cgroup_layout_claim(); -1: nothing of ours goes into the payload */
    bool entered;   /* we are in UNIT/supervisor */
    pid_t entering; /* the child that brings us there */
    CgroupOffer offer;
    CgroupMode mode;         /* of the container; AUTO: not settled */
    const char *mode_reason; /* static */

    State state;
    Event reports[REPORTS_MAX];
    size_t reports_size;
    sd_event_source *reporting;

    Container container;
    Check check;
    Startup startup;
    End end;

    bool detached; /* the unit wants no resident supervisor */
    bool pulled;
    bool announced;
    bool exit_seen;           /* the engine told the exit */
    bool stop_seen_by_engine; /* it delivered the stop signal */
    uint64_t stop_told_usec;  /* when it did so for somebody else; monotonic, 0: never */
    bool stop_confirmed;      /* whether that was a stop is decided */
    bool start_sent;
    bool left_outside;   /* the move left some of it in Docker's cgroup */
    bool output_is_held; /* nobody takes it, so it is not taken from the engine */
    bool waiting_before_notify;
    bool signalled;
    unsigned said_to_run; /* by the engine, when its process was gone */
    bool output_ended;
    bool removal_ended;
    bool pid_file_written;
    unsigned conflicts;
    uint64_t pull_reported_usec;
    char *engine_trouble;   /* why it did not answer last; NULL: not known */
    char *placement_text;   /* where the container is, for STATUS= */
    bool container_ready;   /* it said READY=1 */
    char *container_status; /* its STATUS=, or NULL */
    NotifyMessage held;     /* said between its READY=1 and ours */

    sd_event_source *deadline; /* of the state */
    sd_event_source *pause;    /* until an action tries again or goes on */
    void (*after_pause)(struct Supervisor *supervisor);
    sd_event_source *process; /* pidfd */
    EngineCall *call;         /* the state's request */
    EngineCall *health_call;  /* the inspect that a change of health asks for */
    EngineCall *info_call;    /* what the engine is */
    EngineExec *reload_exec;  /* --reload-cmd, as it runs */
    void (*after_info)(struct Supervisor *supervisor);
    Subscription *subscription;
    Placement *placement;
    Output *output;
    Watchdog *watchdog;
    NotifyProxy *notify_proxy; /* NULL without --notify */
    OomWatch *oom;
    char *oom_cause; /* of the last kill for want of memory, for STATUS= */
    struct DetachedChecks *detached_checks;
    char *directory; /* of health.json and the control socket */
    Control *control;
    uint64_t published_usec; /* monotonic */
    sd_event_source *standstill;
} Supervisor;

/* Something happened. What follows from it runs from the loop, after this returned. */
void supervisor_report(Supervisor *supervisor, Event event);
/* Why it cannot go on: logged, kept for the exit status; the first one counts. */
void supervisor_fail(Supervisor *supervisor, int exit_code, const char *format, ...) _printf_(3, 4);
/* Runs `then` after `usec`; replaces what was pending. */
void supervisor_pause(Supervisor *supervisor, uint64_t usec, void (*then)(Supervisor *supervisor));
/* Reports EVENT_TIMED_OUT when `usec` have passed in the present state. USEC_INFINITY: never. */
void supervisor_set_deadline(Supervisor *supervisor, uint64_t usec);
/* "web", or the ID where there is no name; for messages. */
const char *supervisor_container_name(const Supervisor *supervisor);

/* For requests whose outcome shows elsewhere. */
void action_ignore_reply(const EngineReply *reply, void *userdata);

/* start.c */
void start_connect(Supervisor *supervisor);
void action_pull(Supervisor *supervisor);
void action_create(Supervisor *supervisor);
void action_start(Supervisor *supervisor);

/* --cidfile: whose the name is by now. */
void start_write_cidfile(Supervisor *supervisor);
/* A call that brought nothing: fails with "cannot WHAT: why". */
void start_fail_call(Supervisor *supervisor, const char *what, const EngineReply *reply);
/* The same for one that could not even be made; r >= 0 is fine. */
void start_check_call(Supervisor *supervisor, int r, const char *what);

/* mode.c */
/* Where we run, and off to UNIT/supervisor. Negative errno: the mode that was asked for is
 * impossible, and that is said. */
int mode_find_place(Supervisor *supervisor);
/* Ends what mode_find_place() began: we are in UNIT/supervisor. Idempotent. */
int mode_enter_unit(Supervisor *supervisor);
/* Asks the engine what it is, if that matters: early, for it takes longer than other questions. */
void mode_ask_engine(Supervisor *supervisor);
/* True: the engine's answer is out, and `then` runs when it is here. */
bool mode_wait(Supervisor *supervisor, void (*then)(Supervisor *supervisor));
/* Settles the mode and adds to the create request what it takes. -EOPNOTSUPP: the mode that was
 * asked for is impossible, and that is said. */
int mode_apply(Supervisor *supervisor);
/* Takes the mode of a container that was made before. */
void mode_learn(Supervisor *supervisor, JsonValue *inspect);
/* Once the engine's answer is here: what `auto` moves no new container for, it moves no old one
 * for. */
void mode_keep(Supervisor *supervisor);
/* Before the engine starts the container, and after. */
int mode_prepare_birth(Supervisor *supervisor);
void mode_end_birth(Supervisor *supervisor);

/* claim.c */
void action_look(Supervisor *supervisor);
void action_clear(Supervisor *supervisor);
/* Takes the ID that a reply has. -EBADMSG: it has none. */
int claim_remember_id(Supervisor *supervisor, JsonValue *reply);
/* Who has the name changed under our hands: looks again, not for ever, and not without a breath. */
void claim_look_again(Supervisor *supervisor, const EngineReply *reply);
/* What others made, and has ended, is nobody's again. */
void claim_release(Supervisor *supervisor);

/* listen.c */
void action_subscribe(Supervisor *supervisor);

/* place.c */
void action_place(Supervisor *supervisor);
/* Takes what inspect says of settings and health. */
void place_learn(Supervisor *supervisor, JsonValue *inspect);
/* Is this PID a process of the container? Not of one that is gone. */
bool place_has_process(const Supervisor *supervisor, pid_t pid);

/* ready.c */
void action_settle(Supervisor *supervisor);
void action_announce(Supervisor *supervisor);
/* Leaves it to systemd and ends. */
void action_hand_over(Supervisor *supervisor);
/* STATUS= of a container that runs. */
void ready_tell(Supervisor *supervisor);
/* READY=1 waits for nothing but the start, or for what has come by now. */
bool ready_when_started(const Supervisor *supervisor);
/* What READY=1 waits for may have come: reports EVENT_READY if it is all there. */
void ready_consider(Supervisor *supervisor);
/* Pings the unit's watchdog from here on, for as long as there is evidence that all is well. */
void ready_serve_watchdog(Supervisor *supervisor);
/* The health status changed: tells, and acts on it. */
void ready_note_health(Supervisor *supervisor);
/* It is stopped: says what was missing if it was not ready. */
void ready_tell_failure(const Supervisor *supervisor);

/* check.c */
/* Reads --probe= and --startup-probe=. -EINVAL and a sentence in *ret_message, the caller's. */
int check_parse(Supervisor *supervisor, char **ret_message);
/* What inspect says of the check and, once the container runs, of its results. */
void check_learn(Supervisor *supervisor, JsonValue *inspect);
/* Of its results and whether it is paused. */
void check_take_inspect(Supervisor *supervisor, JsonValue *inspect);
void check_note_pause(Supervisor *supervisor, bool paused);
/* The engine was away, and the container is still there. */
void check_note_engine_back(Supervisor *supervisor);
/* The unit stood still, we and the container. */
void check_note_standstill(Supervisor *supervisor);
/* Counts a result of a check that ran aside from the schedule. */
void check_take_result(Supervisor *supervisor, uint64_t began, uint64_t ended, const ProbeEnd *end);
/* Docker's result may have changed: looks. */
void check_ask_docker(Supervisor *supervisor);
/* Between these two checks are run. */
void check_start(Supervisor *supervisor);
void check_stop(Supervisor *supervisor);
void check_release(Supervisor *supervisor);
/* Is there a probe that is opened in the container's network? */
bool check_needs_network(const Supervisor *supervisor);
/* Does the container have a health check, of Docker's or ours? */
bool check_is_there(const Supervisor *supervisor);
HealthStatus check_status(const Supervisor *supervisor);
/* Too old to believe? Never without a check. */
bool check_is_stale(const Supervisor *supervisor);
/* What the probe said that failed last, in one line; "" if none did. */
void check_last_words(const Supervisor *supervisor, char *ret, size_t size);

/* Runs the check (`probe`, or NULL: Docker's) once, aside from its schedule. As check_run_start().
 */
int check_run_now(
        Supervisor *supervisor, const ProbeSpec *probe, CheckRunHandler handler, CheckRun **ret);

/* publish.c */
/* Opens the runtime directory of a container with a check, for the healthcheck and status verbs. */
void publish_open(Supervisor *supervisor);
/* Writes what is known of its health there; what has not `changed` not more often than it can be
 * looked at. */
void publish(Supervisor *supervisor, bool changed);
/* The same as a record: see check_record.h. */
int publish_describe(const Supervisor *supervisor, JsonValue **ret);
void publish_close(Supervisor *supervisor);

/* standstill.c */
/* From here on check_note_standstill() hears of it, before any timer. */
void standstill_watch(Supervisor *supervisor);
/* Was there one that nobody tells of (of the machine)? Then it is noted. For whoever looks at the
 * health from a timer. */
bool standstill_look(Supervisor *supervisor);
void standstill_stop(Supervisor *supervisor);

/* startup.c */
void startup_start(Supervisor *supervisor);
void startup_stop(Supervisor *supervisor);
/* There is a startup probe, and it has not passed. */
bool startup_is_waited_for(const Supervisor *supervisor);
/* What it said last then, in one line; else `ret` stays as it is. */
void startup_last_words(const Supervisor *supervisor, char *ret, size_t size);

/* reload.c */
/* Has the container reload its settings, as --reload-signal= or --reload-cmd= says. */
void reload(Supervisor *supervisor);
void reload_stop(Supervisor *supervisor);

/* hear.c */
/* Opens the socket that the container speaks to, if it is to speak and there is none. 0, or a
 * negative errno after supervisor_fail(). */
int hear_open(Supervisor *supervisor);
/* systemd has heard READY=1. */
void hear_announced(Supervisor *supervisor);
/* Takes what the container said before it ended. */
void hear_last_words(Supervisor *supervisor);
/* Removes what hear_open() made. */
void hear_close(Supervisor *supervisor);

/* out_of_memory.c */
/* From here on such kills are told. `container_cgroup`: see oom_watch_new(). Idempotent; where
 * nothing counts them nothing is told. */
void oom_start(Supervisor *supervisor, const char *container_cgroup);
/* Whose limit the container ended by; NULL: it ended otherwise. Borrowed. */
const char *oom_cause_of_end(Supervisor *supervisor);

/* stop.c */
void action_stop(Supervisor *supervisor);
void action_signal(Supervisor *supervisor);
void action_kill(Supervisor *supervisor);
void action_reap(Supervisor *supervisor);
void action_leave(Supervisor *supervisor);
void action_discard(Supervisor *supervisor);
void action_end(Supervisor *supervisor);
/* Is everything out and gone? Reports EVENT_LEFT if so; for whoever finished a part. */
void stop_consider_left(Supervisor *supervisor);
/* With --main-pid=container: the exit status that counts is ours again. */
void stop_take_main_pid_back(Supervisor *supervisor);
/* What systemd hears last. The loop has ended. */
void stop_say_goodbye(Supervisor *supervisor, int exit_status);
