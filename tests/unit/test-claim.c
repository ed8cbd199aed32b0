/* SPDX-License-Identifier: Apache-2.0 */

/* What follows from what the engine says of the removal of an old container. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine_rig.h"
#include "supervisor/supervision.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define REPLY(status, size, message) \
    "HTTP/1.1 " status " x\r\nContent-Length: " size "\r\n\r\n" message

static const struct {
    const char *reply;
    Event event;
} removals[] = {
    { REPLY("204", "0", ""), EVENT_NAME_FREE },
    { REPLY("404", "2", "{}"), EVENT_NAME_FREE },
    { REPLY("500", "2", "{}"), EVENT_FAILED },
    /* By --rm of the last run: the reply to our wait says when it is over. */
    { REPLY("409", "61", "{\"message\":\"removal of container web is already in progress\"}"),
            EVENT_NAME_FREE },
    /* Somebody started it since we looked; the words of Docker 20.10 and 28. */
    { REPLY("409", "117",
              "{\"message\":\"You cannot remove a running container web. Stop the container before "
              "attempting removal or force remove\"}"),
            EVENT_NAME_STALE },
    { REPLY("409", "119",
              "{\"message\":\"cannot remove container \\\"web\\\": container is running: stop the "
              "container before removing or force remove\"}"),
            EVENT_NAME_STALE },
};

static void check_removal(const char *text, Event event)
{
    FakeReply replies[] = {
        { .request = "DELETE ", .text = text },
        { .request = "POST ", .text = REPLY("200", "16", "{\"StatusCode\":0}") },
    };
    _cleanup_free_ char *id = strdup(ID), *name = strdup("web");
    RunRequest request = { 0 };
    Supervisor supervisor = {
        .state = STATE_CLEARING,
        .request = &request,
        .container = { .name = name, .id = id, .pidfd = -1 },
    };
    Rig rig;

    rig_open(&rig, replies, ELEMENTS(replies));
    supervisor.event = rig.event;
    supervisor.engine = rig.engine;
    action_clear(&supervisor);
    for (unsigned i = 0; supervisor.reports_size == 0 && i < 100; i++)
        assert_true(sd_event_run(rig.event, 100 * USEC_PER_MSEC) >= 0);
    assert_int_equal(1, supervisor.reports_size);
    assert_string_equal(life_cycle_event_name(event), life_cycle_event_name(supervisor.reports[0]));
    supervisor.pause = sd_event_source_disable_unref(supervisor.pause);
    rig_close(&rig);
}

static void test_removals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(removals); i++)
        check_removal(removals[i].reply, removals[i].event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
