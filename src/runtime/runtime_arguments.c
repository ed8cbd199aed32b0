/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime_arguments.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"

/* The options whose value may be the next word; in front of the command, then behind it. */
static const char *const general_options[] = { "root", "log", "log-format", "log-level", "criu",
    "rootless", "cgroup-manager", NULL };
static const char *const command_options[] = { "bundle", "b", "console-socket", "pidfd-socket",
    "pid-file", "preserve-fds", "config", "f", NULL };

/* One option: `words` is how many of argv it takes; an option without a value has value NULL. */
typedef struct Word {
    const char *name; /* ends in '=' or NUL */
    size_t name_size;
    const char *value;
    size_t words;
} Word;

static bool word_is(const Word *word, const char *name)
{
    return strlen(name) == word->name_size && memcmp(word->name, name, word->name_size) == 0;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* Go's flag package, runc's parser, takes one dash for two. */
static Word take_option(char *const *argv, const char *const *with_value)
{
    const char *name = argv[0] + (argv[0][1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    Word word = { .name = name,
        .name_size = equals ? (size_t)(equals - name) : strlen(name),
        .value = equals ? equals + 1 : NULL,
        .words = 1 };

    for (; !equals && *with_value; with_value++)
        if (word_is(&word, *with_value) && argv[1]) {
            word.value = argv[1];
            word.words = 2;
        }
    return word;
}

/* Returns the command's place in argv, or the NULL at its end. */
static char *const *parse_general(char *const *argv, RuntimeArguments *line)
{
    while (*argv && is_option(*argv)) {
        Word word = take_option(argv, general_options);

        if (word_is(&word, "log"))
            line->log = word.value;
        else if (word_is(&word, "log-format"))
            line->log_is_json = text_equal(word.value, "json");
        argv += word.words;
    }
    return argv;
}

static void parse_command(char *const *argv, RuntimeArguments *line)
{
    size_t operands = 0;
    bool ended = false;

    /* runc takes options behind the ID as well. */
    while (*argv) {
        if (ended || !is_option(*argv)) {
            line->id = *argv++;
            operands++;
        } else if (strcmp(*argv, "--") == 0) {
            ended = true;
            argv++;
        } else {
            Word word = take_option(argv, command_options);

            if ((word_is(&word, "bundle") || word_is(&word, "b")) && word.value)
                line->bundle = word.value;
            argv += word.words;
        }
    }
    if (operands != 1)
        line->id = NULL;
}

void runtime_arguments_parse(char *const *argv, RuntimeArguments *ret)
{
    *ret = (RuntimeArguments){ .bundle = "." };
    if (!argv[0])
        return;
    argv = parse_general(argv + 1, ret);
    ret->command = *argv;
    if (ret->command)
        parse_command(argv + 1, ret);
}

bool runtime_arguments_create(const RuntimeArguments *line)
{
    return line->id && (text_equal(line->command, "create") || text_equal(line->command, "run"));
}

void runtime_arguments_drop_systemd_cgroup(char **argv)
{
    char **to = argv;

    if (*argv)
        to = ++argv;
    while (*argv && is_option(*argv)) {
        Word word = take_option(argv, general_options);
        bool drop = word_is(&word, "systemd-cgroup") || word_is(&word, "cgroup-manager");

        for (size_t i = 0; i < word.words; i++, argv++)
            if (!drop)
                *to++ = *argv;
    }
    while (*argv)
        *to++ = *argv++;
    *to = NULL;
}
