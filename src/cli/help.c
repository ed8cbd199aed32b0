/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/docker_flags.h"
#include "cli/option_table.h"
#include "cli/options.h"

#define COLUMNS 79U
#define TEXT_COLUMN 29U
#define HELP_MAX 8192U
#define FLAG_NAME_MAX 64

typedef struct Page {
    char text[HELP_MAX];
    size_t size;
    unsigned column;
} Page;

static const char usage[] =
        "Usage:\n"
        "  systemd-ctr [OPTION]... run [--] DOCKER-RUN-ARGUMENT... IMAGE [COMMAND...]\n"
        "  systemd-ctr [OPTION]... -- DOCKER-RUN-ARGUMENT... IMAGE [COMMAND...]\n"
        "      What a unit's ExecStart= says instead of \"docker run\".\n"
        "  systemd-ctr [OPTION]... cleanup NAME\n"
        "      Remove what a unit left, for ExecStopPost=.\n"
        "  systemd-ctr [OPTION]... healthcheck NAME\n"
        "      Run its health check once, now: 0 it passed, 1 it did not.\n"
        "  systemd-ctr [OPTION]... status NAME [--json]\n"
        "      How the container is, and where.\n"
        "  systemd-ctr [OPTION]... check\n"
        "      What this host offers, and what is missing.\n"
        "  systemd-ctr [OPTION]... setup-runtime [--remove] [--runtime=PATH]\n"
        "      Register systemd-ctr-runtime with dockerd.\n";

static const char ending[] =
        "\n"
        "Exit status: the container's own; 0 where its stop signal has ended it after a\n"
        "stop that was asked for.\n"
        "  64   the command line is wrong\n"
        "  69   the engine cannot be reached\n"
        "  125  the engine or systemd-ctr failed\n"
        "  126  the container's program cannot be run\n"
        "  127  the container's program cannot be found\n"
        "\n"
        "SPAN is as in systemd.time(7): 500ms, 30s, 1min 30s.\n"
        "See systemd-ctr(1).\n";

/* What does not fit is cut off: a test reads the whole page. */
static void print(Page *page, const char *format, ...) _printf_(2, 3);
static void print(Page *page, const char *format, ...)
{
    va_list arguments;
    char *begin = page->text + page->size, *newline;

    va_start(arguments, format);
    (void)vsnprintf(begin, HELP_MAX - page->size, format, arguments);
    va_end(arguments);

    newline = strrchr(begin, '\n');
    page->size += strlen(begin);
    page->column = newline ? (unsigned)strlen(newline + 1) : page->column + (unsigned)strlen(begin);
}

/* Prints a word between the columns `indent` and COLUMNS, on the next line if it has no room. */
static void print_word(Page *page, unsigned indent, const char *word, int length)
{
    if (page->column > indent && page->column + 1 + (unsigned)length > COLUMNS)
        print(page, "\n");
    if (page->column < indent)
        print(page, "%*s", (int)(indent - page->column), "");
    else if (page->column > indent)
        print(page, " ");
    print(page, "%.*s", length, word);
}

static void print_words(Page *page, unsigned indent, const char *text)
{
    while (*text) {
        int length = (int)strcspn(text, " ");

        print_word(page, indent, text, length);
        text += length + (text[length] == ' ');
    }
    print(page, "\n");
}

static void print_option(Page *page, const Option *option)
{
    const char *argument = option->argument ? option->argument : "";

    if (option->flag.shorthand)
        print(page, "  -%c, --%s%s", option->flag.shorthand, option->flag.name, argument);
    else
        print(page, "      --%s%s", option->flag.name, argument);
    if (page->column + 1 >= TEXT_COLUMN)
        print(page, "\n");
    print_words(page, TEXT_COLUMN, option->help);
}

static void print_options(Page *page, const char *title, bool is_general)
{
    print(page, "\n%s\n", title);
    for (const Option *option = option_table; option->flag.name; option++)
        if (option->help && option->is_general == is_general)
            print_option(page, option);
}

static void print_docker_flags(Page *page, const char *title, bool has_effect)
{
    const DockerFlag *flag;

    print(page, "%s\n", title);
    for (size_t i = 0; (flag = docker_flag_at(i)); i++) {
        bool is_carried = flag->treatment == DOCKER_CARRIED || flag->treatment == DOCKER_COLLECTED;

        if (has_effect ? is_carried : flag->treatment == DOCKER_NO_EFFECT) {
            char word[FLAG_NAME_MAX];

            print_word(page, 4, word, snprintf(word, sizeof(word), "--%s", flag->flag.name));
        }
    }
    print(page, "\n");
}

const char *options_help(void)
{
    static Page page;

    if (page.size > 0)
        return page.text;

    print(&page, "%s", usage);
    print_options(&page, "Options of run:", false);
    print_options(&page, "Options of the other commands, and of all:", true);
    print(&page,
            "\nDOCKER-RUN-ARGUMENT is a flag of \"docker run\" (28), with docker's meaning.\n");
    print_docker_flags(&page, "  Carried:", true);
    print_docker_flags(&page, "  Accepted, without effect in a unit:", false);
    print(&page,
            "  All others are refused by name; so is --restart, other than \"no\": systemd\n"
            "  restarts services (Restart=).\n");
    print(&page, "%s", ending);
    return page.text;
}
