/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/option_table.h"
#include "cli/options.h"

#define COLUMNS 79
#define HELP_COLUMN 28

static const char head[] =
        "Usage: systemd-ctr [OPTION]... run [--] DOCKER-RUN-ARGUMENT... IMAGE [COMMAND...]\n";

const char *options_help(void)
{
    return head;
}
