/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A run line on its way to a request: what flags carry straight goes into the
 * body at once; the rest is collected by flag, and the parts of the request
 * (request_parts.h) are made from it when the line has been read.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "cli/run_request.h"

typedef struct RunLine {
    const Options *options;
    char *const *environment;
    const char *directory;
    RunRequest *request;
    JsonValue *body;      /* the request's, borrowed */
    JsonValue *host;      /* its HostConfig, borrowed */
    JsonValue *collected; /* flag name -> value, or array of them for a list */
    char **message;       /* for refuse() */
} RunLine;

/* Reads options->run_line: flags, IMAGE, COMMAND. 0, or -EINVAL and the message, or -ENOMEM. */
int run_line_read(RunLine *line);

/* What was collected, of the last of the flags so named. Borrowed. */
bool run_line_has(const RunLine *line, const char *flag);
const char *run_line_text(const RunLine *line, const char *flag, const char *otherwise);
bool run_line_switch(const RunLine *line, const char *flag, bool otherwise);
int64_t run_line_integer(const RunLine *line, const char *flag, int64_t otherwise);

/* A list, one by one: NULL behind the last. */
const char *run_line_each(const RunLine *line, const char *flag, size_t index);

/* Sets the member of `object` that stands in front of `separator` to what follows it; "" where
 * there is none. 0 or -ENOMEM. */
int run_line_set_pair(JsonValue *object, const char *pair, char separator);
