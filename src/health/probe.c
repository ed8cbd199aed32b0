/* SPDX-License-Identifier: Apache-2.0 */
#include "health/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/http.h"
#include "base/parse.h"
#include "base/text.h"
#include "health/network_namespace.h"

struct Probe {
    sd_event *event;
    const ProbeSpec *spec;
    pid_t pid;
    int pidfd;
    uint64_t timeout_usec;
    ProbeHandler handler;
    void *userdata;
    sd_event_source *timer, *soon, *connecting;
    const ProbeAddress *address; /* the one that is tried, or behind the last one */
    int fd;                      /* connected or about to be; libcurl's from the request on */
    HttpClient *client;
    HttpTransfer *transfer;
    int status;  /* of the reply; 0 before */
    Buffer body; /* the beginning of it */
    bool busy;   /* the handler is on the stack */
    int result;
    char output[PROBE_OUTPUT_MAX + 1];
    size_t output_size;
};

static void probe_free(Probe *probe)
{
    (void)http_transfer_free(probe->transfer);
    (void)http_client_free(probe->client);
    (void)sd_event_source_disable_unref(probe->timer);
    (void)sd_event_source_disable_unref(probe->soon);
    (void)sd_event_source_disable_unref(probe->connecting);
    close_p(&probe->fd);
    buffer_free(&probe->body);
    (void)sd_event_unref(probe->event);
    free(probe);
}

Probe *probe_cancel(Probe *probe)
{
    if (probe && !probe->busy)
        probe_free(probe);
    return NULL;
}

/* ---- the result ---- */

/* Adds to the output what still fits. */
static void _printf_(2, 3) tell(Probe *probe, const char *format, ...)
{
    size_t room = sizeof(probe->output) - probe->output_size;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(probe->output + probe->output_size, room, format, arguments);
    va_end(arguments);
    if (n > 0)
        probe->output_size += (size_t)n < room ? (size_t)n : room - 1;
}

/* The last thing that a probe does. */
static void end(Probe *probe, int result)
{
    text_make_printable(probe->output);
    probe->busy = true;
    probe->handler(result, probe->output, strlen(probe->output), probe->userdata);
    probe_free(probe);
}

static int on_soon(sd_event_source *source, void *userdata)
{
    Probe *probe = userdata;

    (void)source;
    end(probe, probe->result);
    return 0;
}

/* IANA's registry of status codes, those that servers say; what the server itself puts there is of
 * no use to a program, RFC 9112 (4). */
static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = { { 200, " OK" }, { 201, " Created" }, { 202, " Accepted" },
        { 204, " No Content" }, { 301, " Moved Permanently" }, { 302, " Found" },
        { 303, " See Other" }, { 304, " Not Modified" }, { 307, " Temporary Redirect" },
        { 308, " Permanent Redirect" }, { 400, " Bad Request" }, { 401, " Unauthorized" },
        { 403, " Forbidden" }, { 404, " Not Found" }, { 405, " Method Not Allowed" },
        { 406, " Not Acceptable" }, { 408, " Request Timeout" }, { 410, " Gone" },
        { 421, " Misdirected Request" }, { 429, " Too Many Requests" },
        { 500, " Internal Server Error" }, { 501, " Not Implemented" }, { 502, " Bad Gateway" },
        { 503, " Service Unavailable" }, { 504, " Gateway Timeout" } };

    for (size_t i = 0; i < ELEMENTS(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

/* The body's text on one line: runs of blanks, which pages are full of, become one. */
static void tell_body(Probe *probe)
{
    bool after_blank = true;

    for (size_t i = 0; i < probe->body.size && probe->output_size < PROBE_OUTPUT_MAX; i++) {
        char c = probe->body.data[i] ? probe->body.data[i] : '?';
        bool is_blank = strchr(" \t\r\n", c);

        if (!is_blank || !after_blank)
            probe->output[probe->output_size++] = is_blank ? ' ' : c;
        after_blank = is_blank;
    }
    if (after_blank && probe->output_size > 0)
        probe->output_size--;
    probe->output[probe->output_size] = '\0';
}

/* ---- HTTP ---- */

static bool status_passes(const Probe *probe)
{
    return probe->status >= 200 && probe->status < 400;
}

/* The reply has ended, with this error and the transport's words for it, or is long enough. */
static void end_http(Probe *probe, int error, const char *text)
{
    if (probe->status == 0) {
        tell(probe, "no HTTP reply from %s: %s", probe->address->text, text);
        end(probe, error == -ENOMEM ? -ENOMEM : 1);
        return;
    }

    tell(probe, "HTTP %d%s", probe->status, reason_of(probe->status));
    if (error < 0) {
        tell(probe, ", but the reply is not whole: %s", text);
    } else if (!status_passes(probe) && probe->body.size > 0) {
        tell(probe, ": ");
        tell_body(probe);
    }
    end(probe, error == 0 && status_passes(probe) ? 0 : 1);
}

/* False: that is enough of it. */
static bool keep_body(Probe *probe, const Buffer *piece)
{
    size_t room = PROBE_BODY_MAX - probe->body.size;

    return buffer_append(&probe->body, piece->data, piece->size < room ? piece->size : room,
                   PROBE_BODY_MAX) >= 0 &&
            probe->body.size < PROBE_BODY_MAX;
}

static void on_news(void *userdata)
{
    Probe *probe = userdata;
    HttpNews news;
    bool goes_on = true;

    while (goes_on && http_transfer_next(probe->transfer, &news) != HTTP_NOTHING) {
        probe->status = news.status;
        if (news.kind == HTTP_BODY)
            goes_on = keep_body(probe, &news.body);
        else if (news.kind == HTTP_END)
            goes_on = false;
        buffer_free(&news.body);
    }
    if (!goes_on)
        end_http(probe, news.kind == HTTP_END ? news.error : 0, news.text);
}

static int take_socket(void *userdata)
{
    Probe *probe = userdata;

    return TAKE_FD(probe->fd);
}

static int ask(Probe *probe)
{
    static const char *const headers[] = { "Connection: close", NULL };
    const HttpServer server = { .base_url = probe->spec->base_url,
        .headers = headers,
        .is_unverified = true,
        .take_socket = take_socket,
        .userdata = probe };
    const HttpRequest request = { .method = "GET",
        .target = probe->spec->target,
        .timeout_usec = USEC_INFINITY,
        .is_fresh = true,
        .is_idle = true };
    int r;

    r = http_client_new(probe->event, &server, on_news, probe, &probe->client);
    if (r < 0)
        return r;
    return http_transfer_new(probe->client, &request, &probe->transfer);
}

/* ---- the connection ---- */

/* There is a result already, but the caller is still on the stack. */
static void end_soon(Probe *probe, int result)
{
    probe->result = result;
    (void)sd_event_source_set_enabled(probe->soon, SD_EVENT_ONESHOT);
}

static void tell_connect(Probe *probe, const char *text)
{
    tell(probe, "%s%s: %s", probe->output_size > 0 ? "; to " : "connect to ", probe->address->text,
            text);
}

/* A socket that nobody listens on connects to itself when the kernel happens to give it that very
 * port: RFC 9293 (3.5), "simultaneous open". */
static bool is_of_itself(int fd)
{
    struct sockaddr_storage ours = { 0 }, theirs = { 0 };
    socklen_t our_size = sizeof(ours), their_size = sizeof(theirs);

    return getsockname(fd, (struct sockaddr *)&ours, &our_size) >= 0 &&
            getpeername(fd, (struct sockaddr *)&theirs, &their_size) >= 0 &&
            our_size == their_size && memcmp(&ours, &theirs, our_size) == 0;
}

static int on_connected(sd_event_source *source, int fd, uint32_t events, void *userdata);

/* 0, or why there will be no connection to this address. */
static int connect_to(Probe *probe, const ProbeAddress *address, const char **ret_message)
{
    *ret_message = NULL;
    probe->fd = network_namespace_open_socket(
            address->socket.any.sa_family, probe->pid, probe->pidfd, ret_message);
    if (probe->fd < 0)
        return probe->fd;
    /* Writable once it is connected, and at once if it is by now. */
    if (connect(probe->fd, &address->socket.any, address->size) < 0 && errno != EINPROGRESS)
        return -errno;
    return sd_event_add_io(
            probe->event, &probe->connecting, probe->fd, EPOLLOUT, on_connected, probe);
}

/* Tries the addresses from probe->address on until one does not fail at once. */
static void connect_on(Probe *probe)
{
    const ProbeAddress *last = probe->spec->addresses + probe->spec->addresses_size;
    const char *message;
    int r = -EINVAL;

    for (; probe->address < last; probe->address++) {
        r = connect_to(probe, probe->address, &message);
        if (r >= 0)
            return;
        close_p(&probe->fd);
        probe->fd = -1;
        if (message) {
            tell(probe, "%s", message);
            break;
        }
        tell_connect(probe, strerror(-r));
    }
    end_soon(probe, r == -ESRCH || r == -EPERM || r == -ENOMEM ? r : 1);
}

static int on_connected(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    Probe *probe = userdata;
    int error = 0, r;
    socklen_t size = sizeof(error);

    (void)source;
    (void)events;
    probe->connecting = sd_event_source_disable_unref(probe->connecting);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    else if (error == 0 && is_of_itself(fd))
        error = ECONNREFUSED;

    if (error > 0) {
        tell_connect(probe, strerror(error));
        close_p(&probe->fd);
        probe->fd = -1;
        probe->address++;
        connect_on(probe);
        return 0;
    }
    if (probe->spec->kind == PROBE_TCP) {
        probe->output_size = 0;
        tell(probe, "connected to %s", probe->address->text);
        end(probe, 0);
        return 0;
    }
    probe->output_size = 0;
    r = ask(probe);
    if (r < 0) {
        tell(probe, "%s: %s", probe->address->text, strerror(-r));
        end(probe, r);
    }
    return 0;
}

/* ---- the probe ---- */

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
    Probe *probe = userdata;
    char text[64];

    (void)source;
    (void)usec;
    /* The result was here in time. */
    if (sd_event_source_get_enabled(probe->soon, NULL) > 0) {
        end(probe, probe->result);
        return 0;
    }

    (void)snprintf(text, sizeof(text), "timed out after %s", format_span(probe->timeout_usec));
    if (!probe->transfer)
        tell_connect(probe, text);
    else if (probe->status == 0)
        tell(probe, "no HTTP reply from %s: %s", probe->address->text, text);
    else
        tell(probe, "HTTP %d%s, but the reply is not whole: %s", probe->status,
                reason_of(probe->status), text);
    end(probe, -ETIMEDOUT);
    return 0;
}

static int set_up(Probe *probe)
{
    int r;

    r = sd_event_add_defer(probe->event, &probe->soon, on_soon, probe);
    if (r >= 0)
        r = sd_event_source_set_enabled(probe->soon, SD_EVENT_OFF);
    if (r < 0 || probe->timeout_usec == USEC_INFINITY)
        return r;
    return sd_event_add_time_relative(probe->event, &probe->timer, CLOCK_MONOTONIC,
            probe->timeout_usec, USEC_PER_MSEC, on_timeout, probe);
}

int probe_start(sd_event *event, const ProbeSpec *spec, pid_t pid, int pidfd, uint64_t timeout_usec,
        ProbeHandler handler, void *userdata, Probe **ret)
{
    Probe *probe;
    int r;

    if (spec->kind == PROBE_EXEC)
        return -EINVAL;
    probe = calloc(1, sizeof(Probe));
    if (!probe)
        return -ENOMEM;
    *probe = (Probe){ .event = sd_event_ref(event),
        .spec = spec,
        .pid = pid,
        .pidfd = pidfd,
        .timeout_usec = timeout_usec,
        .handler = handler,
        .userdata = userdata,
        .address = spec->addresses,
        .fd = -1 };
    r = set_up(probe);
    if (r < 0) {
        probe_free(probe);
        return r;
    }
    connect_on(probe);
    *ret = probe;
    return 0;
}
