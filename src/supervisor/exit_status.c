/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/exit_status.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "supervisor/supervisor.h"

int exit_status_of(const End *end)
{
    if (end->failure != 0)
        return end->failure;
    if (!end->started || end->handed_over)
        return 0;
    if (!end->known)
        /* The engine does not know either. After a stop that the container heeded there is no
         * reason to call it a failure; in all other cases it was most likely killed. */
        return end->stop_asked && !end->killed ? 0 : 128 + SIGKILL;
    if (end->stop_asked && end->status == 128 + end->stop_signal)
        return 0;
    return end->status;
}

static bool contains_any(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

int exit_status_of_start_error(const char *engine_message)
{
    /* The engine tells these apart by words alone; they are what docker run looks for too. */
    static const char *const not_found[] = {
        "executable file not found",
        "no such file or directory",
        "system cannot find the file specified",
    };
    static const char *const cannot_invoke[] = {
        "permission denied",
        "not a directory",
        "is a directory",
        "exec format error",
    };

    if (contains_any(engine_message, not_found, ELEMENTS(not_found)))
        return EXIT_NOT_FOUND;
    if (contains_any(engine_message, cannot_invoke, ELEMENTS(cannot_invoke)))
        return EXIT_CANNOT_INVOKE;
    return EXIT_ENGINE;
}
