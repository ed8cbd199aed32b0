/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* OpenSSL, which comes along with libcurl, is told to do less. */

/* For who will not speak TLS, before curl_global_init(3); does nothing where libcurl has another
 * TLS library, or OpenSSL was started before. TLS works all the same, without openssl.cnf. */
void tls_library_start_bare(void);
