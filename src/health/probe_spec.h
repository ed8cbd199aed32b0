/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What --probe= and --startup-probe= say: http://HOST[:PORT][/PATH], https://
 * likewise, tcp://HOST:PORT, exec:COMMAND LINE. Pure.
 *
 * HOST is an address, since a name would be resolved out here and asked for in
 * the container's network. "localhost" is no such name: it means 127.0.0.1, and
 * ::1 where nobody listens there.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define PROBE_ADDRESSES_MAX 2

typedef enum ProbeKind {
    PROBE_HTTP,
    PROBE_HTTPS,
    PROBE_TCP,
    PROBE_EXEC,
} ProbeKind;

typedef struct ProbeAddress {
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    } socket;
    socklen_t size;
    char text[INET6_ADDRSTRLEN + sizeof("[]:65535")]; /* "127.0.0.1:80", for messages */
} ProbeAddress;

typedef struct ProbeSpec {
    ProbeKind kind;
    char *text; /* as given */
    /* All but exec: */
    ProbeAddress addresses[PROBE_ADDRESSES_MAX]; /* tried in this order */
    size_t addresses_size;
    /* http and https: */
    char *base_url; /* "http://localhost:8080" */
    char *target;   /* "/ready?full=1" */
    /* exec, ends with NULL: */
    char **command;
} ProbeSpec;

/* -EINVAL, with a sentence in *ret_message (the caller's; NULL if there is no memory for it);
 * -ENOMEM. */
int probe_spec_parse(const char *text, ProbeSpec **ret, char **ret_message);
/* NULL is fine. Returns NULL. */
ProbeSpec *probe_spec_free(ProbeSpec *spec);
DEFINE_CLEANUP(ProbeSpec *, probe_spec_free);
