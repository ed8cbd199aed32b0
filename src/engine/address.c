/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/address.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/text.h"
#include "engine/engine.h"

/* What docker's own client takes where the port is missing. */
#define PORT_PLAIN 2375
#define PORT_TLS 2376

static int refuse(char **ret_message, char *message)
{
    if (message)
        text_make_printable(message);
    free(*ret_message);
    *ret_message = message;
    return -EINVAL;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static int parse_socket_path(const char *path, EngineAddress *address, char **ret_message)
{
    struct sockaddr_un socket_address;

    if (path[0] != '/')
        return refuse(ret_message,
                text_format(
                        "engine address %s: the socket's path must be absolute", address->host));
    if (strlen(path) >= sizeof(socket_address.sun_path))
        return refuse(ret_message,
                text_format("engine address %s: a socket's path has at most %zu bytes",
                        address->host, sizeof(socket_address.sun_path) - 1));

    address->socket_path = strdup(path);
    address->base_url = strdup("http://localhost");
    return address->socket_path && address->base_url ? 0 : -ENOMEM;
}

/* A name, an IPv4 address, or an IPv6 address in brackets. */
static bool host_is_sound(const char *host)
{
    size_t size = strlen(host);

    if (host[0] == '[')
        return size > 4 && host[size - 1] == ']' &&
                strspn(host + 1, "0123456789abcdefABCDEF:.") == size - 2;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)host[i]) && !strchr("-._", host[i]))
            return false;
    return size > 0 && host[0] != '-';
}

static int parse_tcp(const char *text, EngineAddress *address, char **ret_message)
{
    uint64_t port = address->tls ? PORT_TLS : PORT_PLAIN;
    _cleanup_free_ char *host = strdup(text);
    char *colon;

    if (!host)
        return -ENOMEM;
    if (text_ends_with(host, "/"))
        host[strlen(host) - 1] = '\0';

    colon = strrchr(host, ':');
    if (colon && !strchr(colon, ']')) {
        if (parse_unsigned(colon + 1, &port) < 0 || port < 1 || port > UINT16_MAX)
            return refuse(ret_message,
                    text_format("engine address %s: %s is no port", address->host, colon + 1));
        *colon = '\0';
    }
    if (!host_is_sound(host))
        return refuse(ret_message,
                text_format("engine address %s: not of the form tcp://HOST:PORT", address->host));

    address->base_url =
            text_format("%s://%s:%u", address->tls ? "https" : "http", host, (unsigned)port);
    return address->base_url ? 0 : -ENOMEM;
}

/* A file of DOCKER_CERT_PATH, *ret NULL if it is not there. */
static int find_certificate(const char *name, char **ret)
{
    const char *directory = environment("DOCKER_CERT_PATH"), *home = environment("HOME");
    _cleanup_free_ char *path = NULL;

    path = directory ? text_format("%s/%s", directory, name)
                     : text_format("%s/.docker/%s", home ? home : "", name);
    if (!path)
        return -ENOMEM;
    if (access(path, R_OK) == 0)
        *ret = TAKE_PTR(path);
    return 0;
}

static int find_certificates(EngineAddress *address, char **ret_message)
{
    if (find_certificate("ca.pem", &address->ca_path) < 0 ||
            find_certificate("cert.pem", &address->certificate_path) < 0 ||
            find_certificate("key.pem", &address->key_path) < 0)
        return -ENOMEM;

    if (!address->ca_path)
        return refuse(ret_message,
                text_format("engine address %s: DOCKER_TLS_VERIFY wants ca.pem in "
                            "DOCKER_CERT_PATH, where it cannot be read",
                        address->host));
    if (!address->certificate_path != !address->key_path)
        return refuse(ret_message,
                text_format("engine address %s: of cert.pem and key.pem in DOCKER_CERT_PATH only "
                            "one can be read",
                        address->host));
    return 0;
}

static int parse_version(const char *version, unsigned *ret_minor, char **ret_message)
{
    const char *minor = text_after(version[0] == 'v' ? version + 1 : version, "1.");
    uint64_t number;

    if (!minor || parse_unsigned(minor, &number) < 0 || number < ENGINE_API_MINOR_MIN ||
            number > ENGINE_API_MINOR_MAX)
        return refuse(ret_message,
                text_format("DOCKER_API_VERSION=%s: only 1.%u to 1.%u are spoken here", version,
                        ENGINE_API_MINOR_MIN, ENGINE_API_MINOR_MAX));
    *ret_minor = (unsigned)number;
    return 0;
}

static int parse_host(EngineAddress *address, char **ret_message)
{
    const char *rest;
    int r;

    rest = text_after(address->host, "unix://");
    if (rest)
        return parse_socket_path(rest, address, ret_message);

    rest = text_after(address->host, "tcp://");
    if (!rest)
        return refuse(ret_message,
                text_format("engine address %s: neither unix:// nor tcp://", address->host));

    /* As docker has it, any value but an empty one: "0" means yes as well. */
    address->tls = environment("DOCKER_TLS_VERIFY");
    if (address->tls) {
        r = find_certificates(address, ret_message);
        if (r < 0)
            return r;
    }
    return parse_tcp(rest, address, ret_message);
}

int engine_address_parse(const char *host, EngineAddress **ret, char **ret_message)
{
    _cleanup_(engine_address_free_p) EngineAddress *address = NULL;
    const char *version = environment("DOCKER_API_VERSION");
    int r;

    address = calloc(1, sizeof(EngineAddress));
    if (!address)
        return -ENOMEM;
    address->host = strdup(host);
    if (!address->host)
        return -ENOMEM;
    text_make_printable(address->host);

    r = parse_host(address, ret_message);
    if (r < 0)
        return r;
    if (version) {
        r = parse_version(version, &address->fixed_api_minor, ret_message);
        if (r < 0)
            return r;
    }

    *ret = TAKE_PTR(address);
    return 0;
}

EngineAddress *engine_address_free(EngineAddress *address)
{
    if (!address)
        return NULL;
    free(address->host);
    free(address->socket_path);
    free(address->base_url);
    free(address->ca_path);
    free(address->certificate_path);
    free(address->key_path);
    free(address);
    return NULL;
}
