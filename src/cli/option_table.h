/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The rows of our own options: what options.c parses by and help.c prints. */

#include "cli/flag_scan.h"
#include "cli/options.h"

typedef struct Option Option;
typedef struct Choice Choice;

struct Option {
    Flag flag;
    const char *argument; /* as --help shows it: "=MODE", "[=BOOL]", or NULL */
    const char *help;     /* NULL: not shown */
    int (*take)(Options *options, const Option *option, const char *value, char **ret_message);
    size_t field;          /* of Options, where take() wants to know it */
    const Choice *choices; /* ends in a NULL word */
    bool is_general;       /* goes with every verb, not with run alone */
};

struct Choice {
    const char *word;
    int value; /* negative: known, and not supported */
};

/* All options, in the order of --help; ends in a row without name. */
extern const Option option_table[];
/* For flag_scan_next(): a row's flag. */
const Flag *option_find(const char *name, size_t size);
