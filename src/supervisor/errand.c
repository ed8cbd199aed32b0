/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/errand.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

static void ping(Errand *errand);

void errand_end(Errand *errand, int exit_code)
{
    errand->exit_code = exit_code;
    (void)sd_event_exit(errand->event, 0);
}

void errand_fail(Errand *errand, const char *what, const EngineReply *reply)
{
    log_error("cannot %s: %s", what, reply->message);
    errand_end(errand, reply->error != 0 ? EXIT_UNAVAILABLE : EXIT_ENGINE);
}

void errand_check(Errand *errand, int r, const char *what)
{
    if (r >= 0)
        return;
    log_error("cannot %s: %s", what, strerror(-r));
    errand_end(errand, EXIT_ENGINE);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    ping(userdata);
    return 0;
}

static void on_pinged(const EngineReply *reply, void *userdata)
{
    Errand *errand = userdata;
    uint64_t now = 0;

    if (engine_reply_ok(reply)) {
        errand->on_connected(errand);
        return;
    }
    (void)sd_event_now(errand->event, CLOCK_MONOTONIC, &now);
    if (now >= errand->until_usec || reply->error == -EPROTONOSUPPORT || reply->error == -EACCES) {
        log_error("cannot speak to the engine at %s: %s", engine_host(errand->engine),
                reply->message);
        errand_end(errand, reply->error == -EPROTONOSUPPORT ? EXIT_ENGINE : EXIT_UNAVAILABLE);
        return;
    }
    errand->again = sd_event_source_disable_unref(errand->again);
    errand_check(errand,
            sd_event_add_time_relative(errand->event, &errand->again, CLOCK_MONOTONIC,
                    PING_AGAIN_USEC, 0, on_again, errand),
            "speak to the engine");
}

static void ping(Errand *errand)
{
    errand_check(errand, engine_ping(errand->engine, PING_TIMEOUT_USEC, on_pinged, errand, NULL),
            "speak to the engine");
}

int errand_run(Errand *errand, const Options *options, uint64_t wait_usec,
        void (*on_connected)(Errand *errand))
{
    _cleanup_free_ char *message = NULL;
    uint64_t now = 0;
    int r;

    errand->options = options;
    errand->on_connected = on_connected;
    errand->exit_code = EXIT_ENGINE;

    r = sd_event_new(&errand->event);
    if (r < 0) {
        log_error("cannot set up the event loop: %s", strerror(-r));
        return EXIT_ENGINE;
    }
    r = engine_new(errand->event, options->host, &errand->engine, &message);
    if (r < 0) {
        log_error("%s", message ? message : strerror(-r));
        errand->event = sd_event_unref(errand->event);
        return r == -EINVAL ? EXIT_USAGE : EXIT_ENGINE;
    }

    (void)sd_event_now(errand->event, CLOCK_MONOTONIC, &now);
    errand->until_usec = now + wait_usec;
    if (errand->on_begin)
        errand->on_begin(errand);
    ping(errand);
    r = sd_event_loop(errand->event);
    if (r < 0)
        log_error("the event loop failed: %s", strerror(-r));

    if (errand->on_end)
        errand->on_end(errand);
    errand->again = sd_event_source_disable_unref(errand->again);
    errand->engine = engine_free(errand->engine);
    errand->event = sd_event_unref(errand->event);
    return errand->exit_code;
}
