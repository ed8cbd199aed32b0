/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/text.h"

#define LINE_MAX_SIZE 2048

static struct {
    bool journal;
    bool verbose;
} log_state;

/* systemd.exec(5): JOURNAL_STREAM is device:inode of the stream that leads to the journal. */
static bool stderr_is_journal(void)
{
    const char *named = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    if (!named || sscanf(named, "%llu:%llu", &device, &inode) != 2)
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(bool verbose)
{
    log_state.journal = stderr_is_journal();
    log_state.verbose = verbose;
}

static void write_without_waiting(const char *text, size_t size)
{
    struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };

    if (send(STDERR_FILENO, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != ENOTSOCK)
        return;
    if (poll(&ready, 1, 0) > 0 && (ready.revents & POLLOUT))
        (void)!write(STDERR_FILENO, text, size);
}

void log_line(int priority, const char *format, ...)
{
    char line[LINE_MAX_SIZE];
    size_t start, size;
    va_list arguments;
    int n;

    /* In the journal, reports of success cost nobody anything; elsewhere stderr is the container's,
     * and ours only when something is wrong. */
    if (priority > (log_state.journal ? LOG_INFO : LOG_NOTICE) && !log_state.verbose)
        return;

    if (log_state.journal)
        start = (size_t)snprintf(line, sizeof(line), "<%d>", priority);
    else
        start = (size_t)snprintf(line, sizeof(line), "systemd-ctr: ");

    va_start(arguments, format);
    n = vsnprintf(line + start, sizeof(line) - start - 1, format, arguments);
    va_end(arguments);
    if (n < 0)
        return;

    size = start + (size_t)n;
    if (size > sizeof(line) - 2)
        size = sizeof(line) - 2;
    /* What the engine or a container said may hold anything; ours is one line. */
    text_make_printable(line + start);
    line[size++] = '\n';
    write_without_waiting(line, size);
}
