/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where an engine is, and how it is spoken to: from a URL and docker's environment variables. */

#include <stdbool.h>

#include "base/cleanup.h"

typedef struct EngineAddress {
    char *host;        /* as given, for messages */
    char *socket_path; /* of a Unix socket; NULL: TCP */
    char *base_url;    /* "http://localhost": what stands before a request's target */
    bool tls;
    char *ca_path;
    char *certificate_path; /* NULL: we do not identify ourselves */
    char *key_path;
    unsigned fixed_api_minor; /* 0: negotiated */
} EngineAddress;

/* Reads DOCKER_TLS_VERIFY, DOCKER_CERT_PATH and DOCKER_API_VERSION. -EINVAL with a sentence in
 * *ret_message, the caller's (NULL if there is no memory for one); -ENOMEM. */
int engine_address_parse(const char *host, EngineAddress **ret, char **ret_message);
/* NULL is fine. Returns NULL. */
EngineAddress *engine_address_free(EngineAddress *address);
DEFINE_CLEANUP(EngineAddress *, engine_address_free);
