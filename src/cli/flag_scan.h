/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The grammar of flags, as the docker CLI's parser (pflag) has it:
 * --name=value, --name value, -n value, -nvalue, -n=value, bundled switches
 * (-itd), and the end of flags at the first word that is none, or after "--".
 * Names are never abbreviated. Beyond it, what docker took in 2014: a whole
 * long name behind one dash (-name x).
 *
 * Which flags there are is the caller's table. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct Flag {
    const char *name;
    char shorthand;   /* 0: none */
    bool takes_value; /* false: a switch, which has a value only behind '=' */
} Flag;

typedef struct FlagScan {
    char *const *argv; /* the next word; at the end the first that is no flag */
    /* The flag of this long name (`size` bytes) or, with `size` 0, of the shorthand *name. */
    const Flag *(*find)(const char *name, size_t size);
    const char *unknown; /* begins the refusal: "unknown option" */
    /* Those that belong elsewhere, and what is said of them behind the refusal; may be NULL. */
    const Flag *(*find_elsewhere)(const char *name, size_t size);
    const char *elsewhere;
    bool prefer_long;      /* what a single dash can begin both ways is a long name */
    bool ended_by_dashes;  /* "--" ended the flags; argv is behind it */
    const char *shorthand; /* inside a word of shorthands: the next */
} FlagScan;

/* Takes the next flag. 1: *ret_flag, and *ret_value, borrowed from argv, NULL for a switch without
 * one; 0: the flags have ended; -EINVAL and a sentence (see refuse()). */
int flag_scan_next(
        FlagScan *scan, const Flag **ret_flag, const char **ret_value, char **ret_message);
