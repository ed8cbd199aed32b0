/* SPDX-License-Identifier: Apache-2.0 */
#include "health/probe_spec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/command_line.h"
#include "base/parse.h"
#include "base/text.h"

static const struct {
    const char *prefix;
    ProbeKind kind;
    uint64_t port; /* where none is given; 0: one must be */
} kinds[] = {
    { "http://", PROBE_HTTP, 80 },
    { "https://", PROBE_HTTPS, 443 },
    { "tcp://", PROBE_TCP, 0 },
    { "exec:", PROBE_EXEC, 0 },
};

/* Takes `complaint` over, which may be NULL: no memory. */
static int refuse(const ProbeSpec *spec, char **ret_message, char *complaint)
{
    *ret_message = complaint ? text_format("probe '%s': %s", spec->text, complaint) : NULL;
    if (*ret_message)
        text_make_printable(*ret_message);
    free(complaint);
    return -EINVAL;
}

/* `host` is a bare address, without brackets. False: it is none. */
static bool add_address(ProbeSpec *spec, const char *host, uint64_t port)
{
    ProbeAddress *address = &spec->addresses[spec->addresses_size];
    bool is_bare = true;

    if (inet_pton(AF_INET, host, &address->socket.in4.sin_addr) == 1) {
        address->socket.in4.sin_family = AF_INET;
        address->socket.in4.sin_port = htons((uint16_t)port);
        address->size = sizeof(address->socket.in4);
    } else if (inet_pton(AF_INET6, host, &address->socket.in6.sin6_addr) == 1) {
        address->socket.in6.sin6_family = AF_INET6;
        address->socket.in6.sin6_port = htons((uint16_t)port);
        address->size = sizeof(address->socket.in6);
        is_bare = false;
    } else {
        return false;
    }
    (void)snprintf(address->text, sizeof(address->text), "%s%s%s:%u", is_bare ? "" : "[", host,
            is_bare ? "" : "]", (unsigned)port);
    spec->addresses_size++;
    return true;
}

static int parse_host(ProbeSpec *spec, const char *host, uint64_t port, char **ret_message)
{
    _cleanup_free_ char *inner = NULL;
    size_t size = strlen(host);

    if (size == 0)
        return refuse(spec, ret_message,
                strdup("there is no host in it (127.0.0.1 is the container itself)"));
    if (strcmp(host, "localhost") == 0) {
        (void)add_address(spec, "127.0.0.1", port);
        (void)add_address(spec, "::1", port);
        return 0;
    }

    if (host[0] == '[' && host[size - 1] == ']') {
        inner = strndup(host + 1, size - 2);
        if (!inner)
            return -ENOMEM;
        return strchr(inner, ':') && add_address(spec, inner, port)
                ? 0
                : refuse(spec, ret_message, text_format("%s is no IPv6 address", host));
    }
    if (!strchr(host, ':') && add_address(spec, host, port))
        return 0;
    return refuse(spec, ret_message,
            text_format("%s is neither an address nor localhost: a name would be looked up outside "
                        "of the container",
                    host));
}

/* HOST, HOST:PORT; `otherwise` is the port without one, 0: there must be one. */
static int parse_authority(
        ProbeSpec *spec, const char *text, uint64_t otherwise, char **ret_message)
{
    _cleanup_free_ char *host = strdup(text);
    uint64_t port = otherwise;
    char *colon;
    int r;

    if (!host)
        return -ENOMEM;
    if (strchr(host, '@'))
        return refuse(spec, ret_message, strdup("user names and passwords are not sent"));

    colon = strrchr(host, ':');
    if (colon && strchr(colon, ']'))
        colon = NULL;
    if (host[0] != '[' && colon != strchr(host, ':'))
        return refuse(spec, ret_message, strdup("an IPv6 address stands in brackets: [::1]"));
    if (colon) {
        r = parse_unsigned(colon + 1, &port);
        if (r < 0 || port < 1 || port > UINT16_MAX)
            return refuse(
                    spec, ret_message, text_format("'%s' is no port (use 1 to 65535)", colon + 1));
        *colon = '\0';
    }
    if (port == 0)
        return refuse(spec, ret_message, strdup("there is no port in it (use tcp://HOST:PORT)"));
    return parse_host(spec, host, port, ret_message);
}

static int parse_target(ProbeSpec *spec, const char *target, char **ret_message)
{
    for (const char *p = target; *p; p++) {
        if (*p == '#')
            return refuse(
                    spec, ret_message, strdup("what follows # is never sent: write it as %23"));
        if (*p <= ' ' || *p > '~')
            return refuse(spec, ret_message,
                    strdup("a blank or a character that is not ASCII: percent-encode it (%20)"));
    }
    spec->target = text_format("%s%s", *target == '/' ? "" : "/", target);
    return spec->target ? 0 : -ENOMEM;
}

static int parse_url(ProbeSpec *spec, const char *rest, uint64_t port, char **ret_message)
{
    _cleanup_free_ char *authority = strndup(rest, strcspn(rest, "/?#"));
    int r;

    if (!authority)
        return -ENOMEM;
    r = parse_authority(spec, authority, port, ret_message);
    if (r >= 0)
        r = parse_target(spec, rest + strlen(authority), ret_message);
    if (r < 0)
        return r;
    spec->base_url =
            text_format("%s://%s", spec->kind == PROBE_HTTPS ? "https" : "http", authority);
    return spec->base_url ? 0 : -ENOMEM;
}

static int parse_command(ProbeSpec *spec, const char *rest, char **ret_message)
{
    const char *complaint;
    int r;

    r = command_line_split(rest, &spec->command, &complaint);
    return r == -EINVAL ? refuse(spec, ret_message, strdup(complaint)) : r;
}

static int parse(ProbeSpec *spec, char **ret_message)
{
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        const char *rest = text_after(spec->text, kinds[i].prefix);

        if (!rest)
            continue;
        spec->kind = kinds[i].kind;
        if (spec->kind == PROBE_EXEC)
            return parse_command(spec, rest, ret_message);
        if (spec->kind == PROBE_TCP)
            return parse_authority(spec, rest, kinds[i].port, ret_message);
        return parse_url(spec, rest, kinds[i].port, ret_message);
    }
    return refuse(spec, ret_message,
            strdup("not of the form http://HOST[:PORT]/PATH, https://HOST[:PORT]/PATH, "
                   "tcp://HOST:PORT or exec:COMMAND LINE"));
}

int probe_spec_parse(const char *text, ProbeSpec **ret, char **ret_message)
{
    _cleanup_(probe_spec_free_p) ProbeSpec *spec = calloc(1, sizeof(ProbeSpec));
    int r;

    *ret_message = NULL;
    if (!spec)
        return -ENOMEM;
    spec->text = strdup(text);
    if (!spec->text)
        return -ENOMEM;

    r = parse(spec, ret_message);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(spec);
    return 0;
}

ProbeSpec *probe_spec_free(ProbeSpec *spec)
{
    if (!spec)
        return NULL;
    free(spec->text);
    free(spec->base_url);
    free(spec->target);
    text_vector_free(spec->command);
    free(spec);
    return NULL;
}
