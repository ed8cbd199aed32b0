/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/life_cycle.h"

/* States in which the container may run. */
static bool may_run(State state)
{
    switch (state) {
    case STATE_ADOPTING:
    case STATE_STARTING:
    case STATE_HALTING:
    case STATE_PLACING:
    case STATE_SETTLING:
    case STATE_RUNNING:
    case STATE_STOPPING:
    case STATE_KILLING:
    case STATE_REAPING:
        return true;
    default:
        return false;
    }
}

/* States that follow a stop or an end: nothing leads back from them. */
static bool is_going_down(State state)
{
    switch (state) {
    case STATE_CANCELLING:
    case STATE_HALTING:
    case STATE_STOPPING:
    case STATE_KILLING:
    case STATE_REAPING:
    case STATE_LEAVING:
    case STATE_DISCARDING:
    case STATE_ENDED:
        return true;
    default:
        return false;
    }
}

static void test_every_pair_leads_to_a_state(void **unused)
{
    (void)unused;
    for (State state = 0; state < STATE_COUNT_; state++)
        for (Event event = 0; event < EVENT_COUNT_; event++) {
            Transition t = life_cycle_next(state, event);

            assert_in_range(t.state, 0, STATE_COUNT_ - 1);
            assert_int_equal(t.actions >> ACTION_COUNT_, 0);
        }
}

static void test_every_state_is_reached(void **unused)
{
    bool reached[STATE_COUNT_] = { [STATE_CONNECTING] = true };
    bool grew = true;

    (void)unused;
    while (grew) {
        grew = false;
        for (State state = 0; state < STATE_COUNT_; state++)
            for (Event event = 0; reached[state] && event < EVENT_COUNT_; event++) {
                State next = life_cycle_next(state, event).state;

                grew = grew || !reached[next];
                reached[next] = true;
            }
    }
    for (State state = 0; state < STATE_COUNT_; state++)
        if (!reached[state])
            fail_msg("nothing leads to %s", life_cycle_state_name(state));
}

static void test_the_end_is_the_end(void **unused)
{
    (void)unused;
    for (Event event = 0; event < EVENT_COUNT_; event++) {
        Transition t = life_cycle_next(STATE_ENDED, event);

        assert_int_equal(t.state, STATE_ENDED);
        assert_int_equal(t.actions, 0);
    }
}

/* A stop that was asked for is never forgotten, whatever else happens. */
static void test_nothing_leads_back_up(void **unused)
{
    (void)unused;
    for (State state = 0; state < STATE_COUNT_; state++)
        for (Event event = 0; is_going_down(state) && event < EVENT_COUNT_; event++) {
            State next = life_cycle_next(state, event).state;

            if (!is_going_down(next))
                fail_msg("%s + %s leads back to %s", life_cycle_state_name(state),
                        life_cycle_event_name(event), life_cycle_state_name(next));
        }
}

/* The states that last until something outside ends them have no deadline after a stop: there must
 * be none. So: TERM once, then nothing but deadlines, and the end is reached. */
static void test_term_reaches_the_end_from_every_state(void **unused)
{
    (void)unused;
    for (State from = 0; from < STATE_COUNT_; from++) {
        State state = life_cycle_next(from, EVENT_STOP_ASKED).state;
        unsigned steps = 0;

        for (; state != STATE_ENDED && steps < STATE_COUNT_; steps++)
            state = life_cycle_next(state, EVENT_TIMED_OUT).state;
        if (state != STATE_ENDED)
            fail_msg("TERM in %s ends in %s", life_cycle_state_name(from),
                    life_cycle_state_name(state));
    }
}

/* On every way down, whatever the events: no cycle but staying where one is, and a deadline leads
 * out of each state. */
static void test_every_way_down_is_finite(void **unused)
{
    (void)unused;
    for (State state = 0; state < STATE_COUNT_; state++) {
        if (!is_going_down(state) || state == STATE_ENDED)
            continue;
        assert_int_not_equal(life_cycle_next(state, EVENT_TIMED_OUT).state, state);
        for (Event event = 0; event < EVENT_COUNT_; event++) {
            State next = life_cycle_next(state, event).state;
            bool visited[STATE_COUNT_] = { false };

            /* Depth first along deadlines: coming back to `state` would be a cycle. */
            while (next != state && next != STATE_ENDED && !visited[next]) {
                visited[next] = true;
                next = life_cycle_next(next, EVENT_TIMED_OUT).state;
            }
            assert_true(next == STATE_ENDED || next == state);
            if (next == state)
                assert_int_equal(life_cycle_next(state, event).state, state);
        }
    }
}

/* Whoever may run is stopped, killed, waited for or handed over before the end. */
static void test_no_running_container_is_forgotten(void **unused)
{
    (void)unused;
    for (State state = 0; state < STATE_COUNT_; state++)
        for (Event event = 0; event < EVENT_COUNT_; event++) {
            Transition t = life_cycle_next(state, event);

            if (!may_run(state) || t.state != STATE_ENDED)
                continue;
            if (!(t.actions & ACTION_HAND_OVER))
                fail_msg("%s + %s ends with the container running", life_cycle_state_name(state),
                        life_cycle_event_name(event));
        }
}

/* Each way into these states carries out what the state is about. */
static void test_states_are_entered_by_their_action(void **unused)
{
    static const struct {
        State state;
        unsigned actions;
    } needs[] = {
        { STATE_LOOKING, ACTION_LOOK },
        { STATE_CLEARING, ACTION_CLEAR },
        { STATE_PULLING, ACTION_PULL },
        { STATE_CREATING, ACTION_CREATE },
        { STATE_SUBSCRIBING, ACTION_SUBSCRIBE },
        { STATE_ADOPTING, ACTION_SUBSCRIBE },
        { STATE_STARTING, ACTION_START },
        { STATE_PLACING, ACTION_PLACE },
        { STATE_SETTLING, ACTION_SETTLE },
        { STATE_RUNNING, ACTION_ANNOUNCE },
        { STATE_STOPPING, ACTION_STOP },
        { STATE_KILLING, ACTION_KILL },
        { STATE_REAPING, ACTION_REAP },
        { STATE_LEAVING, ACTION_LEAVE },
        { STATE_DISCARDING, ACTION_DISCARD },
        { STATE_ENDED, ACTION_END | ACTION_HAND_OVER },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
        for (State state = 0; state < STATE_COUNT_; state++)
            for (Event event = 0; event < EVENT_COUNT_; event++) {
                Transition t = life_cycle_next(state, event);

                if (t.state == needs[i].state && t.state != state)
                    assert_true(t.actions & needs[i].actions);
            }
}

static void test_names_are_there(void **unused)
{
    (void)unused;
    for (State state = 0; state < STATE_COUNT_; state++)
        assert_non_null(life_cycle_state_name(state));
    for (Event event = 0; event < EVENT_COUNT_; event++)
        assert_non_null(life_cycle_event_name(event));
    for (unsigned i = 0; i < ACTION_COUNT_; i++)
        assert_non_null(life_cycle_action_name((Action)(1U << i)));
    assert_string_equal(life_cycle_action_name(ACTION_END), "end");
    assert_string_equal(life_cycle_action_name(ACTION_NOTE_TIMEOUT), "note-timeout");
}

/* One start, the usual way. */
static void test_the_usual_way(void **unused)
{
    static const struct {
        Event event;
        State state;
    } steps[] = {
        { EVENT_CONNECTED, STATE_LOOKING },
        { EVENT_NAME_STALE, STATE_CLEARING },
        { EVENT_NAME_FREE, STATE_CREATING },
        { EVENT_IMAGE_WANTED, STATE_PULLING },
        { EVENT_PULLED, STATE_CREATING },
        { EVENT_CREATED, STATE_SUBSCRIBING },
        { EVENT_SUBSCRIBED, STATE_STARTING },
        { EVENT_EXITED, STATE_STARTING },
        { EVENT_STARTED, STATE_PLACING },
        { EVENT_PLACED, STATE_SETTLING },
        { EVENT_READY, STATE_RUNNING },
        { EVENT_SUBSCRIBED, STATE_RUNNING },
        { EVENT_STOP_ASKED, STATE_STOPPING },
        { EVENT_PROCESS_GONE, STATE_REAPING },
        { EVENT_EXITED, STATE_LEAVING },
        { EVENT_PROCESS_GONE, STATE_LEAVING },
        { EVENT_LEFT, STATE_ENDED },
    };
    State state = STATE_CONNECTING;

    (void)unused;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        state = life_cycle_next(state, steps[i].event).state;
        assert_string_equal(life_cycle_state_name(state), life_cycle_state_name(steps[i].state));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair_leads_to_a_state),
        cmocka_unit_test(test_every_state_is_reached),
        cmocka_unit_test(test_the_end_is_the_end),
        cmocka_unit_test(test_nothing_leads_back_up),
        cmocka_unit_test(test_term_reaches_the_end_from_every_state),
        cmocka_unit_test(test_every_way_down_is_finite),
        cmocka_unit_test(test_no_running_container_is_forgotten),
        cmocka_unit_test(test_states_are_entered_by_their_action),
        cmocka_unit_test(test_names_are_there),
        cmocka_unit_test(test_the_usual_way),
    };

    return cmocka_run_group_tests_name("life cycle", tests, NULL, NULL);
}
