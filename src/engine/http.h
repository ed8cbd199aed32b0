/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/1.1 with one server, on an event loop: the only place that knows
 * libcurl.
 *
 * An exchange is a request and what comes of it. Its handlers run from the
 * loop, never from inside http_start(): on_head once the final headers are
 * here, on_body for each piece, on_end exactly once, last. After
 * http_exchange_cancel() none of them runs. Handlers may start and cancel
 * exchanges, the one that they are called for included, and free the client.
 *
 * A request that is not a GET has a connection of its own: on a kept one that
 * the server closes just then, libcurl would send it a second time
 * (Curl_retry_request() does not ask for the method).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "engine/address.h"

/* Of one reply, all lines together. */
#define HTTP_HEADERS_MAX (32U << 10)

typedef struct HttpClient HttpClient;
typedef struct HttpExchange HttpExchange;

typedef struct HttpRequest {
    const char *method;
    const char *target; /* path and query, encoded */
    const char *json;   /* the body; NULL: none */
    uint64_t timeout_usec;
    bool is_idle; /* a stream that is silent for long and brings little: costs less memory */
} HttpRequest;

typedef struct HttpHandlers {
    /* Negative: ends the exchange with that error. May be NULL. */
    int (*on_head)(int status, void *userdata);
    /* At most 64 KiB at once. Negative: ends the exchange with that error. */
    int (*on_body)(const void *data, size_t size, void *userdata);
    /* `status`: 0 without a reply. `text`: what the library says of `error`, "" if that is 0 or
     * came from a handler. The exchange is gone. */
    void (*on_end)(int error, int status, const char *text, void *userdata);
    void *userdata;
} HttpHandlers;

/* Both arguments are kept by reference; `address` must outlive the client. */
int http_client_new(sd_event *event, const EngineAddress *address, HttpClient **ret);
/* Cancels every exchange. NULL is fine. Returns NULL. */
HttpClient *http_client_free(HttpClient *client);

/* 0 or a negative errno; then no handler runs. Copies what it needs. */
int http_start(HttpClient *client, const HttpRequest *request, const HttpHandlers *handlers,
        HttpExchange **ret);
/* For on_head: the header's last value, or NULL. Borrowed until the handler returns. */
const char *http_exchange_header(HttpExchange *exchange, const char *name);
/* While paused, on_body does not run and the socket is not read. */
void http_exchange_pause(HttpExchange *exchange, bool paused);
/* NULL is fine. Returns NULL. */
HttpExchange *http_exchange_cancel(HttpExchange *exchange);
