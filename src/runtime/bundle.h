/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An OCI bundle: a folder with config.json (opencontainers/runtime-spec, config.md). */

/* Sets linux.cgroupsPath in its config.json; the file keeps its mode and owner, and is at every
 * moment the old or the new one. 0, or a negative errno: -EBADMSG, it is no configuration for
 * Linux; -EFBIG. */
int bundle_set_cgroups_path(const char *bundle, const char *cgroups_path);
