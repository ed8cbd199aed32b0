/* SPDX-License-Identifier: Apache-2.0 */

/* What follows from what the engine says to the making of a container. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine_rig.h"
#include "supervisor/supervision.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define REFUSED(status, message) "HTTP/1.1 " status " x\r\n\r\n{\"message\":\"" message "\"}"
#define OTHER_PLATFORM                                                               \
    REFUSED("404",                                                                   \
            "image with reference app:1 was found but does not match the specified " \
            "platform: wanted linux/arm64, actual: linux/amd64")

static const struct {
    const char *reply;
    PullPolicy pull;
    bool pulled;
    Event event;
} creations[] = {
    { "HTTP/1.1 201 x\r\n\r\n{\"Id\":\"" ID "\"}", PULL_MISSING, false, EVENT_CREATED },
    { REFUSED("404", "No such image: app:1"), PULL_MISSING, false, EVENT_IMAGE_WANTED },
    { REFUSED("404", "No such image: app:1"), PULL_NEVER, false, EVENT_FAILED },
    { REFUSED("404", "No such image: app:1"), PULL_ALWAYS, true, EVENT_FAILED },
    { OTHER_PLATFORM, PULL_MISSING, false, EVENT_IMAGE_WANTED },
    { OTHER_PLATFORM, PULL_MISSING, true, EVENT_FAILED },
    { OTHER_PLATFORM, PULL_NEVER, false, EVENT_FAILED },
    { REFUSED("404",
              "image with reference app:1 was found but does not provide the specified "
              "platform (linux/arm64)"),
            PULL_MISSING, false, EVENT_IMAGE_WANTED },
    { REFUSED("404",
              "image with reference app:1 was found but its platform (linux/amd64) does "
              "not match the specified platform (linux/arm64)"),
            PULL_MISSING, false, EVENT_IMAGE_WANTED },
    { REFUSED("404",
              "The requested image's platform (linux/arm64/v8) does not match the detected "
              "host platform (linux/amd64/v4) and no specific platform was requested"),
            PULL_MISSING, false, EVENT_IMAGE_WANTED },
    /* No pull mends these. */
    { REFUSED("404", "network image not found"), PULL_MISSING, false, EVENT_FAILED },
    { REFUSED("404", "No such container: image"), PULL_MISSING, false, EVENT_FAILED },
    { REFUSED("404", "error looking up volume plugin image: plugin \\\"image\\\" not found"),
            PULL_MISSING, false, EVENT_FAILED },
    { REFUSED("400", "invalid: no such image: app:1"), PULL_MISSING, false, EVENT_FAILED },
};

/* Runs until an action reports how it went. */
static void await_report(Rig *rig, Supervisor *supervisor, Event event)
{
    for (unsigned i = 0; supervisor->reports_size == 0 && i < 100; i++)
        assert_true(sd_event_run(rig->event, 100 * USEC_PER_MSEC) >= 0);
    assert_int_equal(1, supervisor->reports_size);
    assert_string_equal(
            life_cycle_event_name(event), life_cycle_event_name(supervisor->reports[0]));
    supervisor->reporting = sd_event_source_disable_unref(supervisor->reporting);
}

static void test_creations(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(creations); i++) {
        FakeReply replies[] = {
            { .request = "POST /v1.41/containers/create?",
                    .text = creations[i].reply,
                    .end = FAKE_CLOSE },
        };
        _cleanup_json_ JsonValue *body = json_new_object();
        RunRequest request = { .pull = creations[i].pull, .body = body };
        Options options = { 0 };
        Supervisor supervisor = {
            .state = STATE_CREATING,
            .mode = CGROUP_MODE_NONE,
            .options = &options,
            .request = &request,
            .pulled = creations[i].pulled,
            .container = { .name = strdup("web"), .pidfd = -1 },
        };
        Rig rig;

        rig_open(&rig, replies, ELEMENTS(replies));
        supervisor.event = rig.event;
        supervisor.engine = rig.engine;
        action_create(&supervisor);
        await_report(&rig, &supervisor, creations[i].event);
        free(supervisor.container.name);
        free(supervisor.container.id);
        rig_close(&rig);
    }
}

static const struct {
    const char *reply; /* to the inspect; NULL: the engine is gone */
    int failure;
} subscriptions[] = {
    { REFUSED("404", "No such container: web"), EXIT_ENGINE },
    { REFUSED("500", "no"), EXIT_ENGINE },
    { "HTTP/1.1 200 OK\r\nContent-Le", EXIT_UNAVAILABLE },
    { NULL, EXIT_UNAVAILABLE },
};

static void test_subscriptions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(subscriptions); i++) {
        FakeReply replies[] = {
            { .request = "GET /v1.41/containers/" ID "/json",
                    .text = subscriptions[i].reply,
                    .end = FAKE_CLOSE },
        };
        _cleanup_free_ char *id = strdup(ID);
        Options options = { .logs = LOGS_NONE };
        Supervisor supervisor = {
            .state = STATE_SUBSCRIBING,
            .options = &options,
            .container = { .id = id, .pidfd = -1 },
        };
        Rig rig;

        rig_open(&rig, replies, ELEMENTS(replies));
        if (!subscriptions[i].reply)
            fake_engine_stop_listening(&rig.fake);
        supervisor.event = rig.event;
        supervisor.engine = rig.engine;
        action_subscribe(&supervisor);
        await_report(&rig, &supervisor, EVENT_FAILED);
        assert_int_equal(subscriptions[i].failure, supervisor.end.failure);
        supervisor.subscription = subscription_free(supervisor.subscription);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_creations),
        cmocka_unit_test(test_subscriptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
