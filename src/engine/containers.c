/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/call.h"
#include "engine/target.h"

/* POST or DELETE, which the engine answers with a status. */
static int act(Engine *engine, const char *method, char *target, EngineHandler handler,
        void *userdata, EngineCall **ret_call)
{
    const CallRequest request = {
        .kind = CALL_STATUS, .method = method, .target = target, .timeout_usec = USEC_INFINITY
    };

    return call_start_simple(engine, &request, handler, userdata, ret_call);
}

int engine_inspect(Engine *engine, const char *container, uint64_t timeout_usec,
        EngineHandler handler, void *userdata, EngineCall **ret_call)
{
    CallRequest request = { .kind = CALL_BODY, .method = "GET", .timeout_usec = timeout_usec };
    int r;

    r = target_new_of_container(container, "/json", &request.target);
    if (r < 0)
        return r;
    return call_start_simple(engine, &request, handler, userdata, ret_call);
}

int engine_create(Engine *engine, const char *name, const char *platform, JsonValue *body,
        EngineHandler handler, void *userdata, EngineCall **ret_call)
{
    _cleanup_free_ char *target = strdup("/containers/create");
    CallRequest request = { .kind = CALL_BODY,
        .method = "POST",
        .body = body,
        .timeout_usec = USEC_INFINITY,
        .check_body = call_check_created };

    if (target_add(&target, "name", name) < 0 || target_add(&target, "platform", platform) < 0)
        return -ENOMEM;
    request.target = TAKE_PTR(target);
    return call_start_simple(engine, &request, handler, userdata, ret_call);
}

int engine_start(Engine *engine, const char *container, EngineHandler handler, void *userdata,
        EngineCall **ret_call)
{
    char *target;
    int r;

    r = target_new_of_container(container, "/start", &target);
    if (r < 0)
        return r;
    return act(engine, "POST", target, handler, userdata, ret_call);
}

int engine_stop(Engine *engine, const char *container, int grace_sec, EngineHandler handler,
        void *userdata, EngineCall **ret_call)
{
    _cleanup_free_ char *target = NULL;
    char seconds[16];
    int r;

    r = target_new_of_container(container, "/stop", &target);
    if (r < 0)
        return r;
    (void)snprintf(seconds, sizeof(seconds), "%d", grace_sec);
    r = target_add(&target, "t", grace_sec < 0 ? NULL : seconds);
    if (r < 0)
        return r;
    return act(engine, "POST", TAKE_PTR(target), handler, userdata, ret_call);
}

int engine_kill(Engine *engine, const char *container, const char *signal_name,
        EngineHandler handler, void *userdata, EngineCall **ret_call)
{
    _cleanup_free_ char *target = NULL;
    int r;

    r = target_new_of_container(container, "/kill", &target);
    if (r < 0)
        return r;
    r = target_add(&target, "signal", signal_name);
    if (r < 0)
        return r;
    return act(engine, "POST", TAKE_PTR(target), handler, userdata, ret_call);
}

int engine_remove(Engine *engine, const char *container, unsigned flags, EngineHandler handler,
        void *userdata, EngineCall **ret_call)
{
    static const char *const queries[] = { "", "?force=1", "?v=1", "?v=1&force=1" };
    char *target;
    int r;

    r = target_new_of_container(
            container, queries[flags & (ENGINE_REMOVE_FORCE | ENGINE_REMOVE_VOLUMES)], &target);
    if (r < 0)
        return r;
    return act(engine, "DELETE", target, handler, userdata, ret_call);
}
