/* SPDX-License-Identifier: Apache-2.0 */

/* The command line of an OCI runtime, a word on each line of the input. */

#include "fuzz.h"
#include "runtime/runtime_arguments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_vector_ char **argv = fuzz_words(data, size);
    size_t length = text_vector_length(argv);
    RuntimeArguments line, after;

    runtime_arguments_parse(argv, &line);
    must(line.bundle);
    must(!runtime_arguments_create(&line) || line.command);
    {
        /* The words that go are the vector's, which owns them no more then. */
        _cleanup_free_ char **copy = calloc(length + 1, sizeof(*copy));

        must(copy);
        memcpy(copy, argv, length * sizeof(*copy));
        runtime_arguments_drop_systemd_cgroup(copy);
        must(text_vector_length(copy) <= length);
        runtime_arguments_parse(copy, &after);
        must(after.command == line.command && after.id == line.id && after.log == line.log);
    }
    return 0;
}
