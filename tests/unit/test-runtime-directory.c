/* SPDX-License-Identifier: Apache-2.0 */

/* The runtime directory and the state in it, on the file system that the program uses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "supervisor/state_file.h"
#include "unit/runtime_directory.h"

#define WRITERS 8
#define ROUNDS 25

static char name[64];
static char *directory;
static char runtime[] = "/tmp/test-runtime-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(name, sizeof(name), "test-%d", (int)getpid());
    assert_int_equal(0, runtime_directory_make(name, &directory));
    (void)alarm(60);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)runtime_directory_remove(name);
    (void)rmdir(directory);
    free(directory);
    return 0;
}

static char *path_of(const char *file)
{
    static char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", directory, file);
    return path;
}

static void touch(const char *file)
{
    int fd = open(path_of(file), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    (void)close(fd);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        int r;
    } cases[] = { { "web", 0 }, { "a-b_c.d", 0 }, { "", -EINVAL }, { ".", -EINVAL },
        { "..", -EINVAL }, { "../x", -EINVAL }, { "a/b", -EINVAL }, { "/", -EINVAL },
        { ".hidden", -EINVAL } };
    char longest[256];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_free_ char *path = NULL;

        assert_int_equal(cases[i].r, runtime_directory_path(cases[i].name, &path));
        if (cases[i].r == 0)
            assert_true(text_ends_with(path, cases[i].name));
    }
    for (size_t size = 239; size <= 240; size++) {
        _cleanup_free_ char *path = NULL;

        memset(longest, 'x', size);
        longest[size] = '\0';
        assert_int_equal(size == 239 ? 0 : -ENAMETOOLONG, runtime_directory_path(longest, &path));
    }
}

static void test_is_for_its_owner_alone(void **state)
{
    _cleanup_free_ char *again = NULL;
    struct stat st;

    (void)state;
    assert_int_equal(0, chmod(directory, 0777));
    assert_int_equal(0, runtime_directory_make(name, &again));
    assert_string_equal(directory, again);
    assert_int_equal(0, stat(directory, &st));
    assert_int_equal(0700, st.st_mode & 07777);
}

static void test_link_is_not_followed(void **state)
{
    _cleanup_free_ char *path = NULL;

    (void)state;
    assert_int_equal(0, rmdir(directory));
    assert_int_equal(0, symlink("/tmp", directory));
    assert_int_equal(-ENOTDIR, runtime_directory_make(name, &path));
    assert_int_equal(-ENOTDIR, runtime_directory_remove(name));
    assert_int_equal(0, unlink(directory));
}

static void test_removes_ours(void **state)
{
    (void)state;
    touch("control");
    touch("health.json");
    touch("health.json.AbC123");
    touch("lock");
    assert_int_equal(0, mkdir(path_of("notify"), 0755));
    touch("notify/socket");
    assert_int_equal(0, runtime_directory_remove(name));
    assert_int_equal(-1, access(directory, F_OK));
    assert_int_equal(0, runtime_directory_remove(name));
}

static void test_leaves_what_is_not_ours(void **state)
{
    (void)state;
    touch("health.json");
    touch("health.json.orig");
    assert_int_equal(0, mkdir(path_of("deep"), 0700));
    touch("deep/precious");
    assert_int_equal(-ENOTEMPTY, runtime_directory_remove(name));
    assert_int_equal(-1, access(path_of("health.json"), F_OK));
    assert_int_equal(0, access(path_of("deep/precious"), F_OK));
    assert_int_equal(0, unlink(path_of("health.json.orig")));
    assert_int_equal(0, unlink(path_of("deep/precious")));
    assert_int_equal(0, rmdir(path_of("deep")));
    assert_int_equal(0, runtime_directory_remove(name));
}

/* In a process of its own, which nobody's rights are left to. */
static void test_other_users_have_their_own(void **state)
{
    char path[128];
    int status;
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(runtime));
    assert_int_equal(0, chown(runtime, 65534, 65534));
    child = fork();
    if (child == 0) {
        char *mine = NULL;

        if (seteuid(65534) < 0 || unsetenv("XDG_RUNTIME_DIR") < 0)
            _exit(1);
        if (runtime_directory_path("web", &mine) != -ENXIO)
            _exit(2);
        (void)setenv("XDG_RUNTIME_DIR", runtime, 1);
        if (runtime_directory_make("web", &mine) < 0 || !text_starts_with(mine, runtime))
            _exit(3);
        _exit(runtime_directory_remove("web") < 0 ? 4 : 0);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, status);
    for (const char *const *each =
                    (const char *const[]){ "/systemd-ctr/containers", "/systemd-ctr", "", NULL };
            *each; each++) {
        (void)snprintf(path, sizeof(path), "%s%s", runtime, *each);
        assert_int_equal(0, rmdir(path));
    }
}

static void write_text(const char *text)
{
    FILE *file = fopen(path_of("health.json"), "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(0, fclose(file));
}

static void test_state_is_an_object_or_nothing(void **state)
{
    static const struct {
        const char *text;
        int r;
    } cases[] = { { "{}", 0 }, { "{\"a\":1}\n", 0 }, { "", -EBADMSG }, { "[]", -EBADMSG },
        { "{", -EBADMSG }, { "{} {}", -EBADMSG }, { "null", -EBADMSG } };
    _cleanup_json_ JsonValue *none = NULL;

    (void)state;
    assert_int_equal(-ENOENT, state_file_read(directory, &none));
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_json_ JsonValue *value = NULL;

        write_text(cases[i].text);
        assert_int_equal(cases[i].r, state_file_read(directory, &value));
    }
    assert_int_equal(0, state_file_remove(directory));
    assert_int_equal(0, state_file_remove(directory));
}

static void test_state_is_bounded(void **state)
{
    _cleanup_free_ char *text = malloc((256 << 10) + 2);
    _cleanup_json_ JsonValue *value = NULL;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', (256 << 10) + 1);
    text[0] = '{';
    text[1] = '}';
    text[(256 << 10) + 1] = '\0';
    write_text(text);
    assert_int_equal(-EFBIG, state_file_read(directory, &value));
    text[256 << 10] = '\0';
    write_text(text);
    assert_int_equal(0, state_file_read(directory, &value));
}

static void test_state_never_makes_the_directory(void **state)
{
    _cleanup_json_ JsonValue *value = json_new_object();
    int lock;

    (void)state;
    assert_int_equal(0, runtime_directory_remove(name));
    assert_int_equal(-ENOENT, state_file_write(directory, value));
    assert_int_equal(-ENOENT, state_file_lock(directory, 0, &lock));
    assert_int_equal(-1, access(directory, F_OK));
}

/* Adds one, ROUNDS times. */
static void write_in_child(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        _cleanup_json_ JsonValue *value = NULL;
        int lock;

        if (state_file_lock(directory, 30 * USEC_PER_SEC, &lock) < 0 ||
                state_file_read(directory, &value) < 0 ||
                json_set_integer(value, "n", json_member_integer(value, "n", 0) + 1) < 0 ||
                state_file_write(directory, value) < 0)
            _exit(1);
        (void)close(lock);
    }
    _exit(0);
}

static void test_concurrent_writers_lose_none(void **state)
{
    _cleanup_json_ JsonValue *first = json_new_object(), *last = NULL;
    pid_t children[WRITERS];
    unsigned reads = 0, ended = 0;
    int status;

    (void)state;
    assert_int_equal(0, json_set_integer(first, "n", 0));
    assert_int_equal(0, state_file_write(directory, first));
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            write_in_child();
    }
    /* Readable at every moment, without the lock. */
    while (ended < WRITERS) {
        _cleanup_json_ JsonValue *value = NULL;

        assert_int_equal(0, state_file_read(directory, &value));
        reads++;
        if (waitpid(children[ended], &status, WNOHANG) == children[ended]) {
            assert_int_equal(0, status);
            ended++;
        }
    }
    assert_true(reads > WRITERS);
    assert_int_equal(0, state_file_read(directory, &last));
    assert_int_equal(WRITERS * ROUNDS, json_member_integer(last, "n", 0));
}

static void test_lock_has_a_timeout(void **state)
{
    int lock, other;

    (void)state;
    assert_int_equal(0, state_file_lock(directory, 0, &lock));
    assert_int_equal(-ETIMEDOUT, state_file_lock(directory, 20 * USEC_PER_MSEC, &other));
    (void)close(lock);
    assert_int_equal(0, state_file_lock(directory, 0, &other));
    (void)close(other);
}

/* Who waits for the lock of a run that ends must not believe to have that of the next one. */
static void test_lock_of_a_removed_file_is_none(void **state)
{
    int lock, status;
    pid_t child;

    (void)state;
    assert_int_equal(0, state_file_lock(directory, 0, &lock));
    child = fork();
    if (child == 0) {
        int mine;

        (void)close(lock);
        _exit(state_file_lock(directory, 10 * USEC_PER_SEC, &mine) == -ENOENT ? 0 : 1);
    }
    /* It has opened the file, or will find none: either is -ENOENT. */
    (void)usleep(50 * USEC_PER_MSEC);
    assert_int_equal(0, runtime_directory_remove(name));
    (void)close(lock);
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, status);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_is_for_its_owner_alone),
        TEST(test_link_is_not_followed),
        TEST(test_removes_ours),
        TEST(test_leaves_what_is_not_ours),
        TEST(test_other_users_have_their_own),
        TEST(test_state_is_an_object_or_nothing),
        TEST(test_state_is_bounded),
        TEST(test_state_never_makes_the_directory),
        TEST(test_concurrent_writers_lose_none),
        TEST(test_lock_has_a_timeout),
        TEST(test_lock_of_a_removed_file_is_none),
    };

    /* Without root: a directory of this machine's, of a user who may have none. */
    if (geteuid() != 0 && !getenv("XDG_RUNTIME_DIR"))
        (void)setenv("XDG_RUNTIME_DIR", "/tmp", 1);
    return cmocka_run_group_tests_name("runtime-directory", tests, NULL, NULL);
}
