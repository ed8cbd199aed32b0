/* SPDX-License-Identifier: Apache-2.0 */

/* What is rewritten for the runtime: a bundle's config.json and dockerd's daemon.json; and what is
 * read to find the real one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "runtime/bundle.h"
#include "runtime/places.h"
#include "runtime/real_runtime.h"
#include "runtime/registration.h"

#define PROGRAM "/usr/bin/systemd-ctr-runtime"

static char top[64];
static char config[128], settings[128], backup[160];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(top, sizeof(top), "/tmp/test-runtime-XXXXXX");
    assert_non_null(mkdtemp(top));
    (void)snprintf(config, sizeof(config), "%s/config.json", top);
    (void)snprintf(settings, sizeof(settings), "%s/daemon.json", top);
    (void)snprintf(backup, sizeof(backup), "%s" BACKUP_SUFFIX, settings);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(config);
    (void)unlink(settings);
    (void)unlink(backup);
    /* Fails when a temporary file was left. */
    assert_int_equal(0, rmdir(top));
    return 0;
}

static void put(const char *path, const char *content)
{
    assert_int_equal(0, file_replace(path, content, 0640));
}

static void assert_content(const char *path, const char *expected)
{
    _cleanup_free_ char *content = NULL;

    assert_int_equal(0, file_read(path, 1 << 20, &content, NULL));
    assert_string_equal(expected, content);
}

/* Where the spaces are is json-c's business, and differs between its releases. */
static void assert_json(const char *path, const char *expected)
{
    _cleanup_free_ char *content = NULL;
    _cleanup_json_ JsonValue *value = NULL;
    size_t size;

    assert_int_equal(0, file_read(path, 1 << 20, &content, &size));
    assert_int_equal(0, json_value_parse(content, size, &value));
    assert_string_equal(expected, json_value_format(value));
}

static void test_bundle(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        { "{\"ociVersion\":\"1.0.2\",\"linux\":{\"uidMappings\":[],"
          "\"cgroupsPath\":\"system.slice:docker:ID\",\"namespaces\":[]},\"z\":1}",
                "{\"ociVersion\":\"1.0.2\",\"linux\":{\"uidMappings\":[],"
                "\"cgroupsPath\":\"/u.service/payload/ID\",\"namespaces\":[]},\"z\":1}" },
        { "{\"linux\":{}}", "{\"linux\":{\"cgroupsPath\":\"/u.service/payload/ID\"}}" },
        { "{\"linux\":{\"cgroupsPath\":7}}",
                "{\"linux\":{\"cgroupsPath\":\"/u.service/payload/ID\"}}" },
        /* Values that would be bent by way of a double or a C string. */
        { "{\"a\":[18446744073709551615,-9223372036854775808,1.10],\"e\":\"\\u0000\\u2028<\","
          "\"linux\":{}}",
                "{\"a\":[18446744073709551615,-9223372036854775808,1.10],"
                "\"e\":\"\\u0000\xe2\x80\xa8<\","
                "\"linux\":{\"cgroupsPath\":\"/u.service/payload/ID\"}}" },
    };
    struct stat st;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        put(config, cases[i].before);
        assert_int_equal(0, chmod(config, 0604));
        if (geteuid() == 0)
            assert_int_equal(0, chown(config, 7, 8));
        assert_int_equal(0, bundle_set_cgroups_path(top, "/u.service/payload/ID"));
        assert_content(config, cases[i].after);
        assert_int_equal(0, stat(config, &st));
        assert_int_equal(S_IFREG | 0604, st.st_mode);
        if (geteuid() == 0) {
            assert_int_equal(7, st.st_uid);
            assert_int_equal(8, st.st_gid);
        }
    }
}

static void test_what_is_no_bundle(void **state)
{
    static const char *const bad[] = { "", "{}", "[]", "null", "{\"linux\":null}", "{\"linux\":[]}",
        "{\"linux\":{}", "{\"linux\":{}}x", "\"linux\"" };

    (void)state;
    assert_int_equal(-ENOENT, bundle_set_cgroups_path(top, "/x"));
    for (size_t i = 0; i < ELEMENTS(bad); i++) {
        put(config, bad[i]);
        if (bundle_set_cgroups_path(top, "/x") != -EBADMSG)
            fail_msg("taken: %s", bad[i]);
        assert_content(config, bad[i]);
    }
    /* A sparse one of a terabyte. */
    put(config, "");
    assert_int_equal(0, truncate(config, 1LL << 40));
    assert_int_equal(-EFBIG, bundle_set_cgroups_path(top, "/x"));
}

static void open_settings(Registration *registration)
{
    _cleanup_free_ char *message = NULL;

    assert_int_equal(0, registration_open(settings, registration, &message));
    assert_null(message);
}

static void add_program(const char *program, int expected)
{
    Registration registration;

    open_settings(&registration);
    assert_int_equal(expected, registration_add(&registration, program));
    assert_string_equal(program, registration_program(&registration));
    registration_clear(&registration);
}

static void remove_program(void)
{
    Registration registration;

    open_settings(&registration);
    assert_int_equal(0, registration_withdraw(&registration));
    /* Between the steps dockerd must find "runtimes". */
    registration_clear(&registration);
    open_settings(&registration);
    assert_null(registration_program(&registration));
    assert_true(json_value_is_object(json_value_get(registration.settings, "runtimes")));
    registration_clear(&registration);
}

static void test_added(void **state)
{
    static const char after[] = "{\"z\":1,\"runtimes\":{\"crun\":{\"path\":\"/usr/bin/crun\"},"
                                "\"systemd-ctr\":{\"path\":\"" PROGRAM "\"}},\"a\":\"/b\"}";
    static const char before[] =
            "{\"z\":1, \"runtimes\":{\"crun\":{\"path\":\"/usr/bin/crun\"}},\n\"a\":\"/b\"}";
    struct stat st;

    (void)state;
    put(settings, before);
    add_program(PROGRAM, 1);
    assert_json(settings, after);
    assert_content(backup, before);
    assert_int_equal(0, stat(settings, &st));
    assert_int_equal(S_IFREG | 0640, st.st_mode);
    add_program(PROGRAM, 0);
    assert_json(settings, after);
    /* A new path: the backup stays that of before. */
    add_program("/opt/bin/systemd-ctr-runtime", 1);
    assert_content(backup, before);
}

static int finish_of(bool restore)
{
    Registration registration;
    int r;

    open_settings(&registration);
    if (restore)
        r = registration_add(&registration, PROGRAM) > 0 ? registration_restore(&registration) : -1;
    else {
        r = registration_withdraw(&registration);
        if (r >= 0)
            r = registration_finish(&registration);
    }
    registration_clear(&registration);
    return r;
}

static void test_undone_byte_for_byte(void **state)
{
    static const char *const befores[] = { "{\"z\":1,\n\n\t\"runtimes\":{}, \"a\":\"\\/b\"} ", "",
        "{}", "{ }\n", "{\"runtimes\":{\"crun\":{\"path\":\"/usr/bin/crun\"}}}" };
    struct stat st;

    (void)state;
    for (int restore = 0; restore < 2; restore++)
        for (size_t i = 0; i < ELEMENTS(befores); i++) {
            put(settings, befores[i]);
            if (!restore)
                add_program(PROGRAM, 1);
            assert_int_equal(0, finish_of(restore));
            assert_content(settings, befores[i]);
            assert_int_equal(0, stat(settings, &st));
            assert_int_equal(S_IFREG | 0640, st.st_mode);
            assert_int_equal(-1, access(backup, F_OK));
        }
    assert_int_equal(0, unlink(settings));
    for (int restore = 0; restore < 2; restore++) {
        if (!restore)
            add_program(PROGRAM, 1);
        assert_int_equal(0, finish_of(restore));
        assert_int_equal(-1, access(settings, F_OK));
        assert_int_equal(-1, access(backup, F_OK));
    }
}

/* What somebody changed since stays changed. */
static void test_undone_after_changes(void **state)
{
    (void)state;
    put(settings, "{\"debug\":true}");
    add_program(PROGRAM, 1);
    put(settings, "{\"debug\":false,\"runtimes\":{\"systemd-ctr\":{\"path\":\"" PROGRAM "\"}}}");
    assert_int_equal(0, finish_of(false));
    assert_json(settings, "{\"debug\":false}");
    assert_int_equal(-1, access(backup, F_OK));

    put(settings, "{\"debug\":true}");
    add_program(PROGRAM, 1);
    put(settings, "{\"runtimes\":{\"x\":{},\"systemd-ctr\":{\"path\":\"" PROGRAM "\"}}}");
    assert_int_equal(0, finish_of(false));
    assert_json(settings, "{\"runtimes\":{\"x\":{}}}");
    assert_int_equal(-1, access(backup, F_OK));
}

/* dockerd could not be told between the two steps: the next run finishes. */
static void test_undone_in_two_runs(void **state)
{
    static const char *const befores[] = { "{ \"debug\":true }", "{\"runtimes\":{ }}", NULL };
    Registration registration;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(befores); i++) {
        (void)unlink(settings);
        if (befores[i])
            put(settings, befores[i]);
        add_program(PROGRAM, 1);
        remove_program();
        open_settings(&registration);
        assert_true(registration_is_half_removed(&registration));
        assert_int_equal(0, registration_finish(&registration));
        registration_clear(&registration);
        assert_int_equal(-1, access(backup, F_OK));
        if (befores[i])
            assert_content(settings, befores[i]);
        else
            assert_int_equal(-1, access(settings, F_OK));
        put(settings, "{}");
        open_settings(&registration);
        assert_false(registration_is_half_removed(&registration));
        registration_clear(&registration);
    }
}

static void test_a_link_is_followed(void **state)
{
    struct stat st;

    (void)state;
    put(config, "{}");
    assert_int_equal(0, symlink(config, settings));
    add_program(PROGRAM, 1);
    assert_int_equal(0, lstat(settings, &st));
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(0, finish_of(false));
    assert_content(config, "{}");
}

static void test_what_is_no_settings(void **state)
{
    static const char *const bad[] = { "{", "[]", "7", "{\"runtimes\":[]}", "{\"runtimes\":null}x",
        "{\"a\":1,}", "{} {}", "// x\n{}" };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(bad); i++) {
        _cleanup_free_ char *message = NULL;
        Registration registration;

        put(settings, bad[i]);
        if (registration_open(settings, &registration, &message) != -EBADMSG)
            fail_msg("taken: %s", bad[i]);
        assert_true(text_starts_with(message, settings));
        registration_clear(&registration);
        assert_content(settings, bad[i]);
    }
}

static void test_default_runtime(void **state)
{
    Registration registration;

    (void)state;
    put(settings, "{\"default-runtime\":\"systemd-ctr\"}");
    open_settings(&registration);
    assert_true(registration_is_default(&registration));
    registration_clear(&registration);
    put(settings, "{\"default-runtime\":\"runc\"}");
    open_settings(&registration);
    assert_false(registration_is_default(&registration));
    registration_clear(&registration);
}

static void put_setting(const char *content)
{
    _cleanup_free_ char *folder = text_format("%s/systemd-ctr", top);
    _cleanup_free_ char *path = text_format("%s/runtime", folder);

    assert_int_equal(0, directory_make(folder, 0700));
    if (content)
        put(path, content);
    else {
        assert_int_equal(0, unlink(path));
        assert_int_equal(0, rmdir(folder));
    }
}

static void test_real_runtime(void **state)
{
    static const struct {
        const char *setting;
        int r;
        const char *found;
    } cases[] = {
        { "/usr/bin/crun\n", 0, "/usr/bin/crun" },
        { "/usr/bin/crun", 0, "/usr/bin/crun" },
        { "/a b\nrest\n", 0, "/a b" },
        { "crun\n", -EINVAL, NULL },
        { "\n", -EINVAL, NULL },
        { "", -EINVAL, NULL },
        { "/proc/self/exe\n", -ELOOP, NULL },
    };

    (void)state;
    assert_int_equal(0, setenv("ROOTLESSKIT_STATE_DIR", "/x", 1));
    assert_int_equal(0, setenv("XDG_CONFIG_HOME", top, 1));
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_free_ char *found = NULL, *message = NULL;

        put_setting(cases[i].setting);
        assert_int_equal(cases[i].r, real_runtime_find(&found, &message));
        assert_true(text_equal(cases[i].found, found));
        assert_int_equal(cases[i].r < 0, message != NULL);
    }
    put_setting(NULL);
}

static void test_runc_in_path(void **state)
{
    _cleanup_free_ char *runc = text_format("%s/runc", top);
    _cleanup_free_ char *path = text_format("relative::/nonexistent:%s:/also", top);
    _cleanup_free_ char *found = NULL, *message = NULL;

    (void)state;
    if (access(PLACE_OF_HOST_SETTING, F_OK) == 0)
        skip();
    assert_int_equal(0, setenv("ROOTLESSKIT_STATE_DIR", "/x", 1));
    assert_int_equal(0, setenv("XDG_CONFIG_HOME", "/nonexistent", 1));
    assert_int_equal(0, setenv("PATH", path, 1));
    assert_int_equal(-ENOENT, real_runtime_find(&found, &message));
    assert_non_null(message);
    assert_int_equal(0, symlink("/proc/self/exe", runc));
    assert_int_equal(-ENOENT, real_runtime_find(&found, &message));
    assert_int_equal(0, unlink(runc));
    put(runc, "");
    assert_int_equal(0, chmod(runc, 0755));
    assert_int_equal(0, real_runtime_find(&found, &message));
    assert_string_equal(runc, found);
    assert_int_equal(0, unlink(runc));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bundle),
        TEST(test_what_is_no_bundle),
        TEST(test_added),
        TEST(test_undone_byte_for_byte),
        TEST(test_undone_after_changes),
        TEST(test_undone_in_two_runs),
        TEST(test_a_link_is_followed),
        TEST(test_what_is_no_settings),
        TEST(test_default_runtime),
        TEST(test_real_runtime),
        TEST(test_runc_in_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
