/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The life of one container under its unit, as data.
 *
 * A table of (state, event) -> (state, actions); a pure function reads it.
 * Whoever carries the actions out (supervisor.c and its neighbours) reports
 * what came of them as further events. A pair that is not in the table changes
 * nothing: replies that come late are such.
 *
 * The diagram in src/README.md is made from the table by `make life-cycle`.
 */

#include <stddef.h>

typedef enum State {
    STATE_CONNECTING,  /* is there an engine? */
    STATE_LOOKING,     /* who has the name? */
    STATE_CLEARING,    /* the old container of that name goes */
    STATE_PULLING,     /* the image comes */
    STATE_CREATING,    /* the create request is under way */
    STATE_CANCELLING,  /* the same, and it is to be undone */
    STATE_SUBSCRIBING, /* wait, events and output are being asked for */
    STATE_ADOPTING,    /* the same, for a container that runs already */
    STATE_STARTING,    /* the start request is under way */
    STATE_HALTING,     /* the same, and it is to be stopped at once */
    STATE_PLACING,     /* into the unit's cgroup */
    STATE_SETTLING,    /* runs, READY=1 is not due yet */
    STATE_RUNNING,
    STATE_STOPPING,   /* a stop was asked for */
    STATE_KILLING,    /* and not heeded */
    STATE_REAPING,    /* its first process is gone, its exit status is not known yet */
    STATE_LEAVING,    /* it has ended: the last output, its removal */
    STATE_DISCARDING, /* it never ran properly: what was made of it goes */
    STATE_ENDED,
    STATE_COUNT_,
} State;

typedef enum Event {
    EVENT_CONNECTED,
    EVENT_NAME_FREE,      /* nobody has the name */
    EVENT_NAME_STALE,     /* one that is to be removed has it */
    EVENT_NAME_STARTABLE, /* a stopped one has it, and --rm=false wants that one */
    EVENT_NAME_ADOPTABLE, /* one of our unit runs under it */
    EVENT_IMAGE_WANTED,   /* missing, or --pull=always */
    EVENT_PULLED,
    EVENT_CREATED,
    EVENT_SUBSCRIBED,
    EVENT_STARTED,
    EVENT_PLACED,
    EVENT_READY,     /* all that READY=1 waits for is there */
    EVENT_UNHEALTHY, /* and that is to end it (--on-unhealthy=stop) */
    EVENT_DETACHED,  /* the unit wants no resident supervisor */
    EVENT_STOP_ASKED,
    EVENT_STOP_UNANSWERED, /* the engine did not carry the stop out */
    EVENT_PROCESS_GONE,    /* says the kernel */
    EVENT_EXITED,          /* says the engine */
    EVENT_LEFT,            /* the last output is out, the container removed */
    EVENT_DISCARDED,
    EVENT_FAILED,
    EVENT_TIMED_OUT, /* the state's deadline passed */
    EVENT_COUNT_,
} Event;

/* Carried out in this order. */
typedef enum Action {
    ACTION_NOTE_TIMEOUT = 1 << 0, /* the deadline's passing is the failure */
    ACTION_LOOK = 1 << 1,
    ACTION_CLEAR = 1 << 2,
    ACTION_PULL = 1 << 3,
    ACTION_CREATE = 1 << 4,
    ACTION_SUBSCRIBE = 1 << 5,
    ACTION_START = 1 << 6,
    ACTION_PLACE = 1 << 7,
    ACTION_SETTLE = 1 << 8,
    ACTION_ANNOUNCE = 1 << 9, /* READY=1 */
    ACTION_STOP = 1 << 10,    /* ask the engine */
    ACTION_SIGNAL = 1 << 11,  /* send the stop signal ourselves */
    ACTION_KILL = 1 << 12,
    ACTION_REAP = 1 << 13,
    ACTION_LEAVE = 1 << 14,
    ACTION_DISCARD = 1 << 15,
    ACTION_HAND_OVER = 1 << 16, /* to systemd, which goes on without us */
    ACTION_END = 1 << 17,
} Action;
#define ACTION_COUNT_ 18

typedef struct Transition {
    State state;
    unsigned actions; /* of Action */
} Transition;

/* Where `event` leads from `state`; {state, 0} when it means nothing there. */
Transition life_cycle_next(State state, Event event);

/* "running", "stop-asked", "announce": for messages and for the diagram. Static. */
const char *life_cycle_state_name(State state);
const char *life_cycle_event_name(Event event);
const char *life_cycle_action_name(Action action);
