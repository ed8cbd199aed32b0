/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Long random walks through the health machine: beside each, a model keeps Docker's rules in their
 * plainest form (a list of all results), and what must hold is checked after each step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "health/health.h"

#define WALKS 3000
#define STEPS 400
#define START 77777777ULL

typedef struct Walk {
    uint64_t random;
    uint64_t now;
    uint64_t paused_for; /* in all, up to now or to the present pause */
    Health health;
    HealthConfig config;
    bool paused;
    /* the model */
    HealthStatus status;
    unsigned streak;
    unsigned results;
    int codes[5]; /* newest first */
    uint64_t requested;
    bool overdue;
} Walk;

static uint64_t below(Walk *walk, uint64_t n)
{
    walk->random = walk->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (walk->random >> 20) % n;
}

/* Of the container, whose time stands still in a pause. */
static uint64_t age(const Walk *walk, uint64_t when)
{
    return when - START - walk->paused_for;
}

static void model_result(Walk *walk, uint64_t began_at_age, int code)
{
    memmove(walk->codes + 1, walk->codes, 4 * sizeof(int));
    walk->codes[0] = code;
    walk->results++;
    if (code == 0) {
        walk->status = HEALTH_HEALTHY;
        walk->streak = 0;
    } else if (walk->status != HEALTH_STARTING || began_at_age >= walk->config.start_period_usec) {
        walk->streak++;
        if (walk->streak >= walk->config.retries)
            walk->status = HEALTH_UNHEALTHY;
    }
}

static void check(const Walk *walk)
{
    const Health *health = &walk->health;
    const HealthRecord *record = &health->record;
    const HealthConfig *config = &walk->config;
    HealthNext next = health_next(health);
    uint64_t longest_wait = config->interval_usec > config->start_interval_usec
            ? config->interval_usec
            : config->start_interval_usec;

    assert_int_equal(record->status, walk->status);
    assert_int_equal(record->failing_streak, walk->streak);
    assert_int_equal(record->status == HEALTH_UNHEALTHY, record->failing_streak >= config->retries);
    assert_int_equal(record->n_results, walk->results < 5 ? walk->results : 5);
    for (size_t i = 0; i < record->n_results; i++)
        assert_int_equal(record->results[record->n_results - 1 - i].exit_code, walk->codes[i]);

    assert_int_equal(next.action == HEALTH_WAIT, next.at_usec == USEC_INFINITY);
    if (walk->paused || walk->overdue)
        assert_int_equal(next.action, HEALTH_WAIT);
    else if (walk->requested == 0)
        assert_int_equal(next.action, HEALTH_RUN_PROBE);
    else
        assert_true(next.action == HEALTH_KILL_PROBE || next.action == HEALTH_START_FAILED);
    /* Nobody is ever late here: what is due is done before the clock goes on. */
    if (next.action != HEALTH_WAIT) {
        assert_true(next.at_usec >= walk->now);
        if (next.action == HEALTH_RUN_PROBE)
            assert_true(next.at_usec <= walk->now + longest_wait);
        else
            assert_true(next.at_usec <= walk->now + config->timeout_usec + HEALTH_PROBE_START_USEC);
    }
    if (walk->paused)
        assert_false(health_is_stale(health, walk->now));
}

static void end(Walk *walk, int code)
{
    const ProbeEnd probe = { below(walk, UINT32_MAX), below(walk, UINT32_MAX), code, "x",
        below(walk, 2) };
    HealthStatus before = walk->status;
    bool changed = health_probe_ended(&walk->health, walk->now, &probe);

    if (walk->requested != 0 && !walk->paused) {
        model_result(walk, walk->requested - 1, walk->overdue ? -1 : code);
        assert_false(health_is_stale(&walk->health, walk->now));
    }
    walk->requested = 0;
    walk->overdue = false;
    assert_int_equal(changed, walk->status != before);
}

static void outside(Walk *walk, int code)
{
    const ProbeEnd probe = { 1, 2, code, "", 0 };
    HealthNext before = health_next(&walk->health), after;

    (void)health_result(&walk->health, walk->now, walk->now, &probe);
    if (!walk->paused)
        model_result(walk, age(walk, walk->now), code);
    after = health_next(&walk->health);
    assert_int_equal(before.action, after.action);
    assert_true(before.at_usec == after.at_usec);
}

static void pause_or_resume(Walk *walk, uint64_t for_usec)
{
    HealthNext before = health_next(&walk->health), after;

    if (walk->paused) {
        health_resume(&walk->health, walk->now);
        walk->paused = false;
        return;
    }
    health_pause(&walk->health, walk->now);
    health_resume(&walk->health, walk->now + for_usec);
    after = health_next(&walk->health);
    assert_int_equal(before.action, after.action);
    if (after.action != HEALTH_WAIT)
        assert_true(after.at_usec == before.at_usec + for_usec);
    walk->now += for_usec;
    walk->paused_for += for_usec;
    if (below(walk, 2)) {
        health_pause(&walk->health, walk->now);
        walk->paused = true;
        /* What ends at this very moment still counts. */
        walk->now++;
        walk->paused_for++;
    }
}

static void go_on(Walk *walk)
{
    HealthNext next = health_next(&walk->health);
    uint64_t to = walk->now + below(walk, 40 * USEC_PER_SEC);

    if (!walk->paused && next.at_usec < to)
        to = next.at_usec;
    if (walk->paused)
        walk->paused_for += to - walk->now;
    walk->now = to;
    if (to != next.at_usec)
        return;
    if (next.action == HEALTH_RUN_PROBE) {
        health_probe_requested(&walk->health, to);
        walk->requested = age(walk, to) + 1;
    } else {
        health_probe_timed_out(&walk->health);
        walk->overdue = true;
    }
}

static void step(Walk *walk)
{
    switch (below(walk, 12)) {
    case 0:
        health_probe_started(&walk->health, walk->now);
        break;
    case 1:
    case 2:
        end(walk, 0);
        break;
    case 3:
    case 4:
        end(walk, (int)below(walk, 256));
        break;
    case 5:
        if (below(walk, 4) == 0)
            outside(walk, (int)below(walk, 3));
        break;
    case 6:
        if (below(walk, 4) == 0 || walk->paused)
            pause_or_resume(walk, below(walk, 100 * USEC_PER_SEC));
        break;
    case 7:
        if (below(walk, 8) == 0) {
            walk->streak = 0;
            walk->status = HEALTH_STARTING;
            (void)health_reset(&walk->health, walk->now);
        }
        break;
    case 8:
        if (below(walk, 8) == 0) {
            health_probe_cancelled(&walk->health, walk->now);
            walk->requested = 0;
            walk->overdue = false;
        }
        break;
    default:
        go_on(walk);
    }
}

static void test_walks(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < WALKS; i++) {
        static Walk walk;

        walk = (Walk){ .random = i + 1, .now = START, .status = HEALTH_STARTING };
        walk.config = (HealthConfig){ .has_check = true,
            .interval_usec = 1 + below(&walk, 20 * USEC_PER_SEC),
            .timeout_usec = 1 + below(&walk, 20 * USEC_PER_SEC),
            .start_period_usec = below(&walk, 2) * below(&walk, 200 * USEC_PER_SEC),
            .start_interval_usec = 1 + below(&walk, 40 * USEC_PER_SEC),
            .retries = 1 + (unsigned)below(&walk, 5) };
        health_init(&walk.health, &walk.config, START, START);
        for (unsigned n = 0; n < STEPS; n++) {
            check(&walk);
            step(&walk);
        }
        check(&walk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks),
    };

    return cmocka_run_group_tests_name("health walk", tests, NULL, NULL);
}
