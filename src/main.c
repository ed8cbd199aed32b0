/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "cgroup/layout.h"
#include "cli/options.h"
#include "cli/run_request.h"
#include "engine/address.h"
#include "supervisor/cleanup.h"
#include "supervisor/create_request.h"
#include "supervisor/healthcheck.h"
#include "supervisor/inquiry.h"
#include "supervisor/setup_runtime.h"
#include "supervisor/supervisor.h"

/* libgnutls comes along with libcurl, for protocols that nobody speaks here. It asks the program
 * whether to set itself up before main(); GNUTLS_SKIP_GLOBAL_INIT of gnutls/gnutls.h is this. */
int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
    return 1;
}

/* 0, or an exit code after the sentence that says what was wrong. */
static int report_parse(int r, const char *message)
{
    if (r >= 0)
        return 0;
    log_error("%s", message ? message : strerror(-r));
    return r == -EINVAL ? EXIT_USAGE : EXIT_ENGINE;
}

static const char *words_of_pull(PullPolicy pull)
{
    switch (pull) {
    case PULL_ALWAYS:
        return "pulled each time";
    case PULL_NEVER:
        return "never pulled";
    case PULL_MISSING:
        break;
    }
    return "pulled if it is missing";
}

static const char *words_of_removal(RemovePolicy policy)
{
    switch (policy) {
    case REMOVE_AT_END:
        return "removed at its end";
    case REMOVE_NEVER:
        return "never removed, started again by the next start";
    case REMOVE_AT_NEXT_START:
        break;
    }
    return "removed by the next start";
}

static const char *words_of_mode(CgroupMode mode)
{
    switch (mode) {
    case CGROUP_MODE_PARENT:
    case CGROUP_MODE_RUNTIME:
        return "born in the unit's cgroup";
    case CGROUP_MODE_NONE:
        return "stay in Docker's cgroup";
    case CGROUP_MODE_AUTO:
        return "born in the unit's cgroup if the engine can do that, else moved there";
    case CGROUP_MODE_MOVE:
        break;
    }
    return "moved into the unit's cgroup, with their limits and device filter";
}

static const char *words_of_ready(ReadyWhen ready)
{
    switch (ready) {
    case READY_STARTED:
        return "when started";
    case READY_NOTIFY:
        return "when the container says so";
    case READY_HEALTHY:
        return "when healthy";
    case READY_AUTO:
        break;
    }
    return "when started, or healthy if it has a check";
}

static void tell_health(const Options *options)
{
    bool has_check = options->probe && options->ready == READY_AUTO;

    if (options->probe)
        log_notice("healthy: as %s says, in place of Docker's own check", options->probe);
    if (options->startup_probe)
        log_notice("READY=1 not before %s has passed once", options->startup_probe);
    log_notice("READY=1 %s", words_of_ready(has_check ? READY_HEALTHY : options->ready));
    if (options->wait_before_notify_usec > 0)
        log_notice("READY=1 not before the container has lived for %s",
                format_span(options->wait_before_notify_usec));
}

/* `unit`: NULL outside of one. */
static void tell_plan(const Options *options, const RunRequest *request, const char *unit)
{
    log_notice("would ask the engine at %s for a container %s of %s, %s", options->host,
            request->name ? request->name : "(named by the engine)", request->image,
            words_of_pull(request->pull));
    log_notice("its processes: %s",
            unit ? words_of_mode(options->cgroup_mode)
                 : "in a unit of systemd they would be in its cgroup; here they stay in Docker's");
    tell_health(options);
    log_notice("the container: %s",
            !request->name && request->remove == REMOVE_AT_NEXT_START
                    ? "stays when it has ended: without a name no next start finds it"
                    : words_of_removal(request->remove));
}

static int print_plan(const Options *options, RunRequest *request)
{
    _cleanup_(engine_address_free_p) EngineAddress *address = NULL;
    CgroupLayout layout = { 0 };
    _cleanup_free_ char *message = NULL;
    _cleanup_json_ JsonValue *description = NULL;
    int r;

    r = engine_address_parse(options->host, &address, &message);
    if (r < 0)
        return report_parse(r, message);
    (void)cgroup_layout_find(&layout);
    r = create_request_complete(request, options, layout.unit_name, &message);
    if (r >= 0) {
        if (message)
            log_warning("%s", message);
        description = run_request_describe(request);
        if (description)
            tell_plan(options, request, layout.unit_name);
        else
            r = -ENOMEM;
    }
    cgroup_layout_clear(&layout);
    if (r < 0)
        return report_parse(r, message);
    printf("%s\n", json_value_format(description));
    return 0;
}

static int run(const Options *options, char *const *environment)
{
    _cleanup_free_ char *directory = getcwd(NULL, 0);
    _cleanup_free_ char *message = NULL;
    RunRequest request = { 0 };
    int r;

    r = run_request_parse(options, environment, directory ? directory : "/", &request, &message);
    r = report_parse(r, message);
    if (r == 0)
        r = options->dry_run ? print_plan(options, &request) : supervisor_run(options, &request);
    run_request_clear(&request);
    return r;
}

static int carry_out(const Options *options, char *const *environment)
{
    switch (options->verb) {
    case VERB_RUN:
        return run(options, environment);
    case VERB_CLEANUP:
        return cleanup_run(options);
    case VERB_HEALTHCHECK:
        return healthcheck_run(options);
    case VERB_STATUS:
        return status_run(options);
    case VERB_CHECK:
        return check_run(options);
    case VERB_SETUP_RUNTIME:
        return setup_runtime_run(options);
    case VERB_HELP:
        (void)fputs(options_help(), stdout);
        return 0;
    case VERB_VERSION:
        puts("systemd-ctr " VERSION);
        return 0;
    }
    return EXIT_USAGE;
}

/* A descriptor that we open must never become 0, 1 or 2: the container's output goes there. */
static int occupy_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -errno;
    (void)close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    _cleanup_free_ char *message = NULL;
    Options options = { 0 };
    int r;

    (void)argc;
    r = occupy_standard_streams();
    if (r < 0)
        return EXIT_ENGINE;
    log_open(false);
    r = options_parse(argv, environ, &options, &message);
    r = report_parse(r, message);
    if (r == 0) {
        log_open(options.verbose);
        r = carry_out(&options, environ);
    }
    options_clear(&options);
    /* What was printed must have arrived: a full disk is a failure, too. */
    if ((fflush(stdout) == EOF || ferror(stdout)) && r == 0)
        r = EXIT_ENGINE;
#ifdef __SANITIZE_ADDRESS__
    return r;
#else
    /* What forty libraries would tidy up now, the kernel clears away at once. */
    _exit(r);
#endif
}
