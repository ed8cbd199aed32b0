/* SPDX-License-Identifier: Apache-2.0 */

/* Small texts to values: what is read is in bounds, and what is written reads the same. */

#include "base/command_line.h"
#include "base/parse.h"
#include "cgroup/layout.h"
#include "cli/docker_values.h"
#include "cli/image_reference.h"
#include "engine/address.h"
#include "fuzz.h"
#include "health/go_time.h"
#include "health/probe_spec.h"

static void times(const char *text)
{
    uint64_t usec, again;
    char formatted[GO_TIME_SIZE];
    int64_t nsec;

    if (go_time_parse(text, &usec) == 0) {
        go_time_format(usec, formatted);
        must(go_time_parse(formatted, &again) == 0 && again == usec);
    }
    /* For longer ones, 285 years, a double does not tell the microsecond any more. */
    if (parse_span(text, &usec) == 0 && usec < 1ULL << 53) {
        must(parse_span(format_span(usec), &again) == 0);
        go_duration_format(usec, formatted);
        must(parse_span(formatted, &again) == 0 && again == usec);
    }
    (void)docker_value_duration(text, &nsec);
}

static void numbers(const char *text)
{
    uint64_t number;
    int64_t integer;
    bool truth;
    int signal_number;

    (void)parse_boolean(text, &truth);
    (void)parse_unsigned(text, &number);
    (void)parse_integer(text, &integer);
    (void)docker_value_integer(text, &integer);
    must(docker_value_bytes(text, &integer) < 0 || integer >= 0);
    (void)docker_value_cpus(text, &integer);
    if (parse_signal(text, &signal_number) == 0)
        must(signal_number > 0 && signal_number <= 64);
}

static void words(const char *text)
{
    _cleanup_vector_ char **line = NULL;
    _cleanup_free_ char *message = NULL, *host_message = NULL;
    _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
    _cleanup_(engine_address_free_p) EngineAddress *address = NULL;
    const char *complaint = NULL;

    must(command_line_split(text, &line, &complaint) < 0 ? !line && complaint : !!line[0]);
    if (probe_spec_parse(text, &spec, &message) < 0)
        fuzz_must_be_a_line(message);
    else
        must(spec->kind == PROBE_EXEC ? spec->command && spec->command[0]
                                      : spec->addresses_size <= PROBE_ADDRESSES_MAX);
    if (engine_address_parse(text, &address, &host_message) < 0)
        fuzz_must_be_a_line(host_message);
    if (image_reference_is_valid(text))
        fuzz_must_be_a_line(text);
}

static void paths(const char *text)
{
    static const char id[CONTAINER_ID_SIZE + 1] =
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    _cleanup_free_ char *path = NULL, *unit = NULL, *name = NULL, *own = NULL;

    (void)cgroup_parse_path(text, "name=systemd", &path);
    path = (free(path), NULL);
    if (cgroup_parse_v2_path(text, &path) < 0)
        return;
    must(path[0] == '/');
    if (cgroup_path_unit(path, &unit, &name) == 0) {
        must(cgroup_path_is_below(path, unit));
        must(text_ends_with(name, ".service") || text_ends_with(name, ".scope"));
    }
    if (cgroup_path_container(path, id, &own) == 0)
        must(cgroup_path_is_below(path, own) && cgroup_path_is_of_container(own, id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = fuzz_text(data, size);

    times(text);
    numbers(text);
    words(text);
    paths(text);
    return 0;
}
