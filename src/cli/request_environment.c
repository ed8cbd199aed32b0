/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/environment.h"
#include "cli/paths.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

#define ENV_FILE_MAX (1U << 20)

static bool is_same_name(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");

    return strcspn(b, "=") == size && memcmp(a, b, size) == 0;
}

/* Is `assignment` overridden by an -e, of those from the one at `index` on? */
static bool is_overridden(const RunLine *line, const char *assignment, size_t index)
{
    const char *other;

    for (; (other = run_line_each(line, "env", index)); index++)
        if (is_same_name(assignment, other))
            return true;
    return false;
}

static int append(const RunLine *line, const char *assignment)
{
    return json_append_string(json_need_array(line->body, "Env"), assignment);
}

/* A line of --env-file: NAME=VALUE, or NAME for our value. White space in front is dropped, a line
 * that begins with '#' is a comment; all else, quotes too, belongs to the value. Puts what is wrong
 * with the line into *ret_complaint. */
static int take_file_line(RunLine *line, const char *text, char **ret_complaint)
{
    const char *assignment = text + strspn(text, " \t\n\v\f\r");

    if (!*assignment || *assignment == '#')
        return 0;
    if (*assignment == '=')
        return refuse(ret_complaint, "there is no name before the =");
    if (strcspn(assignment, " \t") < strcspn(assignment, "="))
        return refuse(ret_complaint, "there is white space in the name");
    if (!strchr(assignment, '='))
        assignment = environment_find(line->environment, assignment, strlen(assignment));
    return assignment ? append(line, assignment) : 0;
}

static int take_file(RunLine *line, const char *path, const char *text, size_t size)
{
    const char *end = text + size, *next;
    int r = 0;

    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;

    for (unsigned number = 1; r >= 0 && text < end; number++, text = next) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);
        _cleanup_free_ char *row = NULL, *complaint = NULL;

        next = text + length + (newline != NULL);
        if (length > 0 && text[length - 1] == '\r')
            length--;
        row = strndup(text, length);
        if (!row)
            return -ENOMEM;
        if (strlen(row) != length || !text_is_utf8(row))
            r = refuse(&complaint, "it is not UTF-8 text");
        else
            r = take_file_line(line, row, &complaint);
        if (r == -EINVAL)
            return refuse(line->message, "--env-file: %s, line %u: %s", path, number, complaint);
    }
    return r;
}

static int add_file(RunLine *line, const char *name)
{
    _cleanup_free_ char *path = NULL, *text = NULL;
    size_t size;
    int r;

    if (!*name)
        return refuse(line->message, "--env-file: no file is named");
    path = path_absolute(line->directory, name);
    if (!path)
        return -ENOMEM;
    r = file_read(path, ENV_FILE_MAX, &text, &size);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        return refuse(line->message, "--env-file: cannot read %s: %s", path, strerror(-r));
    return take_file(line, path, text, size);
}

/* -e of the run line. Of several with one name the last counts. -e NAME takes our value; without
 * one it goes as it is, which takes NAME out of the image's. */
static int add_assignment(RunLine *line, const char *assignment, size_t index)
{
    const char *found = NULL;

    if (!*assignment || *assignment == '=')
        return refuse(line->message, "--env: \"%s\" has no name before the =", assignment);
    if (is_overridden(line, assignment, index + 1))
        return 0;
    if (!strchr(assignment, '='))
        found = environment_find(line->environment, assignment, strlen(assignment));
    return append(line, found ? found : assignment);
}

static bool has_name(JsonValue *assignments, const char *assignment)
{
    for (size_t i = 0; i < json_value_length(assignments); i++)
        if (is_same_name(assignment, json_value_string(json_value_at(assignments, i), "")))
            return true;
    return false;
}

/* --env of ours: our environment in front of what the run line and its files say, but for the
 * variables that they name. */
static int add_ours(const RunLine *line)
{
    _cleanup_json_ JsonValue *given = json_value_ref(json_value_get(line->body, "Env"));
    int r = 0;

    json_unset(line->body, "Env");
    if (!json_need_array(line->body, "Env"))
        return -ENOMEM;
    for (char *const *each = line->environment; r >= 0 && each && *each; each++)
        if (environment_is_passed_on(*each) && !has_name(given, *each))
            r = append(line, *each);
    for (size_t i = 0; r >= 0 && i < json_value_length(given); i++)
        r = append(line, json_value_string(json_value_at(given, i), ""));
    return r;
}

int request_add_environment(RunLine *line)
{
    const char *text;
    int r = 0;

    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "env-file", i)); i++)
        r = add_file(line, text);
    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "env", i)); i++)
        r = add_assignment(line, text, i);
    if (r >= 0 && line->options->pass_environment)
        r = add_ours(line);
    return r;
}
