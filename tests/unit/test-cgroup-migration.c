/* SPDX-License-Identifier: Apache-2.0 */

/* Processes are moved while they fork, die, hide and refuse to freeze. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "cgroup_scratch.h"

#include "base/parse.h"
#include "cgroup/migration.h"

static Scratch scratch;

typedef struct Outcome {
    sd_event *event;
    Migration *migration;
    unsigned runs;
    MigrationResult result;
    uint64_t longest_turn_usec, last_turn;
} Outcome;

static uint64_t now(void)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * USEC_PER_SEC + (uint64_t)at.tv_nsec / NSEC_PER_USEC;
}

static void on_migrated(const MigrationResult *result, void *userdata)
{
    Outcome *outcome = userdata;

    outcome->runs++;
    outcome->result = *result;
    /* The handler may do so. */
    outcome->migration = migration_free(outcome->migration);
    (void)sd_event_exit(outcome->event, 0);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
    Outcome *outcome = userdata;
    uint64_t turn = now();

    (void)usec;
    if (outcome->last_turn && turn - outcome->last_turn > outcome->longest_turn_usec)
        outcome->longest_turn_usec = turn - outcome->last_turn;
    outcome->last_turn = turn;
    (void)sd_event_source_set_time_relative(source, 2 * USEC_PER_MSEC);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void start(Outcome *outcome, bool whole, pid_t first)
{
    _cleanup_close_ int source = -1, payload = -1;

    scratch_make(&scratch, scratch.layout.payload);
    source = scratch_open_cgroup(&scratch, scratch.source);
    payload = scratch_open_cgroup(&scratch, scratch.layout.payload);
    *outcome = (Outcome){};
    assert_int_equal(0, sd_event_new(&outcome->event));
    assert_true(sd_event_add_time_relative(
                        outcome->event, NULL, CLOCK_MONOTONIC, 0, 1, on_tick, outcome) >= 0);
    assert_int_equal(0,
            migration_start(outcome->event,
                    &(MigrationRequest){
                            .source = source,
                            .destination = payload,
                            .whole = whole,
                            .first = first,
                    },
                    on_migrated, outcome, &outcome->migration));
    assert_int_equal(0, outcome->runs);
}

static Outcome migrate(bool whole, pid_t first)
{
    Outcome outcome;

    start(&outcome, whole, first);
    assert_int_equal(0, sd_event_loop(outcome.event));
    assert_int_equal(1, outcome.runs);
    outcome.event = sd_event_unref(outcome.event);
    return outcome;
}

static void assert_all_moved(const Outcome *outcome, unsigned n)
{
    assert_int_equal(0, outcome->result.r);
    assert_int_equal(0, outcome->result.left);
    assert_false(outcome->result.populated);
    assert_int_equal(0, scratch_count(&scratch, scratch.source));
    assert_true(scratch_event(&scratch, scratch.source, "frozen") <= 0);
    assert_int_equal(n, scratch_count(&scratch, scratch.layout.payload));
}

static int set_up(void **state)
{
    (void)state;
    if (geteuid() == 0 && scratch_mount())
        scratch_open(&scratch, true);
    (void)alarm(120);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (geteuid() == 0 && scratch_mount())
        scratch_close(&scratch);
    return 0;
}

static void test_nested_source(void **state)
{
    _cleanup_free_ char *a = NULL, *b = NULL;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    a = text_format("%s/init.scope", scratch.source);
    b = text_format("%s/deep", a);
    scratch_make(&scratch, a);
    scratch_make(&scratch, b);
    (void)scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    (void)scratch_spawn(&scratch, a, scratch_sleep, NULL);
    (void)scratch_spawn(&scratch, b, scratch_sleep, NULL);
    (void)scratch_spawn(&scratch, b, scratch_sleep, NULL);
    outcome = migrate(true, 1);
    assert_all_moved(&outcome, 4);
    assert_int_equal(4, outcome.result.moved);
}

/* Each process forks the next and ends: none is there for long, one always is. */
static void relay(void)
{
    for (;;) {
        pid_t pid = fork();

        if (pid > 0)
            _exit(0);
        scratch_nap(1);
    }
}

/* Starts children that end soon after, as a shell script does. */
static void breed(void *userdata)
{
    (void)signal(SIGCHLD, SIG_IGN);
    (void)userdata;
    for (;;) {
        if (fork() == 0) {
            scratch_nap(20);
            _exit(0);
        }
        scratch_nap(1);
    }
}

/* A first process that inherits the orphans, as in a PID namespace, with a busy family. */
static void live_busily(void *userdata)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0)
            relay();
        if (fork() == 0)
            breed(userdata);
    }
    scratch_sleep(userdata);
}

static void test_forking_source(void **state)
{
    (void)state;
    SCRATCH_NEEDED();
    for (int round = 0; round < 20; round++) {
        Outcome outcome;

        (void)scratch_spawn(&scratch, scratch.source, live_busily, NULL);
        scratch_nap(20);
        outcome = migrate(true, 1);
        assert_int_equal(0, outcome.result.r);
        assert_int_equal(0, outcome.result.left);
        assert_int_equal(0, scratch_count(&scratch, scratch.source));
        assert_int_equal(0, scratch_event(&scratch, scratch.source, "frozen"));
        /* What was moved lives: it goes on. */
        assert_true(scratch_count(&scratch, scratch.layout.payload) >= 5);
        tear_down(NULL);
        set_up(NULL);
    }
}

static void test_source_vanishes(void **state)
{
    _cleanup_free_ char *directory = NULL;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    (void)scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    start(&outcome, true, 1);
    /* As systemd does with a scope: between the move and the next look at it. */
    directory = text_format("%s%s", scratch.mount, scratch.source);
    for (int i = 0; i < 10000 && outcome.runs == 0; i++) {
        assert_true(sd_event_run(outcome.event, USEC_PER_SEC) >= 0);
        (void)rmdir(directory);
    }
    outcome.event = sd_event_unref(outcome.event);
    assert_int_equal(0, outcome.result.r);
    assert_int_equal(1, outcome.result.moved);
    assert_int_equal(-1, scratch_event(&scratch, scratch.source, "populated"));
}

static void test_thaws_when_freed(void **state)
{
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    (void)scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    start(&outcome, true, 1);
    scratch_wait_event(&scratch, scratch.source, "frozen", 1);
    assert_null(migration_free(TAKE_PTR(outcome.migration)));
    scratch_wait_event(&scratch, scratch.source, "frozen", 0);
    for (int i = 0; i < 5; i++)
        assert_true(sd_event_run(outcome.event, 1) >= 0);
    assert_int_equal(0, outcome.runs);
    outcome.event = sd_event_unref(outcome.event);
    assert_null(migration_free(NULL));
}

#define MANY 5000

static void spawn_many(void *userdata)
{
    (void)userdata;
    for (int i = 1; i < MANY; i++) {
        pid_t pid = fork();

        if (pid == 0)
            scratch_sleep(NULL);
        if (pid < 0)
            i--;
    }
    scratch_sleep(NULL);
}

static void test_many_processes(void **state)
{
    uint64_t begin;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    (void)scratch_spawn(&scratch, scratch.source, spawn_many, NULL);
    while (scratch_count(&scratch, scratch.source) < MANY)
        scratch_nap(50);
    begin = now();
    outcome = migrate(true, 1);
    print_message(
            "%d processes in %s, longest turn of the loop ", MANY, format_span(now() - begin));
    print_message("%s\n", format_span(outcome.longest_turn_usec));
    assert_all_moved(&outcome, MANY);
    assert_int_equal(MANY, outcome.result.moved);
    assert_true(now() - begin < 10 * USEC_PER_SEC);
    assert_in_range(outcome.longest_turn_usec, 1, USEC_PER_SEC);
}

/* Waits for an answer that it should give itself: that takes only SIGKILL, and does not freeze. */
static void wait_for_ever(void *userdata)
{
    char options[64], directory[] = "/tmp/test-cgroup-fuse.XXXXXX";
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || unshare(CLONE_NEWNS) < 0 || !mkdtemp(directory))
        _exit(97);
    (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    (void)snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
    if (mount("fuse", directory, "fuse", 0, options) < 0)
        _exit(97);
    (void)!write(*(int *)userdata, directory, sizeof(directory));
    if (chdir(directory) < 0)
        _exit(97);
    (void)stat("x", &st);
    _exit(96);
}

static void test_what_does_not_freeze(void **state)
{
    _cleanup_close_ int said = -1, says = -1;
    char directory[64];
    pid_t waits, sleeps;
    int pipes[2];
    uint64_t begin;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    sleeps = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    assert_int_equal(0, pipe2(pipes, O_CLOEXEC));
    said = pipes[0];
    says = pipes[1];
    waits = scratch_spawn(&scratch, scratch.source, wait_for_ever, &says);
    (void)close(TAKE_FD(says));
    if (read(said, directory, sizeof(directory)) <= 0) {
        print_message("skipped: no FUSE mounts here\n");
        skip();
    }
    scratch_nap(100);
    begin = now();
    outcome = migrate(true, 1);
    assert_all_moved(&outcome, 2);
    assert_true(scratch_holds(scratch.layout.payload, waits));
    assert_true(scratch_holds(scratch.layout.payload, sleeps));
    /* Freezing was tried, for a while. */
    assert_true(now() - begin > USEC_PER_SEC);
    assert_true(now() - begin < 10 * USEC_PER_SEC);
    (void)kill(waits, SIGKILL);
    (void)waitpid(waits, NULL, 0);
    (void)rmdir(directory);
}

/* With --pid=host and a cgroup that is another's: the first process and what descends from it. */
static void test_single_processes(void **state)
{
    pid_t other, first;
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    other = scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    first = scratch_spawn(&scratch, scratch.source, breed, NULL);
    scratch_nap(50);
    outcome = migrate(false, first);
    assert_int_equal(0, outcome.result.r);
    assert_true(outcome.result.moved > 1);
    assert_true(scratch_holds(scratch.source, other));
    assert_true(scratch_holds(scratch.layout.payload, first));
    assert_int_equal(1, scratch_count(&scratch, scratch.source));
    assert_int_equal(0, scratch_event(&scratch, scratch.source, "frozen"));
}

static void test_first_is_gone(void **state)
{
    _cleanup_close_ int source = -1;
    sd_event *event;
    Migration *migration;

    (void)state;
    SCRATCH_NEEDED();
    source = scratch_open_cgroup(&scratch, scratch.source);
    assert_int_equal(0, sd_event_new(&event));
    assert_int_equal(-ESRCH,
            migration_start(event,
                    &(MigrationRequest){
                            .source = source, .destination = source, .first = 5000000 },
                    on_migrated, NULL, &migration));
    (void)sd_event_unref(event);
}

/* The destination may hold no processes, for controllers are enabled below it. */
static void test_busy_destination(void **state)
{
    Outcome outcome;

    (void)state;
    SCRATCH_NEEDED();
    scratch_make(&scratch, scratch.layout.payload);
    if (!scratch_enable_hugetlb(&scratch, scratch.layout.payload)) {
        print_message("skipped: the hugetlb controller is not to be had\n");
        skip();
    }
    (void)scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    outcome = migrate(true, 1);
    assert_int_equal(-EBUSY, outcome.result.r);
    assert_int_equal(0, outcome.result.moved);
    scratch_wait_event(&scratch, scratch.source, "frozen", 0);
    assert_int_equal(1, scratch_count(&scratch, scratch.source));
}

/* Not root: the kernel wants write access to the two cgroups' common ancestor. */
static const char *migrate_as_nobody(void *userdata)
{
    _cleanup_close_ int source = cgroup_open(scratch.mount, scratch.source);
    _cleanup_close_ int payload = cgroup_open(scratch.mount, scratch.layout.payload);
    Outcome outcome = {};

    (void)userdata;
    CHECK_APART(fchownat(payload, "cgroup.procs", 65534, 65534, 0) == 0);
    CHECK_APART(fchownat(source, "cgroup.freeze", 65534, 65534, 0) == 0);
    CHECK_APART(setresuid(65534, 65534, 65534) == 0);
    CHECK_APART(sd_event_new(&outcome.event) == 0);
    CHECK_APART(
            migration_start(outcome.event,
                    &(MigrationRequest){ .source = source, .destination = payload, .whole = true },
                    on_migrated, &outcome, &outcome.migration) == 0);
    CHECK_APART(sd_event_loop(outcome.event) == 0);
    CHECK_APART(outcome.result.r == 0);
    CHECK_APART(outcome.result.left == 2);
    CHECK_APART(outcome.result.left_error == -EACCES);
    CHECK_APART(outcome.result.populated);
    CHECK_APART(outcome.result.moved == 0);
    return NULL;
}

static void test_what_cannot_be_moved(void **state)
{
    (void)state;
    SCRATCH_NEEDED();
    scratch_make(&scratch, scratch.layout.payload);
    (void)scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    (void)scratch_spawn(&scratch, scratch.source, scratch_sleep, NULL);
    scratch_check_apart(0, migrate_as_nobody, NULL);
    assert_int_equal(0, scratch_event(&scratch, scratch.source, "frozen"));
    assert_int_equal(2, scratch_count(&scratch, scratch.source));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nested_source),
        TEST(test_forking_source),
        TEST(test_source_vanishes),
        TEST(test_thaws_when_freed),
        TEST(test_many_processes),
        TEST(test_what_does_not_freeze),
        TEST(test_single_processes),
        TEST(test_first_is_gone),
        TEST(test_busy_destination),
        TEST(test_what_cannot_be_moved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
