/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tls_library.h"

#include <stddef.h>
#include <stdint.h>

/* OPENSSL_init_ssl(3), where libcurl has OpenSSL for its TLS library. */
extern int OPENSSL_init_ssl(uint64_t options, const void *settings) __attribute__((weak));
#define OPENSSL_NO_STRINGS_NO_CONFIG (0x00000001UL | 0x00000080UL | 0x00100000UL)

/* libcurl sets its TLS library up at once, whether TLS will be spoken or not (curl_global_init(3):
 * CURL_GLOBAL_SSL means nothing since 7.57). Who does not speak it needs neither openssl.cnf nor
 * the texts of its errors, and they are most of the work. */
void tls_library_start_bare(void)
{
    if (OPENSSL_init_ssl)
        (void)OPENSSL_init_ssl(OPENSSL_NO_STRINGS_NO_CONFIG, NULL);
}
