/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * systemd-ctr-runtime in dockerd's daemon.json:
 *
 *     "runtimes": { "systemd-ctr": { "path": "/usr/bin/systemd-ctr-runtime" } }
 *
 * All else in the file stays, in its order. The file of before is kept beside
 * it until the entry is removed again; where nothing else changed in between, it
 * comes back byte for byte.
 */

#include "base/json.h"

/* What a container's HostConfig.Runtime says, and Runtimes of GET /info. */
#define REGISTERED_NAME "systemd-ctr"
#define BACKUP_SUFFIX ".before-systemd-ctr"

typedef struct Registration {
    char *path;     /* of daemon.json, symbolic links resolved */
    char *backup;   /* path of what it was before the entry */
    char *original; /* the text now on the disk; NULL: there is no such file */
    JsonValue *settings;
    bool made_backup;
} Registration;

/* Reads the file; one that is missing or empty counts as "{}". 0, or a negative errno beside a
 * sentence in *ret_message: -EBADMSG, what is there is not what dockerd could read. *ret is for
 * registration_clear() in either case. */
int registration_open(const char *path, Registration *ret, char **ret_message);
void registration_clear(Registration *registration);

/* The program that is registered, borrowed; NULL: none. */
const char *registration_program(const Registration *registration);

/* Does dockerd start containers by it that ask for no runtime? */
bool registration_is_default(const Registration *registration);

/* Writes the file with the entry. 1, or 0 where it says so already, or a negative errno. */
int registration_add(Registration *registration, const char *program);

/* Removal in two steps. dockerd updates its list at a reload only if the file has "runtimes" at all
 * (reloadPlatform of moby): the first step leaves it, be it empty. The second, when dockerd has
 * heard, makes the file what it was. */
int registration_withdraw(Registration *registration);
int registration_finish(Registration *registration);
/* Did a removal end after its first step? */
bool registration_is_half_removed(const Registration *registration);

/* Puts the file back as registration_open() found it. */
int registration_restore(Registration *registration);
