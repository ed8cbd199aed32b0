/* SPDX-License-Identifier: Apache-2.0 */
#include "health/record.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static const char *const names[] = {
    [HEALTH_NONE] = "none",
    [HEALTH_STARTING] = "starting",
    [HEALTH_HEALTHY] = "healthy",
    [HEALTH_UNHEALTHY] = "unhealthy",
};

const char *health_status_name(HealthStatus status)
{
    return names[status];
}

int health_status_of_name(const char *name, HealthStatus *ret)
{
    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (strcmp(names[i], name) == 0) {
            *ret = (HealthStatus)i;
            return 0;
        }
    return -EINVAL;
}

HealthResult *health_record_append(HealthRecord *record)
{
    if (record->n_results == HEALTH_RESULTS_MAX) {
        record->n_results--;
        memmove(record->results, record->results + 1,
                record->n_results * sizeof(record->results[0]));
    }
    return &record->results[record->n_results++];
}

const HealthResult *health_record_newest(const HealthRecord *record)
{
    return record->n_results > 0 ? &record->results[record->n_results - 1] : NULL;
}

/* How much of `output` to take so that a UTF-8 sequence (4 bytes at most) stays whole. */
static size_t cut_before_character(const char *output, size_t max)
{
    size_t cut = max;

    while (cut > 0 && max - cut < 3 && (output[cut] & 0xc0) == 0x80)
        cut--;
    return cut;
}

void health_output_copy(char *ret, size_t max, const char *output, size_t size)
{
    size_t taken = size <= max ? size : cut_before_character(output, max);

    for (size_t i = 0; i < taken; i++)
        ret[i] = output[i] != '\0' ? output[i] : '?';
    ret[taken] = '\0';
    text_make_printable_lines(ret);
    if (taken < size)
        strcpy(ret + taken, "...");
}

void health_output_line(const HealthResult *result, char *ret, size_t size)
{
    const char *output = result ? result->output : "";
    size_t length = strcspn(output, "\r\n");

    if (length > size - 1)
        length = cut_before_character(output, size - 1);
    memcpy(ret, output, length);
    ret[length] = '\0';
    text_make_printable(ret);
}
