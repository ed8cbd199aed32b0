/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One printable line of what went wrong. Pure. What is returned is the caller's; NULL without
 * memory. */

#include <stddef.h>

/* Longer messages are cut. */
#define REPLY_MESSAGE_MAX 2048U

/* The engine's own words: the member "message" of its JSON, or plain text; its status otherwise. */
char *reply_message(int status, const char *body, size_t size);

/* Without a reply: `error` of a call to `host`, with the transport's own `text` where it has one.
 */
char *reply_message_of_error(int error, const char *host, const char *text);
