/* SPDX-License-Identifier: Apache-2.0 */
#include "health/docker_check.h"

#include <errno.h>
#include <stdint.h>

#include "base/text.h"

/* moby, daemon/health.go: getShell(), where the image has no SHELL. */
static const char *const shell[] = { "/bin/sh", "-c" };

static int append_all(char ***command, JsonValue *words, size_t from)
{
    for (size_t i = from; i < json_value_length(words); i++) {
        const char *word = json_value_string(json_value_at(words, i), NULL);

        if (!word)
            return -EBADMSG;
        if (text_vector_append(command, word) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int append_shell(char ***command, JsonValue *config)
{
    JsonValue *words = json_value_get(config, "Shell");

    if (json_value_length(words) > 0)
        return append_all(command, words, 0);
    for (size_t i = 0; i < ELEMENTS(shell); i++)
        if (text_vector_append(command, shell[i]) < 0)
            return -ENOMEM;
    return 0;
}

int docker_check_command(JsonValue *inspect, char ***ret)
{
    JsonValue *config = json_value_get(inspect, "Config");
    JsonValue *test = json_value_get(json_value_get(config, "Healthcheck"), "Test");
    const char *form = json_value_string(json_value_at(test, 0), "");
    _cleanup_vector_ char **command = NULL;
    int r = 0;

    if (json_value_length(test) == 0 || text_equal(form, "NONE"))
        return 0;
    if (text_equal(form, "CMD-SHELL"))
        r = append_shell(&command, config);
    else if (!text_equal(form, "CMD"))
        return -EBADMSG;
    if (r >= 0)
        r = append_all(&command, test, 1);
    if (r < 0)
        return r;
    if (!command)
        return -EBADMSG;
    *ret = TAKE_PTR(command);
    return 1;
}
