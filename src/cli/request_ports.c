/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

#define PORT_MAX 65535U

typedef struct PortRange {
    unsigned first, last;
} PortRange;

/* "80" or "8000-8010", of `size` bytes. */
static int parse_range(const char *text, size_t size, PortRange *ret)
{
    unsigned numbers[2] = { 0 };
    size_t n = 0, digits = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '-' && n == 0 && digits > 0) {
            n = 1;
            digits = 0;
        } else if (isdigit((unsigned char)text[i])) {
            numbers[n] = numbers[n] * 10 + (unsigned)(text[i] - '0');
            digits++;
            if (numbers[n] > PORT_MAX)
                return -ERANGE;
        } else
            return -EINVAL;
    }
    if (digits == 0)
        return -EINVAL;
    *ret = (PortRange){ numbers[0], numbers[n] };
    return ret->first <= ret->last ? 0 : -EINVAL;
}

/* "/udp" and the like behind a port; nothing is tcp. NULL: no such protocol. */
static const char *parse_protocol(const char *slash)
{
    static const char *const protocols[] = { "tcp", "udp", "sctp" };

    if (!slash[0] || !slash[1])
        return protocols[0];
    for (size_t i = 0; i < ELEMENTS(protocols); i++)
        if (strcasecmp(slash + 1, protocols[i]) == 0)
            return protocols[i];
    return NULL;
}

/* --publish in its long form: published=8080,target=80,protocol=udp. Unknown names are passed over,
 * as docker does. */
static int shorten_publication(RunLine *line, const char *text, char **ret)
{
    static const char *const names[] = { "published=", "target=", "protocol=" };
    const char *values[ELEMENTS(names)] = { "", "", "tcp" };
    int lengths[ELEMENTS(names)] = { 0, 0, 3 };

    for (const char *field = text;; field++) {
        size_t length = strcspn(field, ",");

        if (*field == '=' || !memchr(field, '=', length))
            return refuse(line->message, "--publish: \"%s\" is not a list of name=value", text);
        for (size_t i = 0; i < ELEMENTS(names); i++)
            if (text_starts_with(field, names[i])) {
                values[i] = text_after(field, names[i]);
                lengths[i] = (int)strcspn(values[i], ",");
            }
        field += length;
        if (!*field)
            break;
    }
    *ret = text_format(
            "%.*s:%.*s/%.*s", lengths[0], values[0], lengths[1], values[1], lengths[2], values[2]);
    return *ret ? 0 : -ENOMEM;
}

/* "80/tcp" among the exposed ports; returns that name, the caller's. */
static char *expose_port(RunLine *line, unsigned port, const char *protocol)
{
    _cleanup_free_ char *name = text_format("%u/%s", port, protocol);

    if (!name ||
            json_set(json_need_object(line->body, "ExposedPorts"), name, json_new_object()) < 0)
        return NULL;
    return TAKE_PTR(name);
}

static int bind_port(RunLine *line, const char *name, const char *address, const char *host_port)
{
    JsonValue *ports = json_need_object(line->host, "PortBindings"), *binding = json_new_object();
    int r;

    r = json_set_string(binding, "HostIp", address);
    if (r >= 0)
        r = json_set_string(binding, "HostPort", host_port);
    if (r < 0) {
        (void)json_value_unref(binding);
        return r;
    }
    return json_append(json_need_array(ports, name), binding);
}

typedef struct Publication {
    char *address;
    bool has_host;
    PortRange host, container;
    const char *protocol;
} Publication;

/* [[ADDRESS:]HOST-PORT:]PORT[/PROTOCOL]; the address may be IPv6, in brackets or not. */
static int parse_publication(RunLine *line, const char *text, Publication *ret)
{
    const char *container = strrchr(text, ':'), *host = NULL, *slash;
    size_t address_size = 0;
    unsigned char binary[sizeof(struct in6_addr)];

    if (container) {
        host = memrchr(text, ':', (size_t)(container - text));
        address_size = host ? (size_t)(host - text) : 0;
        host = host ? host + 1 : text;
        ret->has_host = container > host;
        if (ret->has_host && parse_range(host, (size_t)(container - host), &ret->host) < 0)
            return refuse(line->message, "--publish: \"%s\" names no host port or range", text);
    }
    container = container ? container + 1 : text;

    slash = container + strcspn(container, "/");
    ret->protocol = parse_protocol(slash);
    if (!ret->protocol)
        return refuse(line->message, "--publish: \"%s\" is neither tcp, udp nor sctp", text);
    if (parse_range(container, (size_t)(slash - container), &ret->container) < 0)
        return refuse(line->message, "--publish: \"%s\" names no port of the container", text);

    if (address_size >= 2 && text[0] == '[' && text[address_size - 1] == ']') {
        text++;
        address_size -= 2;
    }
    ret->address = strndup(text, address_size);
    if (!ret->address)
        return -ENOMEM;
    if (address_size > 0 && inet_pton(AF_INET, ret->address, binary) != 1 &&
            inet_pton(AF_INET6, ret->address, binary) != 1)
        return refuse(line->message, "--publish: \"%s\" is not an IP address", ret->address);
    return 0;
}

static int add_publication(RunLine *line, const Publication *publication)
{
    PortRange host = publication->host, container = publication->container;
    unsigned n = container.last - container.first;
    int r = 0;

    /* One port may get any of a range on the host; a range is mapped one to one. */
    if (publication->has_host && n > 0 && host.last - host.first != n)
        return refuse(line->message,
                "--publish: the host's ports %u-%u are not as many as the container's %u-%u",
                host.first, host.last, container.first, container.last);

    for (unsigned i = 0; r >= 0 && i <= n; i++) {
        _cleanup_free_ char *name = expose_port(line, container.first + i, publication->protocol);
        _cleanup_free_ char *host_port = NULL;

        if (!publication->has_host)
            host_port = strdup("");
        else if (n == 0 && host.first != host.last)
            host_port = text_format("%u-%u", host.first, host.last);
        else
            host_port = text_format("%u", host.first + i);
        if (!name || !host_port)
            return -ENOMEM;
        r = bind_port(line, name, publication->address, host_port);
    }
    return r;
}

/* The protocol goes as it is: what there is to expose is the engine's to know. */
static int add_exposed(RunLine *line, const char *text)
{
    const char *slash = text + strcspn(text, "/"), *protocol = slash[0] ? slash + 1 : "";
    PortRange range;

    if (!*protocol)
        protocol = "tcp";
    if (strchr(protocol, '/') || parse_range(text, (size_t)(slash - text), &range) < 0)
        return refuse(line->message,
                "--expose: \"%s\" is not a port or range (use for instance 80, 8000-8010/udp)",
                text);
    for (unsigned port = range.first; port <= range.last; port++) {
        _cleanup_free_ char *name = expose_port(line, port, protocol);

        if (!name)
            return -ENOMEM;
    }
    return 0;
}

static int publish(RunLine *line, const char *text)
{
    _cleanup_free_ char *shorter = NULL;
    Publication publication = { 0 };
    int r = 0;

    if (strchr(text, '='))
        r = shorten_publication(line, text, &shorter);
    if (r >= 0)
        r = parse_publication(line, shorter ? shorter : text, &publication);
    if (r >= 0)
        r = add_publication(line, &publication);
    free(publication.address);
    return r;
}

int request_add_ports(RunLine *line)
{
    const char *text;
    int r = 0;

    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "publish", i)); i++)
        r = publish(line, text);
    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "expose", i)); i++)
        r = add_exposed(line, text);
    return r;
}
