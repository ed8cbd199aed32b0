/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/refusal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

int refuse(char **ret_message, const char *format, ...)
{
    va_list arguments;
    char *message;
    int n;

    va_start(arguments, format);
    n = vasprintf(&message, format, arguments);
    va_end(arguments);
    if (n < 0)
        return -ENOMEM;

    text_make_printable(message);
    free(*ret_message);
    *ret_message = message;
    return -EINVAL;
}
