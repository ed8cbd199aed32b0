/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/setup_runtime.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/places.h"
#include "runtime/registration.h"
#include "supervisor/cgroup_mode.h"
#include "supervisor/errand.h"
#include "supervisor/supervisor.h"
#include "unit/bus.h"

#define PROGRAM "systemd-ctr-runtime"
#define ENGINE_UNIT "docker.service"
/* Somebody waits at the terminal; but it may be restarting. */
#define ENGINE_WAIT_MAX_USEC (5 * USEC_PER_SEC)
#define RELOAD_USEC (60 * USEC_PER_SEC)
/* dockerd takes SIGHUP, and reads its settings in its own time. */
#define HEARD_USEC (5 * USEC_PER_SEC)
#define ASK_AGAIN_USEC (100 * USEC_PER_MSEC)

/* What the engine knows of us, asked until it is what was wanted or the time is up. */
typedef struct Question {
    Errand errand;
    bool waits, wanted;
    CgroupOffer answer;
    sd_event_source *again;
    uint64_t until_usec;
} Question;

static void ask_again(Question *question);

static void on_info(const EngineReply *reply, void *userdata)
{
    Question *question = userdata;
    uint64_t now = 0;

    if (!engine_reply_ok(reply)) {
        errand_fail(&question->errand, "ask the engine for its runtimes", reply);
        return;
    }
    cgroup_offer_of_engine(&question->answer, reply->body, "");
    (void)sd_event_now(question->errand.event, CLOCK_MONOTONIC, &now);
    if (question->waits && question->answer.runtime_registered != question->wanted &&
            now < question->until_usec)
        ask_again(question);
    else
        errand_end(&question->errand, 0);
}

static void ask(Question *question)
{
    errand_check(&question->errand,
            engine_info(question->errand.engine, ERRAND_ANSWER_USEC, on_info, question, NULL),
            "ask the engine for its runtimes");
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    ask(userdata);
    return 0;
}

/* The engine has an event for its reload, but none for a reload that it refused. */
static void ask_again(Question *question)
{
    question->again = sd_event_source_disable_unref(question->again);
    errand_check(&question->errand,
            sd_event_add_time_relative(question->errand.event, &question->again, CLOCK_MONOTONIC,
                    ASK_AGAIN_USEC, 0, on_again, question),
            "wait for the engine");
}

static void on_connected(Errand *errand)
{
    Question *question = (Question *)errand;
    uint64_t now = 0;

    (void)sd_event_now(errand->event, CLOCK_MONOTONIC, &now);
    question->until_usec = now + HEARD_USEC;
    ask(question);
}

/* 0, or an exit code after what was logged. */
static int question_run(Question *question, const Options *options)
{
    uint64_t wait = options->engine_wait_usec;
    int r = errand_run(&question->errand, options,
            wait < ENGINE_WAIT_MAX_USEC ? wait : ENGINE_WAIT_MAX_USEC, on_connected);

    question->again = sd_event_source_unref(question->again);
    return r;
}

/* Both programs are installed into the same folder. 0, or an exit code. */
static int find_program(char **ret)
{
    _cleanup_free_ char *own = realpath("/proc/self/exe", NULL);
    _cleanup_free_ char *program = NULL;

    if (own)
        program = text_format("%.*s/" PROGRAM, (int)(strrchr(own, '/') - own), own);
    if (!program) {
        log_error("cannot find out where systemd-ctr is: %s", strerror(errno));
        return EXIT_ENGINE;
    }
    if (access(program, X_OK) < 0) {
        log_error("%s: %s: it is installed along with systemd-ctr", program, strerror(errno));
        return EXIT_ENGINE;
    }
    *ret = TAKE_PTR(program);
    return 0;
}

/* 0, or an exit code. */
static int check_real_runtime(const char *runtime, const char *program)
{
    struct stat real, own;

    if (!runtime)
        return 0;
    if (access(runtime, X_OK) < 0 || stat(runtime, &real) < 0 || stat(program, &own) < 0) {
        log_error("the OCI runtime %s: %s", runtime, strerror(errno));
        return EXIT_ENGINE;
    }
    if (!S_ISREG(real.st_mode) || (real.st_dev == own.st_dev && real.st_ino == own.st_ino)) {
        log_error("%s cannot be the OCI runtime that " PROGRAM " runs", runtime);
        return EXIT_USAGE;
    }
    return 0;
}

static int write_setting(const char *path, const char *runtime)
{
    _cleanup_free_ char *folder = strdup(path), *line = text_format("%s\n", runtime);
    int r;

    if (!folder || !line)
        return -ENOMEM;
    *strrchr(folder, '/') = '\0';
    r = directory_make(folder, 0755);
    return r < 0 ? r : file_replace(path, line, 0644);
}

/* With --runtime writes the one-line file that names it, with --remove takes it away. */
static int settle_real_runtime(const Options *options)
{
    _cleanup_free_ char *path = NULL;
    int r;

    if (!options->setup.runtime && !options->setup.remove)
        return 0;
    r = place_of_setting(&path);
    if (r >= 0 && options->setup.runtime)
        r = write_setting(path, options->setup.runtime);
    else if (r >= 0 && unlink(path) < 0)
        r = errno == ENOENT || errno == ENOTDIR ? 1 : -errno;
    if (r < 0) {
        log_error("cannot settle which OCI runtime " PROGRAM " runs in %s: %s",
                path ? path : "the user's folder", strerror(-r));
        return EXIT_ENGINE;
    }
    if (options->setup.runtime)
        printf("%s names %s as the OCI runtime that does the work\n", path, options->setup.runtime);
    else if (r == 0)
        printf("removed %s\n", path);
    return 0;
}

static void restore(Registration *registration)
{
    _cleanup_free_ char *message = NULL;
    int r;

    r = registration_restore(registration);
    if (r < 0) {
        log_error("cannot restore %s: %s", registration->path, strerror(-r));
        return;
    }
    log_notice("%s is again what it was", registration->path);
    (void)bus_reload_unit(ENGINE_UNIT, RELOAD_USEC, &message);
}

/* Lets dockerd read its settings, and waits until it knows us, or no more. 0, or an exit code. */
static int tell_engine(const Options *options, Registration *registration, bool wanted)
{
    Question question = { .waits = true, .wanted = wanted };
    _cleanup_free_ char *message = NULL;
    int r;

    r = bus_reload_unit(ENGINE_UNIT, RELOAD_USEC, &message);
    if (r < 0) {
        log_error("cannot reload dockerd (%s): %s is written; send dockerd a SIGHUP, then run this "
                  "again",
                message ? message : strerror(-r), registration->path);
        return EXIT_ENGINE;
    }
    printf("reloaded " ENGINE_UNIT "\n");
    r = question_run(&question, options);
    if (r == 0 && question.answer.runtime_registered == wanted)
        return 0;
    if (r == 0)
        log_error("dockerd has read %s, but %s the runtime " REGISTERED_NAME
                  ": its journal (journalctl -u " ENGINE_UNIT
                  ") tells why; if it reads another file, name that with --config",
                registration->path, wanted ? "does not know" : "still knows");
    restore(registration);
    return r != 0 ? r : EXIT_ENGINE;
}

static int fail_to_write(Registration *registration, int r)
{
    log_error("cannot write %s: %s", registration->path, strerror(-r));
    (void)registration_restore(registration);
    return EXIT_ENGINE;
}

static int register_program(const Options *options, Registration *registration,
        const Question *found, const char *program)
{
    int r;

    r = registration_add(registration, program);
    if (r < 0)
        return fail_to_write(registration, r);
    if (r > 0)
        printf("registered %s in %s\n", program, registration->path);
    if (registration->made_backup)
        printf("kept the file of before as %s\n", registration->backup);
    if (r > 0 || !found->answer.runtime_registered) {
        r = tell_engine(options, registration, true);
        if (r != 0)
            return r;
    }
    r = settle_real_runtime(options);
    if (r != 0)
        return r;
    printf("the engine knows the runtime " REGISTERED_NAME "\n");
    if (found->answer.cgroupfs)
        printf("its cgroup driver is cgroupfs: units can use --cgroup-mode=parent, without this "
               "runtime\n");
    return 0;
}

static int unregister_program(
        const Options *options, Registration *registration, const Question *found)
{
    bool is_registered = registration_program(registration);
    int r;

    if (registration_is_default(registration)) {
        log_error("%s has \"default-runtime\": \"" REGISTERED_NAME "\": take that out first",
                registration->path);
        return EXIT_ENGINE;
    }
    if (!is_registered && !found->answer.runtime_registered &&
            !registration_is_half_removed(registration)) {
        printf("the runtime " REGISTERED_NAME " is not registered\n");
        return settle_real_runtime(options);
    }
    if (is_registered || found->answer.runtime_registered) {
        r = registration_withdraw(registration);
        if (r < 0)
            return fail_to_write(registration, r);
        r = tell_engine(options, registration, false);
        if (r != 0)
            return r;
    }
    r = registration_finish(registration);
    if (r < 0) {
        log_error("cannot tidy %s up: %s", registration->path, strerror(-r));
        return EXIT_ENGINE;
    }
    printf("took the runtime " REGISTERED_NAME " out of %s\n", registration->path);
    return settle_real_runtime(options);
}

/* An engine reads the settings of who started it. 0, or an exit code. */
static int check_owner(const Question *found, const Options *options)
{
    if (found->answer.rootless == place_is_rootless())
        return 0;
    if (found->answer.rootless)
        log_error("the engine at %s is a user's: run setup-runtime as that user", options->host);
    else
        log_error("the engine at %s is root's: run setup-runtime as root (sudo)", options->host);
    return EXIT_ENGINE;
}

static int set_up(const Options *options, const char *path, const char *program)
{
    _cleanup_free_ char *message = NULL;
    Registration registration;
    Question found = { 0 };
    int r;

    r = registration_open(path, &registration, &message);
    if (r < 0) {
        log_error("%s", message ? message : strerror(-r));
        r = EXIT_ENGINE;
    } else
        r = question_run(&found, options);
    if (r == 0)
        r = check_owner(&found, options);
    if (r == 0 && options->setup.remove)
        r = unregister_program(options, &registration, &found);
    else if (r == 0)
        r = register_program(options, &registration, &found, program);
    registration_clear(&registration);
    return r;
}

int setup_runtime_run(const Options *options)
{
    _cleanup_free_ char *program = NULL, *path = NULL;
    int r;

    if (!text_starts_with(options->host, "unix://")) {
        log_error("setup-runtime is for an engine of this host, not for %s", options->host);
        return EXIT_USAGE;
    }
    r = find_program(&program);
    if (r == 0)
        r = check_real_runtime(options->setup.runtime, program);
    if (r != 0)
        return r;
    r = options->setup.config ? text_replace(&path, options->setup.config)
                              : place_of_daemon_json(&path);
    if (r < 0) {
        log_error("cannot tell where dockerd's daemon.json is (%s): use --config", strerror(-r));
        return EXIT_ENGINE;
    }
    return set_up(options, path, program);
}
