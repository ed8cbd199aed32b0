/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/life_cycle.h"

#include "base/cleanup.h"

/* One row a line, in the order of a life. */
/* clang-format off */
static const struct {
    State state;
    Event event;
    State next;
    unsigned actions;
} table[] = {
#define ROW(s, e, n, a) { STATE_##s, EVENT_##e, STATE_##n, (a) }
#define TIMEOUT_THEN(a) (ACTION_NOTE_TIMEOUT | (a))
    ROW(CONNECTING,  CONNECTED,       LOOKING,     ACTION_LOOK),
    ROW(CONNECTING,  STOP_ASKED,      ENDED,       ACTION_END),
    ROW(CONNECTING,  FAILED,          ENDED,       ACTION_END),
    ROW(CONNECTING,  TIMED_OUT,       ENDED,       TIMEOUT_THEN(ACTION_END)),

    ROW(LOOKING,     NAME_FREE,       CREATING,    ACTION_CREATE),
    ROW(LOOKING,     NAME_STALE,      CLEARING,    ACTION_CLEAR),
    ROW(LOOKING,     NAME_STARTABLE,  SUBSCRIBING, ACTION_SUBSCRIBE),
    ROW(LOOKING,     NAME_ADOPTABLE,  ADOPTING,    ACTION_SUBSCRIBE),
    ROW(LOOKING,     IMAGE_WANTED,    PULLING,     ACTION_PULL),
    ROW(LOOKING,     STOP_ASKED,      ENDED,       ACTION_END),
    ROW(LOOKING,     FAILED,          ENDED,       ACTION_END),
    ROW(LOOKING,     TIMED_OUT,       ENDED,       TIMEOUT_THEN(ACTION_END)),

    ROW(CLEARING,    NAME_FREE,       CREATING,    ACTION_CREATE),
    ROW(CLEARING,    IMAGE_WANTED,    PULLING,     ACTION_PULL),
    ROW(CLEARING,    NAME_STALE,      LOOKING,     ACTION_LOOK),
    ROW(CLEARING,    STOP_ASKED,      DISCARDING,  ACTION_DISCARD),
    ROW(CLEARING,    FAILED,          ENDED,       ACTION_END),
    ROW(CLEARING,    TIMED_OUT,       ENDED,       TIMEOUT_THEN(ACTION_END)),

    ROW(PULLING,     PULLED,          CREATING,    ACTION_CREATE),
    ROW(PULLING,     STOP_ASKED,      ENDED,       ACTION_END),
    ROW(PULLING,     FAILED,          ENDED,       ACTION_END),

    /* A create or start under way cannot be taken back, only undone once its reply is here. */
    ROW(CREATING,    CREATED,         SUBSCRIBING, ACTION_SUBSCRIBE),
    ROW(CREATING,    IMAGE_WANTED,    PULLING,     ACTION_PULL),
    ROW(CREATING,    NAME_STALE,      LOOKING,     ACTION_LOOK),
    ROW(CREATING,    STOP_ASKED,      CANCELLING,  0),
    ROW(CREATING,    FAILED,          DISCARDING,  ACTION_DISCARD),

    ROW(CANCELLING,  CREATED,         DISCARDING,  ACTION_DISCARD),
    ROW(CANCELLING,  IMAGE_WANTED,    ENDED,       ACTION_END),
    ROW(CANCELLING,  NAME_STALE,      ENDED,       ACTION_END),
    ROW(CANCELLING,  FAILED,          DISCARDING,  ACTION_DISCARD),
    ROW(CANCELLING,  TIMED_OUT,       DISCARDING,  ACTION_DISCARD),

    ROW(SUBSCRIBING, SUBSCRIBED,      STARTING,    ACTION_START),
    ROW(SUBSCRIBING, STOP_ASKED,      DISCARDING,  ACTION_DISCARD),
    ROW(SUBSCRIBING, FAILED,          DISCARDING,  ACTION_DISCARD),
    ROW(SUBSCRIBING, TIMED_OUT,       DISCARDING,  TIMEOUT_THEN(ACTION_DISCARD)),

    ROW(ADOPTING,    SUBSCRIBED,      PLACING,     ACTION_PLACE),
    ROW(ADOPTING,    EXITED,          LEAVING,     ACTION_LEAVE),
    ROW(ADOPTING,    STOP_ASKED,      STOPPING,    ACTION_STOP),
    ROW(ADOPTING,    FAILED,          STOPPING,    ACTION_STOP),
    ROW(ADOPTING,    TIMED_OUT,       STOPPING,    TIMEOUT_THEN(ACTION_STOP)),

    /* EXITED is not listened to here: a container that cannot be started "exits" as well, and the
     * start's reply has the reason. ACTION_PLACE and ACTION_STOP see that it is over already. */
    ROW(STARTING,    STARTED,         PLACING,     ACTION_PLACE),
    ROW(STARTING,    STOP_ASKED,      HALTING,     0),
    ROW(STARTING,    FAILED,          DISCARDING,  ACTION_DISCARD),

    ROW(HALTING,     STARTED,         STOPPING,    ACTION_STOP),
    ROW(HALTING,     FAILED,          DISCARDING,  ACTION_DISCARD),
    ROW(HALTING,     TIMED_OUT,       DISCARDING,  ACTION_DISCARD),

    ROW(PLACING,     PLACED,          SETTLING,    ACTION_SETTLE),
    ROW(PLACING,     EXITED,          LEAVING,     ACTION_LEAVE),
    ROW(PLACING,     PROCESS_GONE,    REAPING,     ACTION_REAP),
    ROW(PLACING,     STOP_ASKED,      STOPPING,    ACTION_STOP),
    ROW(PLACING,     FAILED,          STOPPING,    ACTION_STOP),
    ROW(PLACING,     TIMED_OUT,       STOPPING,    TIMEOUT_THEN(ACTION_STOP)),

    ROW(SETTLING,    READY,           RUNNING,     ACTION_ANNOUNCE),
    ROW(SETTLING,    EXITED,          LEAVING,     ACTION_LEAVE),
    ROW(SETTLING,    PROCESS_GONE,    REAPING,     ACTION_REAP),
    ROW(SETTLING,    STOP_ASKED,      STOPPING,    ACTION_STOP),
    ROW(SETTLING,    UNHEALTHY,       STOPPING,    ACTION_STOP),

    ROW(RUNNING,     EXITED,          LEAVING,     ACTION_LEAVE),
    ROW(RUNNING,     PROCESS_GONE,    REAPING,     ACTION_REAP),
    ROW(RUNNING,     STOP_ASKED,      STOPPING,    ACTION_STOP),
    ROW(RUNNING,     UNHEALTHY,       STOPPING,    ACTION_STOP),
    ROW(RUNNING,     DETACHED,        ENDED,       ACTION_HAND_OVER),

    ROW(STOPPING,    EXITED,          LEAVING,     ACTION_LEAVE),
    ROW(STOPPING,    PROCESS_GONE,    REAPING,     ACTION_REAP),
    ROW(STOPPING,    STOP_UNANSWERED, STOPPING,    ACTION_SIGNAL),
    ROW(STOPPING,    TIMED_OUT,       KILLING,     ACTION_KILL),

    ROW(KILLING,     EXITED,          LEAVING,     ACTION_LEAVE),
    ROW(KILLING,     PROCESS_GONE,    REAPING,     ACTION_REAP),
    ROW(KILLING,     TIMED_OUT,       LEAVING,     ACTION_LEAVE),

    ROW(REAPING,     EXITED,          LEAVING,     ACTION_LEAVE),
    ROW(REAPING,     TIMED_OUT,       LEAVING,     ACTION_LEAVE),

    ROW(LEAVING,     LEFT,            ENDED,       ACTION_END),
    ROW(LEAVING,     TIMED_OUT,       ENDED,       ACTION_END),

    ROW(DISCARDING,  DISCARDED,       ENDED,       ACTION_END),
    ROW(DISCARDING,  TIMED_OUT,       ENDED,       ACTION_END),
#undef TIMEOUT_THEN
#undef ROW
};
/* clang-format on */

Transition life_cycle_next(State state, Event event)
{
    for (size_t i = 0; i < ELEMENTS(table); i++)
        if (table[i].state == state && table[i].event == event)
            return (Transition){ table[i].next, table[i].actions };
    return (Transition){ state, 0 };
}

const char *life_cycle_state_name(State state)
{
    static const char *const names[STATE_COUNT_] = {
        [STATE_CONNECTING] = "connecting",
        [STATE_LOOKING] = "looking",
        [STATE_CLEARING] = "clearing",
        [STATE_PULLING] = "pulling",
        [STATE_CREATING] = "creating",
        [STATE_CANCELLING] = "cancelling",
        [STATE_SUBSCRIBING] = "subscribing",
        [STATE_ADOPTING] = "adopting",
        [STATE_STARTING] = "starting",
        [STATE_HALTING] = "halting",
        [STATE_PLACING] = "placing",
        [STATE_SETTLING] = "settling",
        [STATE_RUNNING] = "running",
        [STATE_STOPPING] = "stopping",
        [STATE_KILLING] = "killing",
        [STATE_REAPING] = "reaping",
        [STATE_LEAVING] = "leaving",
        [STATE_DISCARDING] = "discarding",
        [STATE_ENDED] = "ended",
    };

    return names[state];
}

const char *life_cycle_event_name(Event event)
{
    static const char *const names[EVENT_COUNT_] = {
        [EVENT_CONNECTED] = "connected",
        [EVENT_NAME_FREE] = "name-free",
        [EVENT_NAME_STALE] = "name-stale",
        [EVENT_NAME_STARTABLE] = "name-startable",
        [EVENT_NAME_ADOPTABLE] = "name-adoptable",
        [EVENT_IMAGE_WANTED] = "image-wanted",
        [EVENT_PULLED] = "pulled",
        [EVENT_CREATED] = "created",
        [EVENT_SUBSCRIBED] = "subscribed",
        [EVENT_STARTED] = "started",
        [EVENT_PLACED] = "placed",
        [EVENT_READY] = "ready",
        [EVENT_UNHEALTHY] = "unhealthy",
        [EVENT_DETACHED] = "detached",
        [EVENT_STOP_ASKED] = "stop-asked",
        [EVENT_STOP_UNANSWERED] = "stop-unanswered",
        [EVENT_PROCESS_GONE] = "process-gone",
        [EVENT_EXITED] = "exited",
        [EVENT_LEFT] = "left",
        [EVENT_DISCARDED] = "discarded",
        [EVENT_FAILED] = "failed",
        [EVENT_TIMED_OUT] = "timed-out",
    };

    return names[event];
}

const char *life_cycle_action_name(Action action)
{
    static const char *const names[ACTION_COUNT_] = {
        "note-timeout",
        "look",
        "clear",
        "pull",
        "create",
        "subscribe",
        "start",
        "place",
        "settle",
        "announce",
        "stop",
        "signal",
        "kill",
        "reap",
        "leave",
        "discard",
        "hand-over",
        "end",
    };

    return names[__builtin_ctz((unsigned)action)];
}
