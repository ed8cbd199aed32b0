/* SPDX-License-Identifier: Apache-2.0 */

/* The engine's inspect reply, as far as health goes; and our own record of it. */

#include "base/clock.h"
#include "fuzz.h"
#include "health/docker_health.h"
#include "health/health_json.h"

#define NOW (1000 * USEC_PER_SEC)
#define REALTIME (1772366400 * USEC_PER_SEC)

static void record_must_be_sound(const HealthRecord *record)
{
    must(text_is_utf8(health_status_name(record->status)));
    must(record->n_results <= HEALTH_RESULTS_MAX);
    for (size_t i = 0; i < record->n_results; i++) {
        must(strlen(record->results[i].output) < sizeof(record->results[i].output));
        must(text_is_utf8(record->results[i].output));
    }
}

/* What is written reads the same. */
static void write_and_read(const HealthRecord *record)
{
    _cleanup_json_ JsonValue *written = health_record_format(record), *again = NULL;
    HealthRecord read;

    must(written && health_record_parse(written, &read) == 0);
    again = health_record_format(&read);
    must(text_equal(json_value_format(written), json_value_format(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_json_ JsonValue *inspect = NULL;
    _cleanup_vector_ char **command = NULL;
    JsonValue *container;
    HealthConfig config;
    HealthRecord record;
    Health health;
    DockerLog log = { 0 };
    bool changed = false;

    if (json_value_parse((const char *)data, size, &inspect) < 0)
        return 0;
    container = json_value_get(inspect, "Config");
    health_config_parse(json_value_get(container, "Healthcheck"), &config);
    must(health_command_parse(container, &command) < 0 || command[0]);
    if (health_record_parse(json_value_get(json_value_get(inspect, "State"), "Health"), &record) ==
            0) {
        record_must_be_sound(&record);
        write_and_read(&record);
    }

    config.has_check = true;
    health_init(&health, &config, NOW, NOW);
    must(health_stale_at(&health) >= NOW);
    if (docker_log_feed(&log, &health, inspect, NOW, REALTIME, &changed) < 0)
        return 0;
    record_must_be_sound(&health.record);
    must(health.evidence <= NOW);
    record = health.record;
    /* Each result counts once. */
    must(docker_log_feed(&log, &health, inspect, NOW, REALTIME, &changed) == 0);
    must(!changed && health.record.failing_streak == record.failing_streak);
    return 0;
}
