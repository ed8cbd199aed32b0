/* SPDX-License-Identifier: Apache-2.0 */

/* An engine whose name nobody resolves: the loop does not wait for that. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>

#include "engine_rig.h"

#define LOOK_UP_SECONDS 30
#define SOON_USEC (100 * USEC_PER_MSEC)

static atomic_uint look_ups;

/* In place of libc's, for libcurl too: as when a DNS server does not answer. */
int getaddrinfo(
        const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    (void)name;
    (void)service;
    (void)hints;
    (void)ret;
    atomic_fetch_add(&look_ups, 1);
    (void)sleep(LOOK_UP_SECONDS);
    return EAI_AGAIN;
}

static void open_named(Rig *rig)
{
    char *message = NULL;

    *rig = (Rig){ 0 };
    atomic_store(&look_ups, 0);
    assert_true(sd_event_new(&rig->event) >= 0);
    assert_int_equal(
            0, engine_new(rig->event, "tcp://engine.example:2375", &rig->engine, &message));
    assert_null(message);
}

static void close_named(Rig *rig)
{
    rig->engine = engine_free(rig->engine);
    rig->event = sd_event_unref(rig->event);
}

static void test_timeout(void **state)
{
    uint64_t start = now_usec();
    Seen seen = { 0 };
    Rig rig;

    (void)state;
    open_named(&rig);
    assert_int_equal(0, engine_ping(rig.engine, SOON_USEC, on_seen_end, &seen, &seen.call));
    rig_run_until(&rig, &seen.ends, 1);
    assert_int_equal(-ETIMEDOUT, seen.error);
    assert_int_equal(1, atomic_load(&look_ups));
    seen_clear(&seen);
    close_named(&rig);
    assert_true(now_usec() - start < RIG_PATIENCE_USEC);
}

static void test_cancel(void **state)
{
    uint64_t start = now_usec();
    EngineCall *call;
    Rig rig;

    (void)state;
    open_named(&rig);
    assert_int_equal(0, engine_ping(rig.engine, USEC_INFINITY, on_unwanted_end, NULL, &call));
    while (atomic_load(&look_ups) == 0 && now_usec() - start < RIG_PATIENCE_USEC)
        assert_true(sd_event_run(rig.event, SOON_USEC) >= 0);
    assert_int_equal(1, atomic_load(&look_ups));
    assert_null(engine_call_cancel(call));
    rig_run_idle(&rig, SOON_USEC);
    close_named(&rig);
    assert_true(now_usec() - start < RIG_PATIENCE_USEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_cancel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
