/* SPDX-License-Identifier: Apache-2.0 */
#include "base/command_line.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define BLANKS " \t\n"

/* Takes the backslash at *text and what it stands before. */
static void take_escaped(const char **text, char quote, char **to)
{
    char next = (*text)[1];

    if (quote == '"' && !strchr("\\\"$`\n", next))
        *(*to)++ = '\\';
    if (next != '\n')
        *(*to)++ = next;
    *text += 2;
}

/* Takes a word from *text to `word`, which has room for all of it. */
static int take_word(const char **text, char *word, const char **ret_complaint)
{
    char quote = '\0';

    for (; **text && (quote || !strchr(BLANKS, **text));) {
        if (**text == '\\' && quote != '\'') {
            if (!(*text)[1]) {
                *ret_complaint = "nothing follows the backslash at the end";
                return -EINVAL;
            }
            take_escaped(text, quote, &word);
        } else if (quote ? **text == quote : **text == '\'' || **text == '"') {
            quote = quote ? '\0' : **text;
            (*text)++;
        } else {
            *word++ = *(*text)++;
        }
    }
    *word = '\0';
    if (quote) {
        *ret_complaint = "a quote is not closed";
        return -EINVAL;
    }
    return 0;
}

int command_line_split(const char *text, char ***ret, const char **ret_complaint)
{
    _cleanup_free_ char *word = malloc(strlen(text) + 1);
    _cleanup_vector_ char **words = NULL;
    int r;

    if (!word)
        return -ENOMEM;
    for (;;) {
        text += strspn(text, BLANKS);
        if (!*text)
            break;
        r = take_word(&text, word, ret_complaint);
        if (r >= 0)
            r = text_vector_append(&words, word);
        if (r < 0)
            return r;
    }
    if (!words) {
        *ret_complaint = "there is no command in it";
        return -EINVAL;
    }
    *ret = TAKE_PTR(words);
    return 0;
}
