/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/http.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/parse.h"
#include "base/text.h"
#include "engine/poll.h"

/* Of all connections, busy ones included: wait, events, attach and one kept for the next call. */
#define CONNECTIONS_MAX 4L
/* The least that libcurl takes. */
#define IDLE_BUFFER_SIZE 1024L

struct HttpExchange {
    HttpClient *client;
    HttpExchange *next;
    CURL *easy;
    HttpHandlers handlers;
    size_t headers_size;
    int status; /* of the final headers */
    int error;  /* why we ended it */
    bool added; /* to the multi handle */
    bool cancelled;
    bool paused;
    bool stalled; /* libcurl holds data back since we were paused */
    char text[CURL_ERROR_SIZE];
};

struct HttpClient {
    const EngineAddress *address;
    CURLM *multi;
    struct curl_slist *plain_headers;
    struct curl_slist *json_headers;
    Poll poll;
    HttpExchange *exchanges;
    unsigned depth; /* of our frames on the stack: must not be freed under them */
    bool in_curl;   /* libcurl is on the stack: its handles must not be touched */
    bool released;
};

static void exchange_free(HttpExchange *exchange)
{
    HttpClient *client = exchange->client;
    HttpExchange **link = &client->exchanges;

    while (*link != exchange)
        link = &(*link)->next;
    *link = exchange->next;

    if (exchange->added)
        (void)curl_multi_remove_handle(client->multi, exchange->easy);
    curl_easy_cleanup(exchange->easy);
    free(exchange);
}

static size_t on_curl_header(char *line, size_t one, size_t size, void *userdata)
{
    HttpExchange *exchange = userdata;
    long status = 0;

    (void)one;
    if (exchange->cancelled)
        return CURL_WRITEFUNC_ERROR;

    exchange->headers_size += size;
    if (exchange->headers_size > HTTP_HEADERS_MAX) {
        exchange->error = -EBADMSG;
        return CURL_WRITEFUNC_ERROR;
    }
    /* An empty line ends the headers. There may be interim replies before the final one (RFC 9110,
     * 15.2), and trailers after the body. */
    if ((*line != '\r' && *line != '\n') || exchange->status != 0)
        return size;
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 100 && status < 200 && status != 101)
        return size;

    exchange->status = (int)status;
    /* We never ask for another protocol: 101 is as wrong as 99. */
    if (status < 200 || status > 599)
        exchange->error = -EBADMSG;
    else if (exchange->handlers.on_head)
        exchange->error = exchange->handlers.on_head((int)status, exchange->handlers.userdata);
    return exchange->error < 0 || exchange->cancelled ? CURL_WRITEFUNC_ERROR : size;
}

/* libcurl hands over CURL_MAX_WRITE_SIZE (16 KiB) at most. */
static size_t on_curl_data(char *data, size_t one, size_t size, void *userdata)
{
    HttpExchange *exchange = userdata;

    (void)one;
    if (exchange->cancelled)
        return CURL_WRITEFUNC_ERROR;
    if (exchange->paused) {
        exchange->stalled = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (size == 0)
        return 0;

    exchange->error = exchange->handlers.on_body(data, size, exchange->handlers.userdata);
    return exchange->error < 0 || exchange->cancelled ? CURL_WRITEFUNC_ERROR : size;
}

/* What libcurl's result means in our terms; `number` is the errno that it saw, if any. */
static int error_of_code(CURLcode code, int number)
{
    switch (code) {
    case CURLE_OK:
        return 0;
    case CURLE_COULDNT_CONNECT:
        return number > 0 ? -number : -ECONNREFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return -EHOSTUNREACH;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
        return -ECONNRESET;
    case CURLE_RECV_ERROR: /* also said of chunks that are none, and then recv(2) did not fail */
        return number > 0 ? -ECONNRESET : -EBADMSG;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WRITE_ERROR: /* not ours, then */
        return -EBADMSG;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return -EPROTO;
    default:
        return -EIO;
    }
}

static void exchange_finish(HttpExchange *exchange, CURLcode code)
{
    HttpHandlers handlers = exchange->handlers;
    int error = exchange->error, status = exchange->status;
    char text[CURL_ERROR_SIZE] = "";
    long number = 0;

    if (error == 0 && code != CURLE_OK) {
        (void)curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &number);
        error = error_of_code(code, (int)number);
        (void)snprintf(text, sizeof(text), "%s",
                exchange->text[0] ? exchange->text : curl_easy_strerror(code));
    }

    exchange_free(exchange);
    handlers.on_end(error, status, text, handlers.userdata);
}

static void client_destroy(HttpClient *client)
{
    while (client->exchanges)
        exchange_free(client->exchanges);
    (void)curl_multi_cleanup(client->multi);
    poll_close(&client->poll);
    curl_slist_free_all(client->plain_headers);
    curl_slist_free_all(client->json_headers);
    free(client);
    curl_global_cleanup();
}

/* Frees what was cancelled while libcurl was on the stack. */
static void client_sweep(HttpClient *client)
{
    HttpExchange *next;

    for (HttpExchange *each = client->exchanges; each; each = next) {
        next = each->next;
        if (each->cancelled)
            exchange_free(each);
    }
}

static void client_act(HttpClient *client, curl_socket_t fd, int mask)
{
    const CURLMsg *message;
    int n;

    client->in_curl = true;
    (void)curl_multi_socket_action(client->multi, fd, mask, &n);
    client->in_curl = false;
    client_sweep(client);

    /* Several can have ended at once. */
    while (!client->released && (message = curl_multi_info_read(client->multi, &n))) {
        HttpExchange *exchange = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        exchange_finish(exchange, message->data.result);
    }
}

static void client_leave(HttpClient *client)
{
    if (--client->depth == 0 && client->released)
        client_destroy(client);
}

static void on_ready(int fd, bool readable, bool writable, void *userdata)
{
    HttpClient *client = userdata;

    client->depth++;
    client_act(client, fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
    client_leave(client);
}

/* An exchange that was started or may flow again, or NULL. */
static HttpExchange *client_next_waiting(HttpClient *client)
{
    HttpExchange *each = client->exchanges;

    while (each && each->added && (!each->stalled || each->paused))
        each = each->next;
    return each;
}

static void exchange_move_on(HttpExchange *exchange)
{
    HttpClient *client = exchange->client;
    CURLcode code = CURLE_OK;

    if (!exchange->added) {
        exchange->added = curl_multi_add_handle(client->multi, exchange->easy) == CURLM_OK;
        if (!exchange->added)
            code = CURLE_OUT_OF_MEMORY;
    } else {
        exchange->stalled = false;
        /* Hands over what libcurl held back, from inside. */
        client->in_curl = true;
        code = curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
        client->in_curl = false;
    }

    /* Such a failure is not among curl_multi_info_read()'s. */
    if (code != CURLE_OK && !exchange->cancelled)
        exchange_finish(exchange, code);
    client_sweep(client);
}

static void on_due(void *userdata)
{
    HttpClient *client = userdata;
    HttpExchange *exchange;

    client->depth++;
    while (!client->released && (exchange = client_next_waiting(client)))
        exchange_move_on(exchange);
    if (!client->released)
        client_act(client, CURL_SOCKET_TIMEOUT, 0);
    client_leave(client);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data)
{
    HttpClient *client = userdata;
    sd_event_source *source = socket_data;
    bool remove = what == CURL_POLL_REMOVE;
    int r;

    (void)easy;
    r = poll_set_descriptor(&client->poll, fd, !remove && (what & CURL_POLL_IN),
            !remove && (what & CURL_POLL_OUT), &source);
    (void)curl_multi_assign(client->multi, fd, source);
    return r < 0 ? -1 : 0;
}

static int on_curl_timer(CURLM *multi, long msec, void *userdata)
{
    HttpClient *client = userdata;

    (void)multi;
    return poll_set_deadline(&client->poll, msec) < 0 ? -1 : 0;
}

static struct curl_slist *new_headers(const char *type)
{
    /* No type for what has no body, no "100 Continue", and docker's own client sends no Accept. */
    static const char *const common[] = {
        "Expect:", "Accept:", "User-Agent: systemd-ctr/" VERSION
    };
    struct curl_slist *headers = curl_slist_append(NULL, type), *longer = headers;

    for (size_t i = 0; longer && i < ELEMENTS(common); i++)
        longer = curl_slist_append(headers, common[i]);
    if (!longer)
        curl_slist_free_all(headers);
    return longer;
}

static int client_set_up(HttpClient *client, sd_event *event)
{
    int r;

    client->poll = (Poll){ .on_ready = on_ready, .on_due = on_due, .userdata = client };
    r = poll_open(&client->poll, event);
    if (r < 0)
        return r;

    client->plain_headers = new_headers("Content-Type:");
    client->json_headers = new_headers("Content-Type: application/json");
    client->multi = curl_multi_init();
    if (!client->plain_headers || !client->json_headers || !client->multi)
        return -ENOMEM;
    (void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    (void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    (void)curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    (void)curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    (void)curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
    return 0;
}

int http_client_new(sd_event *event, const EngineAddress *address, HttpClient **ret)
{
    HttpClient *client;
    int r;

    /* All else that libcurl would set up costs memory and is not for us. */
    if (curl_global_init(address->tls ? CURL_GLOBAL_SSL : CURL_GLOBAL_NOTHING) != CURLE_OK)
        return -ENOMEM;
    client = calloc(1, sizeof(HttpClient));
    if (!client) {
        curl_global_cleanup();
        return -ENOMEM;
    }

    client->address = address;
    r = client_set_up(client, event);
    if (r < 0) {
        client_destroy(client);
        return r;
    }
    *ret = client;
    return 0;
}

HttpClient *http_client_free(HttpClient *client)
{
    if (!client)
        return NULL;

    for (HttpExchange *each = client->exchanges; each; each = each->next)
        each->cancelled = true;
    client->released = true;
    if (client->depth == 0)
        client_destroy(client);
    return NULL;
}

/* The setters below return 0 or, in one of its bits, that a setting failed: there is no memory. */

static unsigned set_transport(CURL *easy, const EngineAddress *address)
{
    unsigned failed = 0;

    /* An empty proxy: none, whatever the environment says. */
    failed |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    failed |= curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    failed |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, address->socket_path);
    if (address->tls) {
        failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, address->ca_path);
        /* Only the engine's own authority counts, not the system's. */
        failed |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        failed |= curl_easy_setopt(easy, CURLOPT_SSLCERT, address->certificate_path);
        failed |= curl_easy_setopt(easy, CURLOPT_SSLKEY, address->key_path);
    }
    return failed;
}

static unsigned set_method(CURL *easy, const HttpRequest *request)
{
    const char *body = request->json ? request->json : "";
    unsigned failed = 0;

    if (text_equal(request->method, "GET"))
        return 0;

    failed |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (text_equal(request->method, "POST")) {
        failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        failed |= curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
    } else {
        failed |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
    return failed;
}

static unsigned set_timeout(CURL *easy, uint64_t usec)
{
    uint64_t msec = usec / USEC_PER_MSEC;

    if (usec == USEC_INFINITY)
        return 0;
    /* 0 would be none. */
    msec = msec < 1 ? 1 : msec > INT_MAX ? INT_MAX : msec;
    return curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)msec);
}

static int exchange_set_up(HttpExchange *exchange, const HttpRequest *request)
{
    HttpClient *client = exchange->client;
    _cleanup_free_ char *url = text_format("%s%s", client->address->base_url, request->target);
    CURL *easy = exchange->easy = curl_easy_init();
    unsigned failed = 0;

    if (!url || !easy)
        return -ENOMEM;
    failed |= set_transport(easy, client->address);
    failed |= set_method(easy, request);
    failed |= set_timeout(easy, request->timeout_usec);
    failed |= curl_easy_setopt(easy, CURLOPT_URL, url);
    failed |= curl_easy_setopt(
            easy, CURLOPT_HTTPHEADER, request->json ? client->json_headers : client->plain_headers);
    failed |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
            request->is_idle ? IDLE_BUFFER_SIZE : (long)CURL_MAX_WRITE_SIZE);
    failed |= curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    failed |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->text);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_data);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    return failed ? -ENOMEM : 0;
}

int http_start(HttpClient *client, const HttpRequest *request, const HttpHandlers *handlers,
        HttpExchange **ret)
{
    HttpExchange *exchange, **link;
    int r;

    exchange = calloc(1, sizeof(HttpExchange));
    if (!exchange)
        return -ENOMEM;
    exchange->client = client;
    exchange->handlers = *handlers;
    /* The last of the list: what was started first is sent first. */
    for (link = &client->exchanges; *link;)
        link = &(*link)->next;
    *link = exchange;

    r = exchange_set_up(exchange, request);
    if (r < 0) {
        exchange_free(exchange);
        return r;
    }
    poll_run_soon(&client->poll);
    *ret = exchange;
    return 0;
}

const char *http_exchange_header(HttpExchange *exchange, const char *name)
{
    struct curl_header *header;

    if (curl_easy_header(exchange->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}

void http_exchange_pause(HttpExchange *exchange, bool paused)
{
    exchange->paused = paused;
    if (!paused && exchange->stalled)
        poll_run_soon(&exchange->client->poll);
}

HttpExchange *http_exchange_cancel(HttpExchange *exchange)
{
    if (!exchange)
        return NULL;

    exchange->cancelled = true;
    if (!exchange->client->in_curl)
        exchange_free(exchange);
    return NULL;
}
