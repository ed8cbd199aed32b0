/* SPDX-License-Identifier: Apache-2.0 */

/* The calls that go on while a container lives. */

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/call.h"
#include "engine/target.h"

static CallHandlers handlers_of(const EngineStream *stream)
{
    return (CallHandlers){ .on_open = stream->on_open,
        .on_item = stream->on_item,
        .on_end = stream->on_end,
        .userdata = stream->userdata };
}

/* Since API 1.30 the headers come at once, and the body when the container has ended. */
static int check_waited(JsonValue *body, char **ret_message)
{
    (void)ret_message;
    return json_member_integer(body, "StatusCode", INT64_MIN) == INT64_MIN ? -EBADMSG : 0;
}

int engine_wait(Engine *engine, const char *container, const char *condition,
        const EngineStream *stream, EngineCall **ret_call)
{
    _cleanup_free_ char *target = NULL;
    const CallHandlers handlers = handlers_of(stream);
    CallRequest request = { .kind = CALL_BODY,
        .method = "POST",
        .timeout_usec = USEC_INFINITY,
        .is_idle = true,
        .check_body = check_waited };
    int r;

    r = target_new_of_container(container, "/wait", &target);
    if (r < 0)
        return r;
    r = target_add(&target, "condition", condition);
    if (r < 0)
        return r;
    request.target = TAKE_PTR(target);
    return call_start(engine, &request, &handlers, ret_call);
}

static char *format_filters(const char *container, const char *const *actions)
{
    _cleanup_json_ JsonValue *filters = json_new_object();
    JsonValue *events = json_need_array(filters, "event");

    if (json_append_string(json_need_array(filters, "type"), "container") < 0 ||
            json_append_string(json_need_array(filters, "container"), container) < 0 || !events)
        return NULL;
    for (; *actions; actions++)
        if (json_append_string(events, *actions) < 0)
            return NULL;
    return strdup(json_value_format(filters));
}

int engine_events(Engine *engine, const char *container, const char *const *actions,
        const EngineStream *stream, EngineCall **ret_call)
{
    _cleanup_free_ char *filters = format_filters(container, actions), *target = strdup("/events");
    const CallHandlers handlers = handlers_of(stream);
    CallRequest request = { .kind = CALL_ITEMS,
        .method = "GET",
        .timeout_usec = USEC_INFINITY,
        .is_idle = true,
        .is_endless = true };

    if (!filters || target_add(&target, "filters", filters) < 0)
        return -ENOMEM;
    request.target = TAKE_PTR(target);
    return call_start(engine, &request, &handlers, ret_call);
}

int engine_attach(Engine *engine, const char *container, bool tty, const EngineOutput *output,
        EngineCall **ret_call)
{
    const CallHandlers handlers = { .on_open = output->on_open,
        .on_output = output->on_output,
        .on_end = output->on_end,
        .userdata = output->userdata };
    CallRequest request = {
        .kind = tty ? CALL_RAW : CALL_FRAMES, .method = "POST", .timeout_usec = USEC_INFINITY
    };
    int r;

    r = target_new_of_container(container, "/attach?stream=1&stdout=1&stderr=1", &request.target);
    if (r < 0)
        return r;
    return call_start(engine, &request, &handlers, ret_call);
}
