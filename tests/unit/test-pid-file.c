/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "unit/pid_file.h"

static char directory[64];
static char path[128], other[128];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/test-pid-file-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/web.pid", directory);
    (void)snprintf(other, sizeof(other), "%s/other", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)chmod(directory, 0700);
    (void)unlink(path);
    (void)rmdir(path);
    (void)unlink(other);
    /* Fails when a temporary file was left. */
    assert_int_equal(0, rmdir(directory));
    return 0;
}

static void assert_content(const char *file, const char *expected)
{
    _cleanup_free_ char *content = NULL;

    assert_int_equal(0, file_read(file, 4096, &content, NULL));
    assert_string_equal(expected, content);
}

static void put(const char *file, const char *content)
{
    assert_int_equal(0, file_replace(file, content, 0644));
}

static void test_content_and_mode(void **state)
{
    struct stat st;
    mode_t mask = umask(0077);

    (void)state;
    assert_int_equal(0, pid_file_write(path, 4194304));
    (void)umask(mask);
    assert_content(path, "4194304\n");
    assert_int_equal(0, lstat(path, &st));
    assert_int_equal(S_IFREG | 0644, st.st_mode);
}

static void test_symlink_is_replaced_not_followed(void **state)
{
    struct stat st;

    (void)state;
    put(other, "precious\n");
    assert_int_equal(0, symlink(other, path));
    assert_int_equal(0, pid_file_write(path, 7));
    assert_int_equal(0, lstat(path, &st));
    assert_true(S_ISREG(st.st_mode));
    assert_content(path, "7\n");
    assert_content(other, "precious\n");
}

static void test_symlink_is_not_taken_for_ours(void **state)
{
    (void)state;
    put(other, "7\n");
    assert_int_equal(0, symlink(other, path));
    assert_int_equal(0, pid_file_remove(path, 7));
    assert_content(other, "7\n");
    assert_content(path, "7\n");
    /* Asked to remove whatever it is: the link, not what it leads to. */
    assert_int_equal(0, pid_file_remove(path, 0));
    assert_int_equal(-1, access(path, F_OK));
    assert_content(other, "7\n");
}

/* Who has the old file open reads the old PID to its end. */
static void test_replacing_is_atomic(void **state)
{
    char content[16] = "";
    int fd;

    (void)state;
    assert_int_equal(0, pid_file_write(path, 11));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(0, pid_file_write(path, 2222222));
    assert_int_equal(3, read(fd, content, sizeof(content)));
    assert_string_equal("11\n", content);
    (void)close(fd);
    assert_content(path, "2222222\n");
}

static void test_no_reader_sees_a_part(void **state)
{
    pid_t writer = fork();
    int status = -1;

    (void)state;
    assert_true(writer >= 0);
    if (writer == 0) {
        int r = 0;

        for (int i = 0; i < 2000 && r >= 0; i++)
            r = pid_file_write(path, i % 2 ? 3 : 1234567);
        _exit(r < 0);
    }
    while (waitpid(writer, &status, WNOHANG) == 0) {
        _cleanup_free_ char *content = NULL;

        if (file_read(path, 64, &content, NULL) < 0)
            continue;
        assert_true(text_equal(content, "3\n") || text_equal(content, "1234567\n"));
    }
    assert_int_equal(0, status);
}

static void test_what_is_removed(void **state)
{
    static const struct {
        const char *content;
        pid_t pid;
        bool goes;
    } cases[] = {
        { "42\n", 42, true },
        { "42", 42, true },
        { "42\n", 0, true },
        { "anything", 0, true },
        { "43\n", 42, false },
        { "420\n", 42, false },
        { "42 \n", 42, false },
        { "-42\n", 42, false },
        { "", 42, false },
        { "0000000000000000000000000000000000000000042\n", 42, false },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        put(path, cases[i].content);
        assert_int_equal(0, pid_file_remove(path, cases[i].pid));
        assert_int_equal(cases[i].goes, access(path, F_OK) < 0);
    }
}

static void test_nothing_there_is_fine(void **state)
{
    (void)state;
    assert_int_equal(0, pid_file_remove(path, 42));
    assert_int_equal(0, pid_file_remove(path, 0));
    assert_int_equal(0, pid_file_remove("/nonexistent/directory/web.pid", 42));
}

static void test_what_is_no_file_is_left(void **state)
{
    (void)state;
    assert_int_equal(0, mkfifo(path, 0600));
    (void)alarm(5); /* reading it would wait for a writer */
    assert_int_equal(0, pid_file_remove(path, 42));
    (void)alarm(0);
    assert_int_equal(0, access(path, F_OK));
}

static void test_failures_are_told(void **state)
{
    (void)state;
    assert_int_equal(-ENOENT, pid_file_write("/nonexistent/directory/web.pid", 1));
    assert_int_equal(0, mkdir(path, 0700));
    assert_int_equal(-EISDIR, pid_file_write(path, 1));
}

/* As another user, since nothing is denied to root. */
static void test_unwritable_directory(void **state)
{
    pid_t child;
    int status;

    (void)state;
    if (geteuid() != 0)
        skip();
    put(path, "42\n");
    assert_int_equal(0, chmod(directory, 0000));
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (setresuid(65534, 65534, 65534) < 0)
            _exit(1);
        _exit(pid_file_write(path, 1) == -EACCES && pid_file_remove(path, 42) == -EACCES ? 0 : 2);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, status);
    assert_content(path, "42\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_content_and_mode),
        TEST(test_symlink_is_replaced_not_followed),
        TEST(test_symlink_is_not_taken_for_ours),
        TEST(test_replacing_is_atomic),
        TEST(test_no_reader_sees_a_part),
        TEST(test_what_is_removed),
        TEST(test_nothing_there_is_fine),
        TEST(test_what_is_no_file_is_left),
        TEST(test_failures_are_told),
        TEST(test_unwritable_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
