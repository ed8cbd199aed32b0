/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/environment.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

/* The assignment to the `size` bytes of `name` in an environment, or NULL. */
static const char *find_assignment(char *const *environment, const char *name, size_t size)
{
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment;
    return NULL;
}

/* -e NAME: with our value; without one it goes as it is, which takes NAME out of the image's. */
static const char *complete(const RunLine *line, const char *assignment)
{
    const char *found = NULL;

    if (!strchr(assignment, '='))
        found = find_assignment(line->environment, assignment, strlen(assignment));
    return found ? found : assignment;
}

/* Does the run line say what this variable shall be? */
static bool is_overridden(const RunLine *line, const char *assignment)
{
    size_t size = strcspn(assignment, "=");
    const char *other;

    for (size_t i = 0; (other = run_line_each(line, "env", i)); i++)
        if (strcspn(other, "=") == size && memcmp(other, assignment, size) == 0)
            return true;
    return false;
}

static int add_ours(const RunLine *line)
{
    int r = 0;

    for (char *const *each = line->environment; r >= 0 && each && *each; each++)
        if (environment_is_passed_on(*each) && !is_overridden(line, *each))
            r = json_append_string(json_need_array(line->body, "Env"), *each);
    return r;
}

int request_add_environment(RunLine *line)
{
    const char *assignment;
    int r = 0;

    if (line->options->pass_environment)
        r = add_ours(line);
    for (size_t i = 0; r >= 0 && (assignment = run_line_each(line, "env", i)); i++) {
        if (*assignment == '=' || !*assignment)
            return refuse(line->message, "--env: \"%s\" has no name before the =", assignment);
        r = json_append_string(json_need_array(line->body, "Env"), complete(line, assignment));
    }
    return r;
}

int request_add_labels(RunLine *line)
{
    const char *label;
    int r = 0;

    for (size_t i = 0; r >= 0 && (label = run_line_each(line, "label", i)); i++) {
        size_t size = strcspn(label, "=");
        _cleanup_free_ char *key = strndup(label, size);

        if (size == 0)
            return refuse(line->message, "--label: \"%s\" has no name", label);
        r = !key ? -ENOMEM
                 : json_set_string(json_need_object(line->body, "Labels"), key,
                           label[size] ? label + size + 1 : "");
    }
    return r;
}
