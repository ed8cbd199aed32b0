/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/exec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/call.h"
#include "engine/exec_process.h"
#include "engine/target.h"

#define ANSWER_USEC (5 * USEC_PER_SEC)
/* Where the output ends before the command does, nothing tells when that ends. */
#define LOOK_AGAIN_USEC (20 * USEC_PER_MSEC)
#define LOOK_AGAIN_MAX_USEC USEC_PER_SEC
/* The loop stands still meanwhile, and a container may fork without end. */
#define KILL_MAX_USEC (500 * USEC_PER_MSEC)
#define CUT "..."
#define SILENCE "the engine does not answer"
#define UNKILLED "\nand it cannot be killed: "

struct EngineExec {
    Engine *engine; /* NULL once it has ended */
    EngineExec *next;
    pid_t first;
    char *id;
    uint64_t timeout_usec;
    EngineExecHandler handler; /* NULL: nobody is to hear of it (any more) */
    void *userdata;
    EngineCall *creating, *running, *looking;
    sd_event_source *timer;
    uint64_t start_deadline_usec; /* the engine's; CLOCK_MONOTONIC as all */
    uint64_t deadline_usec;       /* the command's, once the engine has taken it */
    uint64_t look_again_usec;
    char output[ENGINE_EXEC_OUTPUT_MAX + sizeof(CUT)];
    size_t output_size;
    bool is_cut;
};

/* ---- its end ---- */

/* After it only memory is left of it. */
static void exec_stop(EngineExec *exec)
{
    EngineExec **link = &exec->engine->execs;

    while (*link != exec)
        link = &(*link)->next;
    *link = exec->next;
    exec->engine = NULL;
    exec->creating = engine_call_cancel(exec->creating);
    exec->running = engine_call_cancel(exec->running);
    exec->looking = engine_call_cancel(exec->looking);
    exec->timer = sd_event_source_disable_unref(exec->timer);
}

static void exec_free(EngineExec *exec)
{
    exec_stop(exec);
    free(exec->id);
    free(exec);
}

void exec_free_all(Engine *engine)
{
    while (engine->execs)
        exec_free(engine->execs);
}

static void say(EngineExec *exec, const char *data, size_t size)
{
    size_t room = ENGINE_EXEC_OUTPUT_MAX - exec->output_size;

    if (exec->is_cut)
        return;
    memcpy(exec->output + exec->output_size, data, size < room ? size : room);
    exec->output_size += size < room ? size : room;
    if (size > room) {
        memcpy(exec->output + exec->output_size, CUT, strlen(CUT));
        exec->output_size += strlen(CUT);
        exec->is_cut = true;
    }
}

/* The handler may free the engine: after it nothing of ours is touched, `exec` but by end(). */
static void tell(EngineExec *exec, int result)
{
    EngineExecHandler handler = exec->handler;

    exec->handler = NULL;
    exec->output[exec->output_size] = '\0';
    if (handler)
        handler(result, exec->output, exec->output_size, exec->userdata);
}

static void end(EngineExec *exec, int result)
{
    exec_stop(exec);
    tell(exec, result);
    free(exec->id);
    free(exec);
}

/* The engine said no, or nothing. */
static void end_without_result(EngineExec *exec, const EngineReply *reply)
{
    int r = reply->error < 0       ? reply->error
            : reply->status == 404 ? -ENOENT
            : reply->status == 409 ? -EBUSY
                                   : -EIO;

    exec->output_size = 0;
    exec->is_cut = false;
    say(exec, reply->message, strlen(reply->message));
    end(exec, r);
}

/* ---- its time ---- */

static uint64_t now_of(const EngineExec *exec)
{
    uint64_t usec = 0;

    (void)sd_event_now(exec->engine->event, CLOCK_MONOTONIC, &usec);
    return usec;
}

static uint64_t later(uint64_t usec, uint64_t by)
{
    return by > UINT64_MAX - usec ? UINT64_MAX : usec + by;
}

static void wake_at(EngineExec *exec, uint64_t usec)
{
    (void)sd_event_source_set_time(exec->timer, usec);
    (void)sd_event_source_set_enabled(
            exec->timer, usec == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* ---- what has become of it? ---- */

static void on_looked(const EngineReply *reply, void *userdata);

static void look(EngineExec *exec)
{
    CallRequest request = { .kind = CALL_BODY, .method = "GET", .timeout_usec = ANSWER_USEC };
    int r;

    if (exec->looking)
        return;
    request.target = target_new("/exec/", exec->id, false, "/json");
    r = call_start_simple(exec->engine, &request, on_looked, exec, &exec->looking);
    /* There is no memory: a caller may be on the stack, and the next second may be better. */
    if (r < 0)
        wake_at(exec, later(now_of(exec), LOOK_AGAIN_MAX_USEC));
}

/* It is over for who asked; but it must not run on when the engine comes to start it after all. */
static void end_unanswered(EngineExec *exec)
{
    wake_at(exec, later(now_of(exec), LOOK_AGAIN_MAX_USEC));
    tell(exec, -ETIMEDOUT);
}

/* Out of time, or given up: `pid` is the engine's word, 0 as long as it has not started it. */
static void end_early(EngineExec *exec, int64_t pid)
{
    uint64_t now = now_of(exec);
    int r;

    if (pid > 0 && pid <= INT32_MAX) {
        r = exec_process_kill((pid_t)pid, exec->first, KILL_MAX_USEC);
        if (r < 0 && r != -ESRCH) {
            say(exec, UNKILLED, strlen(UNKILLED));
            say(exec, strerror(-r), strlen(strerror(-r)));
        }
        end(exec, -ETIMEDOUT);
        return;
    }
    if (!exec->running) {
        end(exec, -ETIMEDOUT);
        return;
    }

    /* Its own time has not begun. */
    if (exec->handler && now < exec->start_deadline_usec) {
        exec->deadline_usec = later(now, exec->timeout_usec);
        wake_at(exec,
                exec->deadline_usec < exec->start_deadline_usec ? exec->deadline_usec
                                                                : exec->start_deadline_usec);
        return;
    }
    end_unanswered(exec);
}

static void on_looked(const EngineReply *reply, void *userdata)
{
    EngineExec *exec = userdata;
    bool early = !exec->handler || now_of(exec) >= exec->deadline_usec;
    int64_t status = json_member_integer(reply->body, "ExitCode", -1);

    exec->looking = NULL;
    if (!engine_reply_ok(reply) && !early) {
        end_without_result(exec, reply);
    } else if (reply->error == -ETIMEDOUT && exec->running) {
        end_unanswered(exec);
    } else if (!engine_reply_ok(reply)) {
        end(exec, -ETIMEDOUT);
    } else if (!json_member_boolean(reply->body, "Running", true) && status >= 0) {
        end(exec, status <= UINT8_MAX ? (int)status : -EBADMSG);
    } else if (early) {
        end_early(exec, json_member_integer(reply->body, "Pid", 0));
    } else {
        uint64_t again = later(now_of(exec), exec->look_again_usec);

        if (exec->look_again_usec < LOOK_AGAIN_MAX_USEC)
            exec->look_again_usec *= 2;
        wake_at(exec, again < exec->deadline_usec ? again : exec->deadline_usec);
    }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    EngineExec *exec = userdata;

    (void)source;
    (void)usec;
    if (!exec->creating) {
        look(exec);
        return 0;
    }
    say(exec, SILENCE, strlen(SILENCE));
    end(exec, -EHOSTDOWN);
    return 0;
}

/* ---- its course ---- */

static void on_running(void *userdata)
{
    EngineExec *exec = userdata;

    exec->deadline_usec = later(now_of(exec), exec->timeout_usec);
    if (exec->handler)
        wake_at(exec, exec->deadline_usec);
}

static void on_output(int fd, const void *data, size_t size, void *userdata)
{
    (void)fd;
    say(userdata, data, size);
}

static void on_output_end(const EngineReply *reply, void *userdata)
{
    EngineExec *exec = userdata;

    exec->running = NULL;
    if (engine_reply_ok(reply))
        look(exec);
    else
        end_without_result(exec, reply);
}

static int run(EngineExec *exec)
{
    _cleanup_json_ JsonValue *body = json_new_object();
    const CallHandlers handlers = {
        .on_open = on_running, .on_output = on_output, .on_end = on_output_end, .userdata = exec
    };
    CallRequest request = { .kind = CALL_FRAMES,
        .method = "POST",
        .body = body,
        .timeout_usec = USEC_INFINITY,
        .is_idle = true };

    if (json_set_boolean(body, "Detach", false) < 0 || json_set_boolean(body, "Tty", false) < 0)
        return -ENOMEM;
    request.target = target_new("/exec/", exec->id, false, "/start");
    return call_start(exec->engine, &request, &handlers, &exec->running);
}

static void on_created(const EngineReply *reply, void *userdata)
{
    EngineExec *exec = userdata;
    int r;

    exec->creating = NULL;
    if (!engine_reply_ok(reply)) {
        end_without_result(exec, reply);
        return;
    }
    exec->id = strdup(json_member_string(reply->body, "Id", ""));
    r = exec->id ? run(exec) : -ENOMEM;
    if (r < 0)
        end(exec, r);
}

static int create(EngineExec *exec, const EngineExecRequest *wanted)
{
    _cleanup_json_ JsonValue *body = json_new_object();
    JsonValue *command = json_need_array(body, "Cmd");
    CallRequest request = { .kind = CALL_BODY,
        .method = "POST",
        .body = body,
        .timeout_usec = USEC_INFINITY,
        .check_body = call_check_created };
    int r;

    for (char *const *word = wanted->command; *word; word++)
        if (json_append_string(command, *word) < 0)
            return -ENOMEM;
    if (json_set_boolean(body, "AttachStdout", true) < 0 ||
            json_set_boolean(body, "AttachStderr", true) < 0)
        return -ENOMEM;
    r = target_new_of_container(wanted->container, "/exec", &request.target);
    if (r < 0)
        return r;
    return call_start_simple(exec->engine, &request, on_created, exec, &exec->creating);
}

int engine_exec_start(Engine *engine, const EngineExecRequest *request, EngineExecHandler handler,
        void *userdata, EngineExec **ret)
{
    EngineExec *exec = calloc(1, sizeof(EngineExec));
    int r;

    if (!exec)
        return -ENOMEM;
    *exec = (EngineExec){ .engine = engine,
        .next = engine->execs,
        .first = request->pid,
        .timeout_usec = request->timeout_usec,
        .handler = handler,
        .userdata = userdata,
        .look_again_usec = LOOK_AGAIN_USEC };
    engine->execs = exec;
    exec->start_deadline_usec = exec->deadline_usec = later(now_of(exec), ENGINE_EXEC_START_USEC);

    r = sd_event_add_time(engine->event, &exec->timer, CLOCK_MONOTONIC, exec->deadline_usec,
            USEC_PER_MSEC, on_timer, exec);
    if (r >= 0)
        r = create(exec, request);
    if (r < 0) {
        exec_free(exec);
        return r;
    }
    *ret = exec;
    return 0;
}

EngineExec *engine_exec_cancel(EngineExec *exec)
{
    if (!exec || !exec->handler)
        return NULL;

    exec->handler = NULL;
    /* What was not told to run will not. The end of its output is not that of the command. */
    if (exec->id)
        look(exec);
    else
        exec_free(exec);
    return NULL;
}
