/* SPDX-License-Identifier: Apache-2.0 */

/* A whole command line, a word on each line of the input. */

#include <errno.h>

#include "cli/options.h"
#include "cli/run_request.h"
#include "fuzz.h"

static char *const environment[] = { (char *)"A=1", (char *)"DOCKER_HOST=unix:///run/docker.sock",
    NULL };

static void complains(int r, const char *message)
{
    must(r == -EINVAL);
    fuzz_must_be_a_line(message);
}

static void request(const Options *options)
{
    _cleanup_free_ char *message = NULL;
    _cleanup_json_ JsonValue *description = NULL, *again = NULL;
    RunRequest request;
    int r = run_request_parse(options, environment, "/nowhere", &request, &message);

    if (r < 0)
        complains(r, message);
    else {
        const char *text;

        must(!message && request.image && request.body);
        description = run_request_describe(&request);
        text = json_value_format(description);
        must(text && json_value_parse_strict(text, strlen(text), &again) == 0);
        (void)run_request_fit_api(&request, 41);
    }
    run_request_clear(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_vector_ char **words = fuzz_words(data, size), **argv = NULL;
    _cleanup_free_ char *message = NULL;
    Options options;
    int r;

    must(text_vector_append(&argv, "systemd-ctr") == 0);
    for (size_t i = 0; words[i]; i++)
        must(text_vector_append(&argv, words[i]) == 0);
    r = options_parse(argv, environment, &options, &message);
    if (r < 0)
        complains(r, message);
    else if (options.verb == VERB_RUN)
        request(&options);
    options_clear(&options);
    return 0;
}
