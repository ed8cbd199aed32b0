/* SPDX-License-Identifier: Apache-2.0 */

/* The hand-over file is believed only where nobody else could have written it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "runtime/hand_over.h"
#include "runtime/places.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PAYLOAD "/system.slice/web.service/payload"

static char top[64];
static char folder[128], path[256];

/* As in rootlesskit, so that nothing of the machine's is touched. */
static int set_up(void **state)
{
    (void)state;
    (void)snprintf(top, sizeof(top), "/tmp/test-hand-over-XXXXXX");
    assert_non_null(mkdtemp(top));
    (void)snprintf(folder, sizeof(folder), "%s/systemd-ctr/runtime", top);
    (void)snprintf(path, sizeof(path), "%s/" ID, folder);
    assert_int_equal(0, setenv("ROOTLESSKIT_STATE_DIR", "/nonexistent", 1));
    assert_int_equal(0, setenv("XDG_RUNTIME_DIR", top, 1));
    return 0;
}

static int tear_down(void **state)
{
    _cleanup_free_ char *above = text_format("%s/systemd-ctr", top);

    (void)state;
    (void)unlink(path);
    (void)rmdir(path);
    if (unlink(folder) < 0)
        (void)rmdir(folder);
    (void)rmdir(above);
    /* Fails when something was left. */
    assert_int_equal(0, rmdir(top));
    assert_int_equal(0, unsetenv("ROOTLESSKIT_STATE_DIR"));
    return 0;
}

/* Puts a file of the ID there, as an attacker or a fault would. */
static void put(const char *content, size_t size)
{
    int fd;

    assert_int_equal(0, runtime_hand_over_write(ID, PAYLOAD));
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(size, write(fd, content, size));
    (void)close(fd);
}

static void assert_taken(int expected)
{
    _cleanup_free_ char *payload = NULL;

    assert_int_equal(expected, runtime_hand_over_take(ID, &payload));
    assert_true(text_equal(payload, expected == 1 ? PAYLOAD : NULL));
}

static void test_taken_once(void **state)
{
    struct stat st;
    mode_t mask = umask(0);

    (void)state;
    assert_taken(0);
    assert_int_equal(0, runtime_hand_over_write(ID, "/system.slice/old.service/payload"));
    assert_int_equal(0, runtime_hand_over_write(ID, PAYLOAD));
    (void)umask(mask);
    assert_int_equal(0, lstat(path, &st));
    assert_int_equal(S_IFREG | 0600, st.st_mode);
    assert_int_equal(0, lstat(folder, &st));
    assert_int_equal(S_IFDIR | 0700, st.st_mode);
    assert_taken(1);
    assert_taken(0);
}

static void test_removed(void **state)
{
    (void)state;
    assert_int_equal(0, runtime_hand_over_remove(ID));
    assert_int_equal(0, runtime_hand_over_write(ID, PAYLOAD));
    assert_int_equal(0, runtime_hand_over_remove(ID));
    assert_int_equal(0, runtime_hand_over_remove(ID));
    assert_taken(0);
}

static void test_what_is_no_id(void **state)
{
    static const char *const ids[] = { "", ".", "..", "../x", "a/b", "a.b", "a-b", " ", "a\n",
        "\xc3\xa4", ID "0" };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(ids); i++) {
        char *payload = NULL;

        assert_int_equal(-EINVAL, runtime_hand_over_write(ids[i], PAYLOAD));
        assert_int_equal(-EINVAL, runtime_hand_over_remove(ids[i]));
        assert_int_equal(0, runtime_hand_over_take(ids[i], &payload));
    }
}

static const char *const bad_payloads[] = { "", "/", "x", "system.slice/web.service/payload",
    "/web.service", "/system.slice", "/system.slice/payload", "/system.slice/web.service",
    "/system.slice/web.service/", "/system.slice/web.service/payload/", "//web.service/payload",
    "/system.slice//web.service/payload", "/./web.service/payload", "/../web.service/payload",
    "/system.slice/web.service/..", "/system.slice/web.service/../other.service",
    "/system.slice/web.service/.", "/web.service/pay\nload", "/web.service/pay\x7fload",
    "/web.service/\xff", "/service/payload", "/web.service.d/payload" };

static const char *const good_payloads[] = { "/web.service/payload",
    "/system.slice/system-web.slice/web@1.service/payload", "/web.scope/payload",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/payload",
    "/system.slice/web.service/a b/...", "/system.slice/w\xc3\xa4.service/payload" };

static void test_payloads(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(bad_payloads); i++) {
        _cleanup_free_ char *line = text_format("%s\n", bad_payloads[i]);

        if (runtime_hand_over_write(ID, bad_payloads[i]) != -EINVAL)
            fail_msg("written: %s", bad_payloads[i]);
        put(line, strlen(line));
        assert_taken(-EBADMSG);
    }
    for (size_t i = 0; i < ELEMENTS(good_payloads); i++) {
        _cleanup_free_ char *payload = NULL;

        if (runtime_hand_over_write(ID, good_payloads[i]) != 0)
            fail_msg("refused: %s", good_payloads[i]);
        assert_int_equal(1, runtime_hand_over_take(ID, &payload));
        assert_string_equal(good_payloads[i], payload);
    }
}

/* A fault is told once, and does not stand in the way of the next start. */
static void test_broken_content_is_removed(void **state)
{
    static char large[3 * PATH_MAX];

    (void)state;
    put("", 0);
    assert_taken(-EBADMSG);
    assert_taken(0);
    put(PAYLOAD, strlen(PAYLOAD)); /* cut off before the new line */
    assert_taken(-EBADMSG);
    put(PAYLOAD "\n\n", strlen(PAYLOAD) + 2);
    assert_taken(-EBADMSG);
    put(PAYLOAD "\0\n", strlen(PAYLOAD) + 2);
    assert_taken(-EBADMSG);
    memset(large, 'x', sizeof(large));
    memcpy(large, PAYLOAD, strlen(PAYLOAD));
    large[sizeof(large) - 1] = '\n';
    put(large, sizeof(large));
    assert_taken(-EBADMSG);
    assert_taken(0);
}

static void test_longest_path(void **state)
{
    char payload[PATH_MAX + 1], *taken = NULL;

    (void)state;
    memset(payload, 'x', sizeof(payload));
    memcpy(payload, PAYLOAD, strlen(PAYLOAD));
    payload[PATH_MAX] = '\0';
    assert_int_equal(-EINVAL, runtime_hand_over_write(ID, payload));
    payload[PATH_MAX - 1] = '\0';
    assert_int_equal(0, runtime_hand_over_write(ID, payload));
    assert_int_equal(1, runtime_hand_over_take(ID, &taken));
    assert_string_equal(payload, taken);
    free(taken);
}

static void test_what_is_no_file(void **state)
{
    _cleanup_free_ char *other = text_format("%s/other", top);

    (void)state;
    assert_int_equal(0, runtime_hand_over_write(ID, PAYLOAD));
    assert_int_equal(0, rename(path, other));
    assert_int_equal(0, symlink(other, path));
    assert_taken(-EPERM);
    assert_taken(0);
    assert_int_equal(0, access(other, F_OK));
    assert_int_equal(0, unlink(other));

    assert_int_equal(0, mkfifo(path, 0600));
    (void)alarm(5); /* it would wait for a writer */
    assert_taken(-EPERM);
    (void)alarm(0);
    assert_int_equal(0, mkdir(path, 0700));
    assert_taken(-EPERM);
}

static void test_what_others_could_write(void **state)
{
    (void)state;
    put(PAYLOAD "\n", strlen(PAYLOAD) + 1);
    assert_int_equal(0, chmod(path, 0620));
    assert_taken(-EPERM);
    put(PAYLOAD "\n", strlen(PAYLOAD) + 1);
    assert_int_equal(0, chmod(path, 0602));
    assert_taken(-EPERM);

    /* In such a folder nothing is of ours. */
    put(PAYLOAD "\n", strlen(PAYLOAD) + 1);
    assert_int_equal(0, chmod(folder, 0777));
    assert_taken(0);
    assert_int_equal(-EPERM, runtime_hand_over_write(ID, PAYLOAD));
    assert_int_equal(0, chmod(folder, 0700));
    assert_taken(1);

    if (geteuid() != 0)
        return;
    put(PAYLOAD "\n", strlen(PAYLOAD) + 1);
    assert_int_equal(0, chown(path, 65534, (gid_t)-1));
    assert_taken(-EPERM);
    put(PAYLOAD "\n", strlen(PAYLOAD) + 1);
    assert_int_equal(0, chown(folder, 65534, (gid_t)-1));
    assert_taken(0);
    assert_int_equal(-EPERM, runtime_hand_over_write(ID, PAYLOAD));
}

static void test_a_folder_that_is_a_link(void **state)
{
    _cleanup_free_ char *other = text_format("%s/other", top);

    (void)state;
    assert_int_equal(0, runtime_hand_over_write(ID, PAYLOAD));
    assert_int_equal(0, rename(folder, other));
    assert_int_equal(0, symlink(other, folder));
    assert_taken(0);
    assert_int_equal(-EPERM, runtime_hand_over_write(ID, PAYLOAD));
    assert_int_equal(0, unlink(folder));
    assert_int_equal(0, rename(other, folder));
    assert_taken(1);
}

static void test_no_folder_of_the_user(void **state)
{
    (void)state;
    assert_int_equal(0, unsetenv("XDG_RUNTIME_DIR"));
    assert_int_equal(-ENXIO, runtime_hand_over_write(ID, PAYLOAD));
    assert_int_equal(0, runtime_hand_over_remove(ID));
    assert_taken(0);
    assert_int_equal(0, setenv("XDG_RUNTIME_DIR", "relative", 1));
    assert_int_equal(-ENXIO, runtime_hand_over_write(ID, PAYLOAD));
}

static void test_places(void **state)
{
    static const struct {
        int (*place)(char **ret);
        const char *rootless, *root;
    } places[] = {
        { place_of_hand_overs, "/run/user/7/systemd-ctr/runtime", "/run/systemd-ctr/runtime" },
        { place_of_setting, "/home/u/.config/systemd-ctr/runtime", PLACE_OF_HOST_SETTING },
        { place_of_daemon_json, "/home/u/.config/docker/daemon.json", "/etc/docker/daemon.json" },
    };

    (void)state;
    assert_int_equal(0, setenv("XDG_RUNTIME_DIR", "/run/user/7", 1));
    assert_int_equal(0, setenv("HOME", "/home/u", 1));
    assert_int_equal(0, unsetenv("XDG_CONFIG_HOME"));
    for (size_t i = 0; i < ELEMENTS(places); i++) {
        _cleanup_free_ char *rootless = NULL, *root = NULL;

        assert_int_equal(0, setenv("ROOTLESSKIT_STATE_DIR", "/x", 1));
        assert_int_equal(0, places[i].place(&rootless));
        assert_string_equal(places[i].rootless, rootless);
        if (geteuid() != 0)
            continue;
        /* Root's own XDG_RUNTIME_DIR, which dockerd has not got, is of no interest. */
        assert_int_equal(0, unsetenv("ROOTLESSKIT_STATE_DIR"));
        assert_int_equal(0, places[i].place(&root));
        assert_string_equal(places[i].root, root);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_taken_once),
        TEST(test_removed),
        TEST(test_what_is_no_id),
        TEST(test_payloads),
        TEST(test_broken_content_is_removed),
        TEST(test_longest_path),
        TEST(test_what_is_no_file),
        TEST(test_what_others_could_write),
        TEST(test_a_folder_that_is_a_link),
        TEST(test_no_folder_of_the_user),
        TEST(test_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
