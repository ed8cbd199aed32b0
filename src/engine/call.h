/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of the room: one call of the API, from its request to its handler.
 *
 * A reply that is not 2xx is kept whole and becomes EngineReply's message; what
 * becomes of a 2xx one is the call's kind.
 */

#include "base/http.h"
#include "engine/address.h"
#include "engine/engine.h"

struct Engine {
    sd_event *event;
    EngineAddress *address;
    HttpClient *http;
    unsigned api_minor;
    EngineCall *calls;
    struct EngineExec *execs;
    bool busy;     /* handlers are on the stack */
    bool released; /* by one of them */
};

typedef enum CallKind {
    CALL_STATUS, /* the status says it all */
    CALL_BODY,   /* one JSON object */
    CALL_ITEMS,  /* JSON objects, as they come */
    CALL_FRAMES, /* output, in frames */
    CALL_RAW,    /* output, bare */
} CallKind;

typedef struct CallRequest {
    CallKind kind;
    const char *method;
    char *target;    /* taken over, also on failure; NULL: no memory */
    JsonValue *body; /* borrowed; may be NULL */
    uint64_t timeout_usec;
    bool is_unversioned;
    bool is_fresh;   /* on a connection of its own */
    bool is_idle;    /* silent for long */
    bool is_endless; /* the engine alone does not end it: if it does, it goes away */
    /* Look at what came. Negative: the call ends with that error and *ret_message, which they
     * allocate, or with status 500 if the error is -EREMOTEIO: the engine said it too late for a
     * status. All may be NULL. */
    int (*check_head)(EngineCall *call, int status, char **ret_message);
    int (*check_item)(JsonValue *item, char **ret_message);
    int (*check_body)(JsonValue *body, char **ret_message);
} CallRequest;

typedef struct CallHandlers {
    void (*on_open)(void *userdata);
    void (*on_item)(JsonValue *item, void *userdata);
    void (*on_output)(int fd, const void *data, size_t size, void *userdata);
    EngineHandler on_end;
    void *userdata;
} CallHandlers;

/* 0 or a negative errno. `ret` may be NULL. */
int call_start(
        Engine *engine, const CallRequest *request, const CallHandlers *handlers, EngineCall **ret);
/* A call that has nothing but an end. */
int call_start_simple(Engine *engine, const CallRequest *request, EngineHandler handler,
        void *userdata, EngineCall **ret);

/* Runs the handler for one piece of what came, of any call. False: nothing is left. */
bool call_take_next(Engine *engine);

/* For check_head. */
Engine *call_engine(const EngineCall *call);
const char *call_header(EngineCall *call, const char *name);

/* A check_body: what was created has an Id of nothing but letters and digits, since that goes into
 * paths, of the engine's and of the kernel's. */
int call_check_created(JsonValue *body, char **ret_message);

/* Their handlers will not run. */
void exec_free_all(Engine *engine);
