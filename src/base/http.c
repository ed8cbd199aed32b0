/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/poll.h"
#include "base/text.h"
#include "base/tls_library.h"

/* Of all connections, busy ones included: wait, events, attach and one kept for the next call. */
#define CONNECTIONS_MAX 4L
/* Some versions of libcurl read many times before they return. */
#define INBOX_MAX ((size_t)64 << 10)
/* Timers of twelve days and more are those that we switched off by such a time. */
#define NEVER_MSEC (INT_MAX / 2L)
/* The least that libcurl takes. */
#define IDLE_BUFFER_SIZE 1024L

struct HttpTransfer {
    HttpClient *client;
    CURL *easy;
    size_t headers_size;
    int status; /* of the final headers */
    int error;
    const char *refusal; /* why our callbacks took no more; NULL: they did */
    bool head_told;
    bool ended;
    bool paused;
    bool held; /* libcurl holds data back since the inbox is full */
    Buffer inbox;
    char text[CURL_ERROR_SIZE];
};

struct HttpClient {
    HttpServer server;
    bool tls;
    void (*on_news)(void *userdata);
    void *userdata;
    CURLM *multi;
    struct curl_slist *headers;
    Poll poll;
};

/* ---- libcurl's callbacks ---- */

static size_t on_curl_header(char *line, size_t one, size_t size, void *userdata)
{
    HttpTransfer *transfer = userdata;
    long status = 0;

    (void)one;
    transfer->headers_size += size;
    if (transfer->headers_size > HTTP_HEADERS_MAX) {
        transfer->refusal = "too large headers";
        return CURL_WRITEFUNC_ERROR;
    }
    /* An empty line ends the headers. There may be interim replies before the final one (RFC 9110,
     * 15.2), and trailers after the body. */
    if ((*line != '\r' && *line != '\n') || transfer->status != 0)
        return size;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 100 && status < 200 && status != 101)
        return size;

    /* We never ask for another protocol: 101 is as wrong as 99. */
    if (status < 200 || status > 599) {
        transfer->refusal = "a status that HTTP does not have, or that nobody asked for";
        return CURL_WRITEFUNC_ERROR;
    }
    transfer->status = (int)status;
    return size;
}

static size_t on_curl_data(char *data, size_t one, size_t size, void *userdata)
{
    HttpTransfer *transfer = userdata;

    (void)one;
    if (transfer->inbox.size > 0 && size > INBOX_MAX - transfer->inbox.size) {
        transfer->held = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (buffer_append(&transfer->inbox, data, size, INBOX_MAX) < 0) {
        transfer->refusal = "out of memory";
        return CURL_WRITEFUNC_ERROR;
    }
    return size;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data)
{
    HttpClient *client = userdata;
    sd_event_source *source = socket_data;
    int r;

    (void)easy;
    /* CURL_POLL_REMOVE has neither bit. */
    r = poll_set_descriptor(&client->poll, fd, what & CURL_POLL_IN, what & CURL_POLL_OUT, &source);
    (void)curl_multi_assign(client->multi, fd, source);
    return r < 0 ? -1 : 0;
}

static int on_curl_timer(CURLM *multi, long msec, void *userdata)
{
    HttpClient *client = userdata;

    (void)multi;
    return poll_set_deadline(&client->poll, msec < NEVER_MSEC ? msec : -1) < 0 ? -1 : 0;
}

/* ---- the loop ---- */

/* What libcurl's result means in our terms. */
static int transfer_error_of(HttpTransfer *transfer, CURLcode code)
{
    bool tls = transfer->client->tls;
    long number = 0, sent = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);

    switch (code) {
    case CURLE_OK:
        /* An end in the middle of the headers is no failure to it. */
        return transfer->status == 0 ? -ECONNRESET : 0;
    case CURLE_COULDNT_CONNECT:
        return number > 0 ? (int)-number : -ECONNREFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return -EHOSTUNREACH;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
        return -ECONNRESET;
    case CURLE_RECV_ERROR: /* also said of chunks that are none, and then recv(2) did not fail */
        return tls ? -EPROTO : number > 0 ? -ECONNRESET : -EBADMSG;
    case CURLE_OUT_OF_MEMORY: /* also said, before 8.6, of a header line of more than 100 KiB */
        return sent > 0 && transfer->status == 0 ? -EBADMSG : -ENOMEM;
    default:
        return sent > 0 ? -EBADMSG : tls ? -EPROTO : -EIO;
    }
}

static void transfer_end(HttpTransfer *transfer, CURLcode code)
{
    const char *text = transfer->refusal ? transfer->refusal : curl_easy_strerror(code);

    if (transfer->ended)
        return;
    transfer->ended = true;
    transfer->error = transfer_error_of(transfer, code);
    if (transfer->error < 0 && (transfer->refusal || !transfer->text[0]))
        (void)snprintf(transfer->text, sizeof(transfer->text), "%s", text);
}

static void client_act(HttpClient *client, curl_socket_t fd, int mask)
{
    const CURLMsg *message;
    int n;

    (void)curl_multi_socket_action(client->multi, fd, mask, &n);
    /* Several can have ended at once. */
    while ((message = curl_multi_info_read(client->multi, &n))) {
        HttpTransfer *transfer = NULL;

        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        if (message->msg == CURLMSG_DONE)
            transfer_end(transfer, message->data.result);
    }
    /* The last thing here: the client may be gone after it. */
    client->on_news(client->userdata);
}

static void on_ready(int fd, bool readable, bool writable, void *userdata)
{
    client_act(userdata, fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

static void on_due(void *userdata)
{
    client_act(userdata, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- the client ---- */

static int client_set_up(HttpClient *client, sd_event *event)
{
    struct curl_slist *longer;
    int r;

    r = poll_open(&client->poll, event);
    if (r < 0)
        return r;
    for (const char *const *line = client->server.headers; *line; line++) {
        longer = curl_slist_append(client->headers, *line);
        if (!longer)
            return -ENOMEM;
        client->headers = longer;
    }

    client->multi = curl_multi_init();
    if (!client->multi)
        return -ENOMEM;
    (void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    (void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    (void)curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    (void)curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    (void)curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
    return 0;
}

int http_client_new(sd_event *event, const HttpServer *server, void (*on_news)(void *userdata),
        void *userdata, HttpClient **ret)
{
    bool tls = text_starts_with(server->base_url, "https:");
    HttpClient *client;
    int r;

    if (!tls)
        tls_library_start_bare();
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        return -ENOMEM;
    client = calloc(1, sizeof(HttpClient));
    if (!client) {
        curl_global_cleanup();
        return -ENOMEM;
    }

    *client = (HttpClient){ .server = *server, .tls = tls, .on_news = on_news };
    client->userdata = userdata;
    client->poll = (Poll){ .on_ready = on_ready, .on_due = on_due, .userdata = client };
    r = client_set_up(client, event);
    if (r < 0) {
        (void)http_client_free(client);
        return r;
    }
    *ret = client;
    return 0;
}

HttpClient *http_client_free(HttpClient *client)
{
    if (!client)
        return NULL;
    (void)curl_multi_cleanup(client->multi);
    poll_close(&client->poll);
    curl_slist_free_all(client->headers);
    free(client);
    curl_global_cleanup();
    return NULL;
}

/* ---- transfers: the setters return 0, or in one of its bits that a setting failed ---- */

static curl_socket_t on_curl_open(
        void *userdata, curlsocktype purpose, struct curl_sockaddr *address)
{
    const HttpServer *server = userdata;

    (void)purpose;
    (void)address;
    return server->take_socket(server->userdata); /* CURL_SOCKET_BAD is -1 */
}

static int on_curl_opened(void *userdata, curl_socket_t fd, curlsocktype purpose)
{
    (void)userdata;
    (void)fd;
    (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static unsigned set_transport(CURL *easy, HttpClient *client)
{
    const HttpServer *server = &client->server;
    unsigned failed = 0;

    /* An empty proxy: none, whatever the environment says. */
    failed |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87; without it, an end waits for the name's look-up */
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    failed |= curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    failed |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "systemd-ctr/" VERSION);
    if (server->socket_path || server->take_socket)
        /* There is one address; a timer for trying a second one would wake us once a stream. */
        failed |= curl_easy_setopt(easy, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, (long)INT_MAX);
    failed |= curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, server->socket_path);
    if (server->take_socket) {
        failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_curl_open);
        failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, server);
        failed |= curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_curl_opened);
    }
    /* A peer that is gone without a word would never be noticed on streams that are quiet. */
    failed |= curl_easy_setopt(
            easy, CURLOPT_TCP_KEEPALIVE, server->socket_path || server->take_socket ? 0L : 1L);
    if (client->tls) {
        failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, server->is_unverified ? 0L : 1L);
        failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, server->is_unverified ? 0L : 2L);
        /* Not the system's authorities: to read them takes long even where none counts. */
        failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, server->ca_path);
        failed |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        failed |= curl_easy_setopt(easy, CURLOPT_SSLCERT, server->certificate_path);
        failed |= curl_easy_setopt(easy, CURLOPT_SSLKEY, server->key_path);
    }
    return failed;
}

static unsigned set_method(CURL *easy, const HttpRequest *request)
{
    const char *body = request->json ? request->json : "";
    unsigned failed = 0;
    bool is_get = text_equal(request->method, "GET");

    failed |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, !is_get || request->is_fresh ? 1L : 0L);
    if (text_equal(request->method, "POST")) {
        failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        failed |= curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
    } else if (!is_get) {
        failed |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
    return failed;
}

static unsigned set_timeout(CURL *easy, uint64_t usec)
{
    uint64_t msec = usec < USEC_PER_MSEC ? 1 : usec / USEC_PER_MSEC; /* 0 would be none */

    if (usec == USEC_INFINITY)
        return 0;
    return curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, msec > INT_MAX ? (long)INT_MAX : (long)msec);
}

static int transfer_set_up(HttpTransfer *transfer, const HttpRequest *request)
{
    HttpClient *client = transfer->client;
    _cleanup_free_ char *url = text_format("%s%s", client->server.base_url, request->target);
    CURL *easy = transfer->easy = curl_easy_init();
    unsigned failed = 0;

    if (!url || !easy)
        return -ENOMEM;
    failed |= set_transport(easy, client);
    failed |= set_method(easy, request);
    failed |= set_timeout(easy, request->timeout_usec);
    failed |= curl_easy_setopt(easy, CURLOPT_URL, url);
    failed |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
    failed |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
            request->is_idle ? IDLE_BUFFER_SIZE : (long)CURL_MAX_WRITE_SIZE);
    failed |= curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    failed |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->text);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_data);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    return failed || curl_multi_add_handle(client->multi, easy) != CURLM_OK ? -ENOMEM : 0;
}

int http_transfer_new(HttpClient *client, const HttpRequest *request, HttpTransfer **ret)
{
    HttpTransfer *transfer;
    int r;

    transfer = calloc(1, sizeof(HttpTransfer));
    if (!transfer)
        return -ENOMEM;
    transfer->client = client;

    r = transfer_set_up(transfer, request);
    if (r < 0) {
        (void)http_transfer_free(transfer);
        return r;
    }
    *ret = transfer;
    return 0;
}

HttpTransfer *http_transfer_free(HttpTransfer *transfer)
{
    if (!transfer)
        return NULL;
    (void)curl_multi_remove_handle(transfer->client->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    buffer_free(&transfer->inbox);
    free(transfer);
    return NULL;
}

/* Takes what libcurl held back, now that the inbox is empty. */
static void transfer_resume(HttpTransfer *transfer)
{
    CURLcode code;

    if (!transfer->held || transfer->ended)
        return;
    transfer->held = false;
    /* Runs on_curl_data() from inside. Its failures are not among curl_multi_info_read()'s. */
    code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
    if (code != CURLE_OK)
        transfer_end(transfer, code);
}

HttpNewsKind http_transfer_next(HttpTransfer *transfer, HttpNews *ret)
{
    *ret = (HttpNews){ .status = transfer->status, .text = transfer->text };

    if (transfer->status != 0 && !transfer->head_told) {
        transfer->head_told = true;
        ret->kind = HTTP_HEAD;
    } else if (transfer->paused) {
        ret->kind = HTTP_NOTHING;
    } else if (transfer->inbox.size > 0) {
        ret->kind = HTTP_BODY;
        ret->body = transfer->inbox;
        transfer->inbox = (Buffer){ 0 };
        transfer_resume(transfer);
    } else if (transfer->ended) {
        ret->kind = HTTP_END;
        ret->error = transfer->error;
    }
    return ret->kind;
}

const char *http_transfer_header(HttpTransfer *transfer, const char *name)
{
    struct curl_header *header;

    if (curl_easy_header(transfer->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}

void http_transfer_pause(HttpTransfer *transfer, bool paused)
{
    transfer->paused = paused;
    if (!paused)
        poll_run_soon(&transfer->client->poll);
}
