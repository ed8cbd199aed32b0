/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Paths by their text alone, as Go's path/filepath has them: links are not followed. Pure. Both
 * return NULL without memory. */

/* The shortest path that says the same: no "//", ".", nor "..", where a name stands before it. */
char *path_clean(const char *path);

/* `path` seen from `directory`, which is absolute; cleaned. */
char *path_absolute(const char *directory, const char *path);
