/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/call.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "engine/frames.h"
#include "engine/json_stream.h"
#include "engine/reply_message.h"

/* Twice what engines make of it today. */
#define ID_MAX 128U

struct EngineCall {
    Engine *engine; /* NULL once it has ended or was cancelled */
    EngineCall *next;
    HttpTransfer *transfer;
    CallRequest request; /* its pointers are not ours but those to functions */
    CallHandlers handlers;
    bool busy; /* its handlers are on the stack: must not be freed under them */
    bool cancelled;
    bool opened; /* with 2xx */
    Buffer body;
    FrameReader frames;
    JsonStream items;
    char *message; /* of a check that failed */
};

static void call_free(EngineCall *call)
{
    (void)http_transfer_free(call->transfer);
    buffer_free(&call->body);
    json_stream_free(&call->items);
    free(call->message);
    free(call);
}

static void call_unlink(EngineCall *call)
{
    EngineCall **link = &call->engine->calls;

    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    call->engine = NULL;
}

EngineCall *engine_call_cancel(EngineCall *call)
{
    if (!call || call->cancelled)
        return NULL;

    call->cancelled = true;
    if (call->engine)
        call_unlink(call);
    if (!call->busy)
        call_free(call);
    return NULL;
}

void engine_call_pause(EngineCall *call, bool paused)
{
    if (call)
        http_transfer_pause(call->transfer, paused);
}

Engine *call_engine(const EngineCall *call)
{
    return call->engine;
}

const char *call_header(EngineCall *call, const char *name)
{
    return http_transfer_header(call->transfer, name);
}

static int call_take_head(EngineCall *call, int status)
{
    int r = 0;

    call->opened = status >= 200 && status < 300;
    if (call->request.check_head)
        r = call->request.check_head(call, status, &call->message);
    if (r >= 0 && call->opened && call->handlers.on_open)
        call->handlers.on_open(call->handlers.userdata);
    return r;
}

static int on_item(JsonValue *item, void *userdata)
{
    EngineCall *call = userdata;
    int r;

    if (call->request.check_item) {
        r = call->request.check_item(item, &call->message);
        if (r < 0)
            return r;
    }
    if (call->handlers.on_item)
        call->handlers.on_item(item, call->handlers.userdata);
    return call->cancelled ? -ECANCELED : 0;
}

static void on_frame(int fd, const void *data, size_t size, void *userdata)
{
    EngineCall *call = userdata;

    if (!call->cancelled)
        call->handlers.on_output(fd, data, size, call->handlers.userdata);
}

static int call_take_body(EngineCall *call, const Buffer *body)
{
    int r = 0;

    switch (call->opened ? call->request.kind : CALL_BODY) {
    case CALL_STATUS:
        break;
    case CALL_BODY:
        r = buffer_append(&call->body, body->data, body->size, ENGINE_REPLY_MAX);
        break;
    case CALL_ITEMS:
        r = json_stream_feed(&call->items, body->data, body->size, ENGINE_LINE_MAX, on_item, call);
        break;
    case CALL_FRAMES:
        r = frame_reader_feed(&call->frames, body->data, body->size, on_frame, call);
        break;
    case CALL_RAW:
        on_frame(1, body->data, body->size, call);
        break;
    }
    return r == -EFBIG ? -EBADMSG : r;
}

/* The transfer is whole; is the reply? */
static int call_complete(EngineCall *call, JsonValue **ret_body)
{
    int r;

    if (call->request.is_endless)
        return -ECONNRESET;
    switch (call->request.kind) {
    case CALL_BODY:
        /* Where the API answers late, nothing means that the engine went away. */
        if (call->body.size == 0)
            return call->request.is_idle ? -ECONNRESET : -EBADMSG;
        r = json_value_parse(call->body.data, call->body.size, ret_body);
        if (r < 0)
            return r;
        if (!json_value_is_object(*ret_body))
            return -EBADMSG;
        return call->request.check_body ? call->request.check_body(*ret_body, &call->message) : 0;
    case CALL_ITEMS:
        return json_stream_is_complete(&call->items) ? 0 : -ECONNRESET;
    case CALL_FRAMES:
        return frame_reader_is_complete(&call->frames) ? 0 : -ECONNRESET;
    default:
        return 0;
    }
}

/* `text` is the transport's. */
static void call_end(EngineCall *call, int error, int status, const char *text)
{
    EngineReply reply = { .error = error, .status = status, .message = "" };
    const char *host = call->engine->address->host;
    _cleanup_json_ JsonValue *body = NULL;
    _cleanup_free_ char *message = NULL;

    if (error == 0 && call->opened)
        reply.error = call_complete(call, &body);
    /* 304 is an answer of start and stop; all other redirections lead astray. */
    else if (error == 0 && status < 400 && status != 304)
        reply.error = -EBADMSG;
    else if (error == 0 && call->body.size > 0)
        (void)json_value_parse(call->body.data, call->body.size, &body);

    if (reply.error == -EREMOTEIO) {
        reply.error = 0;
        reply.status = 500;
    }
    if (call->message)
        message = TAKE_PTR(call->message);
    else if (reply.error < 0)
        message = reply_message_of_error(reply.error, host, text);
    else if (status >= 400)
        message = reply_message(status, call->body.data, call->body.size);
    if (message)
        reply.message = message;
    reply.body = reply.error < 0 ? NULL : body;

    call_unlink(call);
    call->handlers.on_end(&reply, call->handlers.userdata);
}

/* Handlers may cancel the call and free the engine: after them nothing is touched but the call,
 * which `busy` keeps. */
static void call_take(EngineCall *call, HttpNews *news)
{
    bool ended = news->kind == HTTP_END;
    int r = 0;

    call->busy = true;
    if (news->kind == HTTP_HEAD)
        r = call_take_head(call, news->status);
    else if (news->kind == HTTP_BODY)
        r = call_take_body(call, &news->body);
    buffer_free(&news->body);

    if (!call->cancelled && (ended || r < 0)) {
        call_end(call, ended ? news->error : r, news->status, ended ? news->text : "");
        ended = true;
    }
    call->busy = false;
    if (call->cancelled || ended)
        call_free(call);
}

bool call_take_next(Engine *engine)
{
    HttpNews news;

    for (EngineCall *each = engine->calls; each; each = each->next)
        if (http_transfer_next(each->transfer, &news) != HTTP_NOTHING) {
            call_take(each, &news);
            return true;
        }
    return false;
}

int call_start(
        Engine *engine, const CallRequest *request, const CallHandlers *handlers, EngineCall **ret)
{
    _cleanup_free_ char *path = request->target, *target = NULL;
    EngineCall *call, **link;
    HttpRequest http_request;
    int r;

    if (!path)
        return -ENOMEM;
    target = request->is_unversioned ? strdup(path)
                                     : text_format("/v1.%u%s", engine->api_minor, path);
    call = calloc(1, sizeof(EngineCall));
    if (!target || !call) {
        free(call);
        return -ENOMEM;
    }
    call->engine = engine;
    call->request = *request;
    call->handlers = *handlers;

    http_request = (HttpRequest){ .method = request->method,
        .target = target,
        .json = request->body ? json_value_format(request->body) : NULL,
        .timeout_usec = request->timeout_usec,
        .is_fresh = request->is_fresh,
        .is_idle = request->is_idle };
    r = http_transfer_new(engine->http, &http_request, &call->transfer);
    if (r < 0) {
        call_free(call);
        return r;
    }

    for (link = &engine->calls; *link;)
        link = &(*link)->next;
    *link = call;
    if (ret)
        *ret = call;
    return 0;
}

int call_start_simple(Engine *engine, const CallRequest *request, EngineHandler handler,
        void *userdata, EngineCall **ret)
{
    const CallHandlers handlers = { .on_end = handler, .userdata = userdata };

    return call_start(engine, request, &handlers, ret);
}

int call_check_created(JsonValue *body, char **ret_message)
{
    const char *id = json_member_string(body, "Id", "");

    (void)ret_message;
    for (const char *p = id; *p; p++)
        if (!isalnum((unsigned char)*p))
            return -EBADMSG;
    return *id && strlen(id) <= ID_MAX ? 0 : -EBADMSG;
}
