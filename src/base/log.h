/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What we say to people, on stderr: one line each.
 *
 * Only the top of the program logs (supervisor, main); what lies below returns
 * an error and lets the top word it. Under systemd a line carries its priority
 * in front, as sd-daemon(3) tells; elsewhere the program's name. A line that
 * the reader does not take at once is dropped: logging never blocks.
 */

#include <stdbool.h>
#include <syslog.h>

#include "base/cleanup.h"

/* Reads the environment once: is stderr the journal? If not, info lines are for `verbose`, which
 * shows debug lines as well. */
void log_open(bool verbose);

void log_line(int priority, const char *format, ...) _printf_(2, 3);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
