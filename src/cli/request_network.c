/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

#define DOMAIN_MAX 254

/* The white space that Go's strings.TrimSpace() takes off at both ends; the copy is the caller's.
 */
static char *trim(const char *text)
{
    static const char space[] = " \t\n\v\f\r";
    size_t size;

    text += strspn(text, space);
    size = strlen(text);
    while (size > 0 && strchr(space, text[size - 1]))
        size--;
    return strndup(text, size);
}

/* In the shortest form; an IPv4 address in IPv6's clothes is one of IPv4. NULL: it is none. */
static const char *normalize_address(const char *text, char buffer[INET6_ADDRSTRLEN])
{
    struct in6_addr address;

    if (inet_pton(AF_INET, text, &address) == 1)
        return inet_ntop(AF_INET, &address, buffer, INET6_ADDRSTRLEN);
    if (inet_pton(AF_INET6, text, &address) != 1)
        return NULL;
    /* Here glibc would write the end as one of IPv4. */
    if (IN6_IS_ADDR_V4COMPAT(&address) && address.s6_addr16[6] != 0) {
        (void)snprintf(buffer, INET6_ADDRSTRLEN, "::%x:%x", ntohs(address.s6_addr16[6]),
                ntohs(address.s6_addr16[7]));
        return buffer;
    }
    if (IN6_IS_ADDR_V4MAPPED(&address))
        return inet_ntop(AF_INET, &address.s6_addr[12], buffer, INET6_ADDRSTRLEN);
    return inet_ntop(AF_INET6, &address, buffer, INET6_ADDRSTRLEN);
}

static bool is_word_character(char letter)
{
    return isalnum((unsigned char)letter) || letter == '_';
}

/* Is it "name=NET,alias=A", the long form of --network? By this the CLI tells it, too. */
static bool has_field(const char *text)
{
    for (const char *equals = text; (equals = strchr(equals, '=')); equals++)
        if (equals > text && is_word_character(equals[-1]) && is_word_character(equals[1]))
            return true;
    return false;
}

int request_add_network(RunLine *line)
{
    const char *network = run_line_each(line, "network", 0);
    bool is_long = network && has_field(network);
    _cleanup_free_ char *name = NULL;
    JsonValue *endpoints;

    if (!network)
        return 0;
    if (run_line_each(line, "network", 1))
        return refuse(line->message,
                "--network: more than one is not supported by this version of systemd-ctr");
    if (is_long) {
        const char *field = text_after(network, "name=");

        if (!field || strpbrk(field, ",\""))
            return refuse(line->message,
                    "--network: of \"%s\" only name= is supported by this version of systemd-ctr",
                    network);
        network = field;
    }
    name = trim(network);
    if (!name)
        return -ENOMEM;
    if (!*name)
        return refuse(line->message, "--network: no network is named");

    /* A network without options of its own has no endpoint, the engine makes it. */
    endpoints = json_need_object(line->body, "NetworkingConfig");
    json_unset(json_need_object(endpoints, "EndpointsConfig"), "default");
    return json_set_string(line->host, "NetworkMode", is_long ? name : network);
}

/* HOST:IP or HOST=IP, an IPv6 address with or without brackets; "host-gateway" is the engine's to
 * fill in. */
static int add_host(RunLine *line, const char *text)
{
    const char *separator = strpbrk(text, ":="), *address;
    _cleanup_free_ char *trimmed = NULL, *host = NULL;
    char buffer[INET6_ADDRSTRLEN];
    size_t size;

    if (!separator || separator == text)
        return refuse(line->message, "--add-host: \"%s\" is not HOST:IP", text);
    address = separator + 1;
    size = strlen(address);
    if (size > 2 && address[0] == '[' && address[size - 1] == ']') {
        address++;
        size -= 2;
    }

    host = text_format("%.*s:%.*s", (int)(separator - text), text, (int)size, address);
    trimmed = host ? trim(host + (separator - text) + 1) : NULL;
    if (!trimmed)
        return -ENOMEM;
    if ((address != separator + 1 || !text_equal(trimmed, "host-gateway")) &&
            !normalize_address(trimmed, buffer))
        return refuse(line->message, "--add-host: \"%s\" is not an IP address", trimmed);
    return json_append_string(json_need_array(line->host, "ExtraHosts"), host);
}

static int add_dns(RunLine *line, const char *text)
{
    _cleanup_free_ char *trimmed = trim(text);
    char buffer[INET6_ADDRSTRLEN];
    const char *address;

    if (!trimmed)
        return -ENOMEM;
    address = normalize_address(trimmed, buffer);
    if (!address)
        return refuse(line->message, "--dns: \"%s\" is not an IP address", text);
    return json_append_string(json_need_array(line->host, "Dns"), address);
}

/* Labels of letters, digits and inner hyphens with dots between; not without any letter. */
static bool is_domain(const char *text)
{
    bool has_letter = false;

    if (strlen(text) > DOMAIN_MAX)
        return false;
    for (const char *label = text;; label++) {
        size_t length = 0;

        for (; isalnum((unsigned char)label[length]) || label[length] == '-'; length++)
            has_letter = has_letter || isalpha((unsigned char)label[length]);
        if (length == 0 || label[0] == '-' || label[length - 1] == '-')
            return false;
        label += length;
        if (!*label)
            return has_letter;
        if (*label != '.')
            return false;
    }
}

/* Without white space around, and without the dot at the end; "." alone is no search domain. */
static int add_search_domain(RunLine *line, const char *text)
{
    _cleanup_free_ char *domain = trim(text);
    bool is_none;
    size_t size;

    if (!domain)
        return -ENOMEM;
    size = strlen(domain);
    is_none = text_equal(domain, ".");
    if (size > 1 && domain[size - 1] == '.')
        domain[size - 1] = '\0';
    if (!is_none && !is_domain(domain))
        return refuse(line->message, "--dns-search: \"%s\" is not a domain", text);
    return json_append_string(json_need_array(line->host, "DnsSearch"), domain);
}

int request_add_hosts(RunLine *line)
{
    const char *text;
    int r = 0;

    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "add-host", i)); i++)
        r = add_host(line, text);
    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "dns", i)); i++)
        r = add_dns(line, text);
    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "dns-search", i)); i++)
        r = add_search_domain(line, text);
    return r;
}
