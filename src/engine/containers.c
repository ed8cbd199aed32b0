/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "engine/call.h"
#include "engine/target.h"

/* The engine's own limit is a file name's; what is not a name or an ID must not reach a URL, where
 * "" or ".." would be another resource. */
#define NAME_MAX_SIZE 255U

static bool is_container(const char *name)
{
    return *name && *name != '.' && strlen(name) <= NAME_MAX_SIZE;
}

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

    if (!is_container(container))
        return -EINVAL;
    request.target = target_new("/containers/", container, false, "/json");
    return call_start_simple(engine, &request, handler, userdata, ret_call);
}

/* The ID goes into paths, of the engine's and of the kernel's: nothing but letters and digits. */
static int check_created(JsonValue *body, char **ret_message)
{
    const char *id = json_member_string(body, "Id", "");

    (void)ret_message;
    if (!is_container(id))
        return -EBADMSG;
    for (; *id; id++)
        if (!isalnum((unsigned char)*id))
            return -EBADMSG;
    return 0;
}

int engine_create(Engine *engine, const char *name, const char *platform, JsonValue *body,
        EngineHandler handler, void *userdata, EngineCall **ret_call)
{
    _cleanup_free_ char *target = strdup("/containers/create");
    CallRequest request = { .kind = CALL_BODY,
        .method = "POST",
        .body = body,
        .timeout_usec = USEC_INFINITY,
        .check_body = check_created };

    if (target_add(&target, "name", name) < 0 || target_add(&target, "platform", platform) < 0)
        return -ENOMEM;
    request.target = TAKE_PTR(target);
    return call_start_simple(engine, &request, handler, userdata, ret_call);
}

int engine_start(Engine *engine, const char *container, EngineHandler handler, void *userdata,
        EngineCall **ret_call)
{
    if (!is_container(container))
        return -EINVAL;
    return act(engine, "POST", target_new("/containers/", container, false, "/start"), handler,
            userdata, ret_call);
}

int engine_stop(Engine *engine, const char *container, int grace_sec, EngineHandler handler,
        void *userdata, EngineCall **ret_call)
{
    _cleanup_free_ char *target = NULL;
    char seconds[16];

    if (!is_container(container))
        return -EINVAL;
    target = target_new("/containers/", container, false, "/stop");
    (void)snprintf(seconds, sizeof(seconds), "%d", grace_sec);
    if (target_add(&target, "t", grace_sec < 0 ? NULL : seconds) < 0)
        return -ENOMEM;
    return act(engine, "POST", TAKE_PTR(target), handler, userdata, ret_call);
}

int engine_kill(Engine *engine, const char *container, const char *signal_name,
        EngineHandler handler, void *userdata, EngineCall **ret_call)
{
    _cleanup_free_ char *target = NULL;

    if (!is_container(container))
        return -EINVAL;
    target = target_new("/containers/", container, false, "/kill");
    if (target_add(&target, "signal", signal_name) < 0)
        return -ENOMEM;
    return act(engine, "POST", TAKE_PTR(target), handler, userdata, ret_call);
}

int engine_remove(Engine *engine, const char *container, EngineHandler handler, void *userdata,
        EngineCall **ret_call)
{
    if (!is_container(container))
        return -EINVAL;
    return act(engine, "DELETE", target_new("/containers/", container, false, "?v=1&force=1"),
            handler, userdata, ret_call);
}
