/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/call.h"
#include "engine/reply_message.h"
#include "engine/target.h"

int engine_split_reference(const char *image, char **ret_name, char **ret_tag)
{
    _cleanup_free_ char *name = NULL, *tag = NULL;
    const char *at = strchrnul(image, '@'), *slash, *colon;

    /* A colon before the last slash belongs to a registry's port. */
    slash = memrchr(image, '/', (size_t)(at - image));
    colon = memchr(slash ? slash : image, ':', (size_t)(at - (slash ? slash : image)));

    name = strndup(image, (size_t)((colon ? colon : at) - image));
    /* A digest says more than the tag beside it. */
    tag = *at ? strdup(at + 1) : strdup(colon ? colon + 1 : "latest");
    if (!name || !tag)
        return -ENOMEM;
    if (!*name || !*tag)
        return -EINVAL;

    *ret_name = TAKE_PTR(name);
    *ret_tag = TAKE_PTR(tag);
    return 0;
}

/* 200 is sent before the registry is asked: what it says then comes as one more item. */
static int check_progress(JsonValue *item, char **ret_message)
{
    const char *text = json_member_string(json_value_get(item, "errorDetail"), "message", NULL);

    if (!text)
        text = json_member_string(item, "error", NULL);
    if (!text)
        return 0;
    *ret_message = reply_message(500, text, strlen(text));
    return -EREMOTEIO;
}

int engine_pull(Engine *engine, const char *image, const char *platform, const EngineStream *stream,
        EngineCall **ret_call)
{
    const CallHandlers handlers = { .on_open = stream->on_open,
        .on_item = stream->on_item,
        .on_end = stream->on_end,
        .userdata = stream->userdata };
    _cleanup_free_ char *target = strdup("/images/create"), *name = NULL, *tag = NULL;
    CallRequest request = { .kind = CALL_ITEMS,
        .method = "POST",
        .timeout_usec = USEC_INFINITY,
        .check_item = check_progress };
    int r;

    r = engine_split_reference(image, &name, &tag);
    if (r < 0)
        return r;
    if (target_add(&target, "fromImage", name) < 0 || target_add(&target, "tag", tag) < 0 ||
            target_add(&target, "platform", platform) < 0)
        return -ENOMEM;
    request.target = TAKE_PTR(target);
    return call_start(engine, &request, &handlers, ret_call);
}
