/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/flag_scan.h"

#include <string.h>

#include "cli/refusal.h"

/* The value behind the flag's word: the next word, whatever it looks like. */
static int take_next_word(
        FlagScan *scan, const Flag *flag, const char **ret_value, char **ret_message)
{
    if (!*scan->argv)
        return refuse(ret_message, "--%s needs a value behind it", flag->name);
    *ret_value = *scan->argv++;
    return 1;
}

static int take_long(FlagScan *scan, const char *text, const char *written, const Flag **ret_flag,
        const char **ret_value, char **ret_message)
{
    size_t size = strcspn(text, "=");

    *ret_flag = size > 0 ? scan->find(text, size) : NULL;
    if (!*ret_flag) {
        bool is_known = size > 0 && scan->find_elsewhere && scan->find_elsewhere(text, size);

        return refuse(ret_message, "%s %.*s%s", scan->unknown,
                (int)(size + (size_t)(text - written)), written, is_known ? scan->elsewhere : "");
    }
    scan->argv++;

    *ret_value = text[size] == '=' ? text + size + 1 : NULL;
    if (!*ret_value && (*ret_flag)->takes_value)
        return take_next_word(scan, *ret_flag, ret_value, ret_message);
    return 1;
}

static int take_shorthand(
        FlagScan *scan, const Flag **ret_flag, const char **ret_value, char **ret_message)
{
    const char *letter = scan->shorthand;

    *ret_flag = scan->find(letter, 0);
    if (!*ret_flag)
        return refuse(ret_message, "%s -%c in %s", scan->unknown, *letter, *scan->argv);

    scan->shorthand = letter[1] ? letter + 1 : NULL;
    *ret_value = NULL;
    if (letter[1] == '=') {
        /* pflag takes "-=", and "-i=" too, for shorthands that go on. */
        scan->shorthand = NULL;
        *ret_value = letter + 2;
    } else if ((*ret_flag)->takes_value && letter[1]) {
        scan->shorthand = NULL;
        *ret_value = letter + 1;
    }

    if (!scan->shorthand)
        scan->argv++;
    if (!*ret_value && (*ret_flag)->takes_value)
        return take_next_word(scan, *ret_flag, ret_value, ret_message);
    return 1;
}

/* Is this word nothing but shorthands, of which only the last may want a value? */
static bool is_bundle(const FlagScan *scan, const char *letters)
{
    for (; *letters && *letters != '='; letters++) {
        const Flag *flag = scan->find(letters, 0);

        if (!flag || (flag->takes_value && letters[1] && letters[1] != '='))
            return false;
    }
    return true;
}

/* -name: docker's parser of 2014 took long names behind one dash, and units still have them.
 * -ip stays what it is today, -i and -p. */
static bool is_long_behind_one_dash(const FlagScan *scan, const char *text)
{
    size_t size = strcspn(text, "=");

    if (size < 2 || !scan->find(text, size))
        return false;
    return scan->prefer_long || !is_bundle(scan, text);
}

int flag_scan_next(
        FlagScan *scan, const Flag **ret_flag, const char **ret_value, char **ret_message)
{
    const char *word = *scan->argv;

    if (scan->shorthand)
        return take_shorthand(scan, ret_flag, ret_value, ret_message);
    if (!word || word[0] != '-' || word[1] == '\0')
        return 0;
    if (strcmp(word, "--") == 0) {
        scan->argv++;
        scan->ended_by_dashes = true;
        return 0;
    }
    if (word[1] == '-')
        return take_long(scan, word + 2, word, ret_flag, ret_value, ret_message);
    if (is_long_behind_one_dash(scan, word + 1))
        return take_long(scan, word + 1, word, ret_flag, ret_value, ret_message);

    scan->shorthand = word + 1;
    return take_shorthand(scan, ret_flag, ret_value, ret_message);
}
