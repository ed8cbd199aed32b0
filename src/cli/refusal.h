/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How a parser says no: one sentence beside -EINVAL. */

#include "base/cleanup.h"

/* Sets *ret_message, the caller's, to the sentence; what was there is released. Control characters
 * of quoted values become '?'. Returns -EINVAL, or -ENOMEM. */
int refuse(char **ret_message, const char *format, ...) _printf_(2, 3);
