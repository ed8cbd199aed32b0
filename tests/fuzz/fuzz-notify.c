/* SPDX-License-Identifier: Apache-2.0 */

/* What a hostile container says by sd_notify(3): two datagrams, the first as long as the first byte
 * tells. */

#include "fuzz.h"
#include "unit/notify_filter.h"

static bool filter(const uint8_t *data, size_t size, NotifyMessage *ret)
{
    bool passes = notify_filter(data, size, ret);

    if (!passes) {
        must(ret->phase == NOTIFY_PHASE_SAME && ret->ping == NOTIFY_PING_NONE);
        must(!ret->has_status && ret->bus_error[0] == '\0' && ret->error == 0);
        must(ret->extend_timeout_usec == 0);
    }
    must(strlen(ret->status) <= NOTIFY_STATUS_MAX);
    fuzz_must_be_a_line(ret->status);
    must(strlen(ret->bus_error) <= NOTIFY_BUS_ERROR_MAX);
    fuzz_must_be_a_line(ret->bus_error);
    must(ret->error <= 4095);
    return passes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NotifyMessage message = { 0 }, next = { 0 }, before;
    size_t first;

    if (size == 0)
        return 0;
    first = (size - 1) * data[0] / 255U;
    if (!filter(data + 1, first, &message) || !filter(data + 1 + first, size - 1 - first, &next))
        return 0;
    before = message;
    if (!notify_message_merge(&message, &next))
        must(memcmp(&before, &message, sizeof(before)) == 0);
    else if (next.phase != NOTIFY_PHASE_SAME)
        must(message.phase == next.phase);
    return 0;
}
