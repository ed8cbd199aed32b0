/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A notify socket of ours for a container, in a directory of its own that is
 * mounted into it: the container speaks to us, we decide what systemd hears.
 *
 *     DIRECTORY/..        0700: on the host, root alone gets past it
 *     DIRECTORY           0755, the source of a read-only mount
 *     DIRECTORY/socket    0666, so that --user and userns-remap can send
 *
 * The directory is mounted, not the socket, so that a later supervisor that
 * adopts the container can put its own socket there: who sends by path, as
 * sd_notify(3) does, then reaches that one.
 *
 * File descriptors sent along never become ours. BARRIER=1 is honoured. Who
 * sends too much waits.
 */

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "unit/notify_filter.h"

#define NOTIFY_PROXY_SOCKET "socket"

typedef struct NotifyProxy NotifyProxy;

typedef enum NotifySender {
    NOTIFY_SENDER_OTHER,
    NOTIFY_SENDER_CONTAINER,
    NOTIFY_SENDER_GONE, /* it cannot be told any more */
} NotifySender;

typedef struct NotifyProxyHandlers {
    /* Something that passes the filter; several datagrams may have become one message. Runs from
     * the loop and from notify_proxy_drain(); must not free the proxy. */
    void (*on_message)(const NotifyMessage *message, void *userdata);
    /* Who is this? Asked for each datagram, before its filter. */
    NotifySender (*identify)(pid_t pid, void *userdata);
    void *userdata;
} NotifyProxyHandlers;

/* Makes the directories that are missing, and the socket in place of what lies there. `directory`
 * is absolute, of any length. 0 or a negative errno. */
int notify_proxy_new(sd_event *event, const char *directory, const NotifyProxyHandlers *handlers,
        NotifyProxy **ret);
/* Is there a proxy that hears what is said in this directory? */
bool notify_proxy_is_there(const char *directory);
/* Takes what waits in the socket, for when the container has ended: its last words. Bounded. */
void notify_proxy_drain(NotifyProxy *proxy);
/* Removes the socket, unless it is another's by now, and the directory if that is empty then. NULL
 * is fine. Returns NULL. */
NotifyProxy *notify_proxy_free(NotifyProxy *proxy);
DEFINE_CLEANUP(NotifyProxy *, notify_proxy_free);
