/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the run of one container keeps what others may look at:
 *
 *     /run/systemd-ctr/containers/NAME/                  root
 *     $XDG_RUNTIME_DIR/systemd-ctr/containers/NAME/      others
 *     |- control       the wrapper's socket
 *     |- health.json   state, replaced as a whole
 *     |- lock          for those who change it where no wrapper does
 *     `- notify/       sockets that the container gets
 *
 * All of it is for its owner alone, from systemd-ctr/ on. It goes with the end
 * of the run; what was killed leaves it to `cleanup`, or to the next start.
 *
 * Beside containers/ lies what must outlive the run where the container does:
 *
 *     owners/NAME      whose a container is that others made
 */

/* *ret is the caller's. -EINVAL: not a name; -ENAMETOOLONG; -ENXIO: no XDG_RUNTIME_DIR. */
int runtime_directory_path(const char *name, char **ret);

/* Makes it; one that is there stays as it is. -EPERM: it is somebody else's. */
int runtime_directory_make(const char *name, char **ret_path);

/* Removes what is listed above, and the directory if nothing else is in it (-ENOTEMPTY: something
 * is, and stays). None: 0. */
int runtime_directory_remove(const char *name);

/* The file of this container in owners/, as runtime_directory_path(); and the folder of them. */
int runtime_owner_path(const char *name, char **ret);
int runtime_owners_make(void);
