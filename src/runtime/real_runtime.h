/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The OCI runtime that does the work: what the setting names, else runc. */

/* *ret, the caller's, is a path for execv(2). With a sentence for people in *ret_message, the
 * caller's: -EINVAL, the setting names no absolute path; -ELOOP, it names this program; -ENOENT,
 * there is no setting and no runc in PATH; others for a setting that cannot be read. */
int real_runtime_find(char **ret, char **ret_message);
