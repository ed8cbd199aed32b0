/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <errno.h>
#include <string.h>

#include "base/http.h"
#include "base/parse.h"
#include "base/text.h"
#include "engine/address.h"
#include "engine/call.h"

static void engine_destroy(Engine *engine)
{
    (void)http_client_free(engine->http);
    (void)engine_address_free(engine->address);
    (void)sd_event_unref(engine->event);
    free(engine);
}

static void on_news(void *userdata)
{
    Engine *engine = userdata;

    engine->busy = true;
    while (call_take_next(engine))
        ;
    engine->busy = false;
    if (engine->released)
        engine_destroy(engine);
}

/* A type also for what has no body: nobody asks, and libcurl's own would be a form's. No
 * "100 Continue"; and docker's client sends no Accept either. */
static const char *const headers[] = { "Content-Type: application/json",
    "Expect:", "Accept:", NULL };

static int open_transport(Engine *engine, sd_event *event)
{
    const EngineAddress *address = engine->address;
    const HttpServer server = { .base_url = address->base_url,
        .socket_path = address->socket_path,
        .headers = headers,
        .ca_path = address->ca_path,
        .certificate_path = address->certificate_path,
        .key_path = address->key_path };

    return http_client_new(event, &server, on_news, engine, &engine->http);
}

int engine_new(sd_event *event, const char *host, Engine **ret, char **ret_message)
{
    Engine *engine;
    int r;

    engine = calloc(1, sizeof(Engine));
    if (!engine)
        return -ENOMEM;

    engine->event = sd_event_ref(event);
    r = engine_address_parse(host, &engine->address, ret_message);
    if (r >= 0)
        r = open_transport(engine, event);
    if (r < 0) {
        engine_destroy(engine);
        return r;
    }

    engine->api_minor = engine->address->fixed_api_minor ? engine->address->fixed_api_minor
                                                         : ENGINE_API_MINOR_MIN;
    *ret = engine;
    return 0;
}

Engine *engine_free(Engine *engine)
{
    if (!engine)
        return NULL;

    exec_free_all(engine);
    while (engine->calls)
        (void)engine_call_cancel(engine->calls);
    engine->released = true;
    if (!engine->busy)
        engine_destroy(engine);
    return NULL;
}

const char *engine_host(const Engine *engine)
{
    return engine->address->host;
}

unsigned engine_api_minor(const Engine *engine)
{
    return engine->api_minor;
}

/* The engine names the newest version that it speaks. An older one of ours may be too old for it:
 * that it says to the next call. */
static int negotiate(EngineCall *call, int status, char **ret_message)
{
    const char *version = call_header(call, "Api-Version");
    Engine *engine = call_engine(call);
    unsigned wanted = engine->address->fixed_api_minor;
    const char *minor = version ? text_after(version, "1.") : NULL;
    uint64_t theirs;

    if (status != 200)
        return 0;
    if (!minor || parse_unsigned(minor, &theirs) < 0)
        return -EBADMSG;

    if (theirs < (wanted ? wanted : ENGINE_API_MINOR_MIN)) {
        *ret_message = wanted
                ? text_format(
                          "%s speaks the Docker Engine API up to 1.%u, DOCKER_API_VERSION wants "
                          "1.%u",
                          engine->address->host, (unsigned)theirs, wanted)
                : text_format(
                          "%s speaks the Docker Engine API up to 1.%u, systemd-ctr 1.%u to 1.%u",
                          engine->address->host, (unsigned)theirs, ENGINE_API_MINOR_MIN,
                          ENGINE_API_MINOR_MAX);
        return -EPROTONOSUPPORT;
    }
    if (!wanted)
        engine->api_minor = theirs < ENGINE_API_MINOR_MAX ? (unsigned)theirs : ENGINE_API_MINOR_MAX;
    return 0;
}

int engine_ping(Engine *engine, uint64_t timeout_usec, EngineHandler handler, void *userdata,
        EngineCall **ret_call)
{
    const CallRequest request = { .kind = CALL_STATUS,
        .method = "GET",
        .target = strdup("/_ping"),
        .is_unversioned = true,
        /* An engine that goes down answers on the connections that it has. */
        .is_fresh = true,
        .timeout_usec = timeout_usec,
        .check_head = negotiate };

    return call_start_simple(engine, &request, handler, userdata, ret_call);
}

int engine_info(Engine *engine, uint64_t timeout_usec, EngineHandler handler, void *userdata,
        EngineCall **ret_call)
{
    const CallRequest request = { .kind = CALL_BODY,
        .method = "GET",
        .target = strdup("/info"),
        .is_unversioned = true,
        .timeout_usec = timeout_usec };

    return call_start_simple(engine, &request, handler, userdata, ret_call);
}
