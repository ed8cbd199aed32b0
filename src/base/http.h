/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/1.1 with one server, on an event loop: the only place that knows
 * libcurl.
 *
 * A transfer is a request and what comes of it. What comes is kept until it is
 * asked for, and `on_news` says when to ask: so nothing above ever runs with
 * libcurl on the stack, where its functions are out of bounds. At most 64 KiB
 * are kept; then the socket is not read.
 *
 * A request that is not a GET has a connection of its own: on a kept one that
 * the server closes just then, libcurl would send it a second time
 * (Curl_retry_request() does not ask for the method).
 *
 * A look-up of the server's name runs in a thread of libcurl's, and one that
 * hangs is left behind (before libcurl 7.87, the transfer's end waits for it).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/buffer.h"

/* Of one reply, all lines together. */
#define HTTP_HEADERS_MAX (32U << 10)

typedef struct HttpClient HttpClient;
typedef struct HttpTransfer HttpTransfer;

/* Whom a client speaks with, and how. All is borrowed for as long as the client lives. */
typedef struct HttpServer {
    const char *base_url;       /* "http://localhost": what stands before a request's target */
    const char *socket_path;    /* of a Unix socket; NULL: TCP */
    const char *const *headers; /* lines that each request has; ends with NULL */
    /* Of TLS, which an https:// base_url asks for. */
    bool is_unverified; /* whatever certificate the server shows */
    const char *ca_path;
    const char *certificate_path; /* NULL: we do not identify ourselves */
    const char *key_path;
    /* Hands over a connected socket, in place of those that libcurl opens; -1: there is none (any
     * more). May be NULL. */
    int (*take_socket)(void *userdata);
    void *userdata;
} HttpServer;

typedef struct HttpRequest {
    const char *method;
    const char *target; /* path and query, encoded */
    const char *json;   /* the body; NULL: none */
    uint64_t timeout_usec;
    bool is_fresh; /* on a connection of its own; what is not GET always is */
    bool is_idle;  /* a stream that is silent for long and brings little: costs less memory */
} HttpRequest;

/* In this order: at most one head, bodies, one end. */
typedef enum HttpNewsKind {
    HTTP_NOTHING,
    HTTP_HEAD, /* the final headers are here */
    HTTP_BODY,
    HTTP_END,
} HttpNewsKind;

typedef struct HttpNews {
    HttpNewsKind kind;
    int status;       /* 0 without a reply */
    Buffer body;      /* of HTTP_BODY; the caller's */
    int error;        /* of HTTP_END: 0 or why the reply is not whole */
    const char *text; /* of HTTP_END: what libcurl says of `error`, or "". The transfer's */
} HttpNews;

/* `on_news` runs from the loop when transfers may have news; in it everything may be called,
 * http_client_free() too. Takes a reference to `event`. */
int http_client_new(sd_event *event, const HttpServer *server, void (*on_news)(void *userdata),
        void *userdata, HttpClient **ret);
/* After its transfers. NULL is fine. Returns NULL. */
HttpClient *http_client_free(HttpClient *client);

/* 0 or a negative errno. Copies what it needs. */
int http_transfer_new(HttpClient *client, const HttpRequest *request, HttpTransfer **ret);
/* Gives it up if it has not ended. NULL is fine. Returns NULL. */
HttpTransfer *http_transfer_free(HttpTransfer *transfer);

/* Takes the next piece of news; HTTP_NOTHING: none is here. */
HttpNewsKind http_transfer_next(HttpTransfer *transfer, HttpNews *ret);
/* The last value of a header, or NULL. Borrowed from the transfer. */
const char *http_transfer_header(HttpTransfer *transfer, const char *name);
/* While paused, there are no news of body and end; so the socket is soon not read any more. */
void http_transfer_pause(HttpTransfer *transfer, bool paused);
