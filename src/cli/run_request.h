/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The docker part of the command line, turned into the request that creates the
 * container: what the docker CLI (28) would send for the same arguments.
 *
 * Where the request differs from the CLI's, on purpose:
 * - -i and -d are accepted and change nothing: what reads a unit's stdin is not
 *   the container (OpenStdin, AttachStdin are false), and a unit is always
 *   attached (AttachStdout, AttachStderr are true).
 * - --rm counts wherever it stands; --restart other than "no", --cgroup-parent,
 *   and what is not supported are refused.
 * - ConsoleSize is [0,0]; proxies of the CLI's config.json are not added.
 * - Where the CLI would send what only the engine can refuse (a name, a negative
 *   limit), or passes over a part of a value, we refuse.
 * tests/unit/run-line has each difference as an example ("ours").
 *
 * docker_flags.c is the table of every flag of `docker run`; it alone decides
 * where IMAGE begins. Pure but for the files that the arguments name
 * (--env-file, seccomp profiles).
 */

#include <stdbool.h>

#include "base/json.h"
#include "cli/options.h"

typedef enum PullPolicy {
    PULL_MISSING,
    PULL_ALWAYS,
    PULL_NEVER,
} PullPolicy;

typedef struct RunRequest {
    char *name;     /* --name, or NULL: the unit's */
    char *platform; /* --platform, or NULL */
    char *image;    /* as given, e.g. "nginx:1.27" or "sha256:..." */
    char *cidfile;  /* --cidfile, or NULL */
    PullPolicy pull;
    RemovePolicy remove;
    JsonValue *body; /* of POST /containers/create */
} RunRequest;

/* `environment`: where `-e NAME` without a value looks. `directory`: absolute, what relative
 * paths of -v and --env-file start from. `options`: --rm and --env of ours count.
 * Returns as options_parse() does; an unknown flag, a value that is none, a missing IMAGE, a file
 * that cannot be read: -EINVAL and the sentence. */
int run_request_parse(const Options *options, char *const *environment, const char *directory,
        RunRequest *ret, char **ret_message);
void run_request_clear(RunRequest *request);

/* Takes out of the body what only engines from API 1.`minor` on know and what can be done without.
 * 0, or -EOPNOTSUPP: this engine would pass over a limit of a mount (bind-recursive=readonly before
 * 1.44, volume-subpath before 1.45), and give the container more than was asked for. */
int run_request_fit_api(RunRequest *request, unsigned minor);

/* What --dry-run prints: {"query":{"name":..,"platform":..},"body":{..}}. NULL without memory. */
JsonValue *run_request_describe(const RunRequest *request);
