/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/output.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "unit/sink.h"

/* Mapped, not allocated: so that a burst's memory goes back to the kernel with the last byte of it,
 * and does not stay with the heap for as long as the service runs. */
#define CHUNK_SIZE (64U << 10)

typedef struct Chunk {
    struct Chunk *next;
    size_t start, end; /* what waits in `data` */
    uint8_t data[];
} Chunk;

#define CHUNK_ROOM (CHUNK_SIZE - sizeof(Chunk))

/* A sink and what waits for it. */
typedef struct Channel {
    Output *output;
    Sink sink;
    sd_event_source *source; /* on while something waits; NULL: nothing ever waits there */
    Chunk *first, *last;
    int fd; /* as given to output_new() */
    bool is_lost;
} Channel;

struct Output {
    OutputHandlers handlers;
    Channel channels[2];
    Channel *of_stream[2]; /* both the same where both streams lead to the same place */
    size_t kept;
    bool is_full;
};

static Chunk *chunk_new(void)
{
    Chunk *chunk;

    /* cppcheck-suppress invalidFunctionArg ; MAP_ANONYMOUS wants -1, mmap(2) */
    chunk = mmap(NULL, CHUNK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    /* cppcheck-suppress memleak */
    return chunk == MAP_FAILED ? NULL : chunk;
}

/* Lets go of the oldest chunk. */
static void drop_first(Channel *channel)
{
    Chunk *gone = channel->first;

    channel->first = gone->next;
    if (!channel->first)
        channel->last = NULL;
    (void)munmap(gone, CHUNK_SIZE);
}

static void drop_all(Channel *channel)
{
    while (channel->first) {
        channel->output->kept -= channel->first->end - channel->first->start;
        drop_first(channel);
    }
}

static int keep(Channel *channel, const uint8_t *data, size_t size)
{
    while (size > 0) {
        Chunk *chunk = channel->last;
        size_t step;

        if (!chunk || chunk->end == CHUNK_ROOM) {
            chunk = chunk_new();
            if (!chunk)
                return -ENOMEM;
            if (channel->last)
                channel->last->next = chunk;
            else
                channel->first = chunk;
            channel->last = chunk;
        }

        step = CHUNK_ROOM - chunk->end;
        if (step > size)
            step = size;
        memcpy(chunk->data + chunk->end, data, step);
        chunk->end += step;
        channel->output->kept += step;
        data += step;
        size -= step;
    }
    return 0;
}

static void report_lost(Channel *channel, int error)
{
    OutputHandlers *handlers = &channel->output->handlers;

    if (!channel->is_lost && handlers->on_lost) {
        channel->is_lost = true;
        handlers->on_lost(channel->fd, error, handlers->userdata);
    }
}

/* Writes what waits until there is no room. 0, or why the reader is lost. */
static int drain(Channel *channel)
{
    while (channel->first) {
        Chunk *chunk = channel->first;
        ssize_t n =
                sink_write(&channel->sink, chunk->data + chunk->start, chunk->end - chunk->start);

        if (n == -EAGAIN)
            return 0;
        if (n < 0)
            return (int)n;
        chunk->start += (size_t)n;
        channel->output->kept -= (size_t)n;
        if (chunk->start == chunk->end)
            drop_first(channel);
    }
    return 0;
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Channel *channel = userdata;
    Output *output = channel->output;
    OutputHandlers *handlers = &output->handlers;
    int r;

    (void)fd, (void)revents;
    r = drain(channel);
    if (r < 0)
        drop_all(channel);
    if (!channel->first) {
        int off = sd_event_source_set_enabled(source, SD_EVENT_OFF);

        if (off < 0)
            return off;
    }
    if (r < 0)
        report_lost(channel, r);

    if (output->is_full && output->kept <= OUTPUT_HIGH_WATER / 2) {
        output->is_full = false;
        if (handlers->on_room)
            handlers->on_room(handlers->userdata);
    }
    /* The last thing that is done with `output`: it may be freed in there. */
    if (output->kept == 0 && handlers->on_empty)
        handlers->on_empty(handlers->userdata);
    return 0;
}

/* How much need not be kept: it is out, or dropped. */
static size_t write_at_once(Channel *channel, const uint8_t *data, size_t size)
{
    size_t gone = 0;

    /* Not ahead of what waits. */
    if (channel->first)
        return 0;

    while (gone < size) {
        ssize_t n = sink_write(&channel->sink, data + gone, size - gone);

        if (n == -EAGAIN)
            return gone;
        if (n < 0) {
            report_lost(channel, (int)n);
            return size;
        }
        gone += (size_t)n;
    }
    return size;
}

int output_write(Output *output, int stream, const void *data, size_t size)
{
    Channel *channel = output->of_stream[stream - 1];
    const uint8_t *bytes = data;
    size_t gone;
    int r = 0, on;

    if (size == 0)
        return 0;
    gone = write_at_once(channel, bytes, size);
    if (gone == size)
        return 0;

    r = keep(channel, bytes + gone, size - gone);
    on = sd_event_source_set_enabled(channel->source, SD_EVENT_ON);
    if (output->kept >= OUTPUT_HIGH_WATER && !output->is_full) {
        output->is_full = true;
        if (output->handlers.on_full)
            output->handlers.on_full(output->handlers.userdata);
    }
    return r < 0 ? r : on < 0 ? on : 0;
}

bool output_is_empty(const Output *output)
{
    return output->kept == 0;
}

static int channel_open(Channel *channel, Output *output, int fd, sd_event *event)
{
    int r;

    channel->output = output;
    channel->fd = fd;
    sink_open(fd, &channel->sink);
    if (channel->sink.kind == SINK_DIRECT)
        return 0;

    r = sd_event_add_io(event, &channel->source, channel->sink.fd, EPOLLOUT, on_writable, channel);
    if (r < 0)
        return r;
    return sd_event_source_set_enabled(channel->source, SD_EVENT_OFF);
}

int output_new(sd_event *event, const int fds[2], const OutputHandlers *handlers, Output **ret)
{
    _cleanup_(output_free_p) Output *output = NULL;
    int r;

    output = calloc(1, sizeof(*output));
    if (!output)
        return -ENOMEM;
    output->handlers = *handlers;
    for (size_t i = 0; i < 2; i++)
        output->channels[i].sink.fd = -1;

    /* A pipe knows no MSG_NOSIGNAL. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -errno;

    r = channel_open(&output->channels[0], output, fds[0], event);
    if (r < 0)
        return r;
    output->of_stream[0] = &output->channels[0];
    output->of_stream[1] = &output->channels[0];
    if (!sink_is_same(fds[0], fds[1])) {
        r = channel_open(&output->channels[1], output, fds[1], event);
        if (r < 0)
            return r;
        output->of_stream[1] = &output->channels[1];
    }

    *ret = TAKE_PTR(output);
    return 0;
}

static void channel_close(Channel *channel)
{
    if (!channel->output)
        return;
    drop_all(channel);
    (void)sd_event_source_disable_unref(channel->source);
    sink_close(&channel->sink);
}

Output *output_free(Output *output)
{
    if (!output)
        return NULL;
    for (size_t i = 0; i < 2; i++)
        channel_close(&output->channels[i]);
    free(output);
    return NULL;
}
