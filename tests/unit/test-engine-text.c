/* SPDX-License-Identifier: Apache-2.0 */

/* What the engine room makes of words: addresses, targets, references, messages. */

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
#include <unistd.h>

#include "base/text.h"
#include "engine/address.h"
#include "engine/engine.h"
#include "engine/reply_message.h"
#include "engine/target.h"

#define LONG_PATH_107                                                                              \
    "/0000000001000000000100000000010000000001000000000100000000010000000001000000000100000000010" \
    "0000000010"                                                                                   \
    "00000"

/* ---- addresses ---- */

static const struct {
    const char *host;
    const char *base_url, *socket_path;
    const char *complaint; /* a part of it; NULL: it is an address */
} addresses[] = {
    { "unix:///var/run/docker.sock", "http://localhost", "/var/run/docker.sock", NULL },
    { "unix:///a b%2f", "http://localhost", "/a b%2f", NULL },
    { "unix://" LONG_PATH_107, "http://localhost", LONG_PATH_107, NULL },
    { "unix://" LONG_PATH_107 "0", NULL, NULL, "at most 107 bytes" },
    { "unix://run/docker.sock", NULL, NULL, "absolute" },
    { "unix://", NULL, NULL, "absolute" },
    { "tcp://10.0.0.1:2375", "http://10.0.0.1:2375", NULL, NULL },
    { "tcp://build-1.example.org:1", "http://build-1.example.org:1", NULL, NULL },
    { "tcp://localhost", "http://localhost:2375", NULL, NULL },
    { "tcp://localhost:2375/", "http://localhost:2375", NULL, NULL },
    { "tcp://[::1]:65535", "http://[::1]:65535", NULL, NULL },
    { "tcp://[fe80::1]", "http://[fe80::1]:2375", NULL, NULL },
    { "tcp://", NULL, NULL, "tcp://HOST:PORT" },
    { "tcp://:2375", NULL, NULL, "tcp://HOST:PORT" },
    { "tcp://a:0", NULL, NULL, "no port" },
    { "tcp://a:65536", NULL, NULL, "no port" },
    { "tcp://a:", NULL, NULL, "no port" },
    { "tcp://a:x", NULL, NULL, "no port" },
    { "tcp://u:p@a:1", NULL, NULL, "tcp://HOST:PORT" },
    { "tcp://a/b:1", NULL, NULL, "tcp://HOST:PORT" },
    { "tcp://a b:1", NULL, NULL, "tcp://HOST:PORT" },
    { "tcp://-a:1", NULL, NULL, "tcp://HOST:PORT" },
    { "tcp://[::1", NULL, NULL, "tcp://HOST:PORT" },
    { "tcp://[]:1", NULL, NULL, "tcp://HOST:PORT" },
    { "ssh://a", NULL, NULL, "neither unix:// nor tcp://" },
    { "/var/run/docker.sock", NULL, NULL, "neither unix:// nor tcp://" },
    { "bad\nhost", NULL, NULL, "bad?host" },
    { "", NULL, NULL, "neither unix:// nor tcp://" },
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(addresses); i++) {
        _cleanup_(engine_address_free_p) EngineAddress *address = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        r = engine_address_parse(addresses[i].host, &address, &message);
        if (addresses[i].complaint) {
            assert_int_equal(-EINVAL, r);
            assert_non_null(message);
            assert_non_null(strstr(message, addresses[i].complaint));
            continue;
        }
        assert_int_equal(0, r);
        assert_null(message);
        assert_string_equal(addresses[i].host, address->host);
        assert_string_equal(addresses[i].base_url, address->base_url);
        assert_true(text_equal(addresses[i].socket_path, address->socket_path));
        assert_false(address->tls);
        assert_int_equal(0, address->fixed_api_minor);
    }
}

static void touch(const char *directory, const char *name)
{
    char path[256];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void expect_tls(const char *host, const char *complaint, const char *certificate)
{
    _cleanup_(engine_address_free_p) EngineAddress *address = NULL;
    _cleanup_free_ char *message = NULL;
    int r = engine_address_parse(host, &address, &message);

    if (complaint) {
        assert_int_equal(-EINVAL, r);
        assert_non_null(strstr(message, complaint));
        return;
    }
    assert_int_equal(0, r);
    assert_true(address->tls);
    assert_true(text_starts_with(address->base_url, "https://"));
    assert_true(text_ends_with(address->ca_path, "/ca.pem"));
    assert_true(text_equal(certificate, address->certificate_path));
}

static void test_tls(void **state)
{
    static const char *const files[] = { "ca.pem", "cert.pem", "key.pem" };
    char directory[] = "/tmp/test-engine.XXXXXX", certificate[64];
    _cleanup_(engine_address_free_p) EngineAddress *plain = NULL;
    char *message = NULL;

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(certificate, sizeof(certificate), "%s/cert.pem", directory);
    assert_int_equal(0, setenv("DOCKER_CERT_PATH", directory, 1));
    assert_int_equal(0, setenv("DOCKER_TLS_VERIFY", "1", 1));

    expect_tls("tcp://a:1", "wants ca.pem", NULL);
    touch(directory, "ca.pem");
    expect_tls("tcp://a:1", NULL, NULL);
    touch(directory, "cert.pem");
    expect_tls("tcp://a:1", "only one", NULL);
    touch(directory, "key.pem");
    expect_tls("tcp://a:1", NULL, certificate);

    /* A socket needs none of it, and an empty value is none. */
    assert_int_equal(0, engine_address_parse("unix:///a", &plain, &message));
    assert_false(plain->tls);
    plain = engine_address_free(plain);
    assert_int_equal(0, setenv("DOCKER_TLS_VERIFY", "", 1));
    assert_int_equal(0, engine_address_parse("tcp://a", &plain, &message));
    assert_false(plain->tls);
    assert_string_equal("http://a:2375", plain->base_url);

    assert_int_equal(0, unsetenv("DOCKER_TLS_VERIFY"));
    assert_int_equal(0, unsetenv("DOCKER_CERT_PATH"));
    for (size_t i = 0; i < ELEMENTS(files); i++) {
        (void)snprintf(certificate, sizeof(certificate), "%s/%s", directory, files[i]);
        assert_int_equal(0, unlink(certificate));
    }
    assert_int_equal(0, rmdir(directory));
}

static void test_api_version(void **state)
{
    static const struct {
        const char *value;
        unsigned minor; /* 0: refused */
    } versions[] = { { "1.41", 41 }, { "v1.44", 44 }, { "1.52", 52 }, { "1.40", 0 }, { "1.53", 0 },
        { "2.41", 0 }, { "1", 0 }, { "1.", 0 }, { "1.4x", 0 }, { "1.99999999999999999999", 0 } };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(versions); i++) {
        _cleanup_(engine_address_free_p) EngineAddress *address = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        assert_int_equal(0, setenv("DOCKER_API_VERSION", versions[i].value, 1));
        r = engine_address_parse("unix:///a", &address, &message);
        assert_int_equal(versions[i].minor ? 0 : -EINVAL, r);
        if (r < 0)
            assert_non_null(strstr(message, "DOCKER_API_VERSION"));
        else
            assert_int_equal(versions[i].minor, address->fixed_api_minor);
    }
    assert_int_equal(0, unsetenv("DOCKER_API_VERSION"));
}

/* ---- targets ---- */

static void test_targets(void **state)
{
    _cleanup_free_ char *target = target_new("/a/", "b/c:d@e ~\xc3\xa9?", false, "/f");
    _cleanup_free_ char *path = target_new("/a/", "b/c:d@e?", true, "");
    char *none = NULL;

    (void)state;
    assert_string_equal("/a/b%2Fc%3Ad%40e%20~%C3%A9%3F/f", target);
    assert_string_equal("/a/b/c:d@e%3F", path);

    assert_int_equal(0, target_add(&target, "x", NULL));
    assert_int_equal(0, target_add(&target, "x", "1&2=3#"));
    assert_int_equal(0, target_add(&target, "y", ""));
    assert_string_equal("/a/b%2Fc%3Ad%40e%20~%C3%A9%3F/f?x=1%262%3D3%23&y=", target);
    assert_int_equal(-ENOMEM, target_add(&none, "x", "1"));
}

/* ---- references ---- */

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
    const char *image, *name, *tag; /* NULL: refused */
} references[] = {
    { "busybox", "busybox", "latest" },
    { "busybox:1.36", "busybox", "1.36" },
    { "a/b/c:d", "a/b/c", "d" },
    { "localhost:5000/a", "localhost:5000/a", "latest" },
    { "localhost:5000/a:b", "localhost:5000/a", "b" },
    { "[::1]:5000/a", "[::1]:5000/a", "latest" },
    { "a@" DIGEST, "a", DIGEST },
    { "r:5000/a:b@" DIGEST, "r:5000/a", DIGEST },
    { "", NULL, NULL },
    { ":a", NULL, NULL },
    { "a:", NULL, NULL },
    { "a@", NULL, NULL },
    { "@" DIGEST, NULL, NULL },
};

static void test_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(references); i++) {
        _cleanup_free_ char *name = NULL, *tag = NULL;
        int r = engine_split_reference(references[i].image, &name, &tag);

        assert_int_equal(references[i].name ? 0 : -EINVAL, r);
        assert_true(text_equal(references[i].name, name));
        assert_true(text_equal(references[i].tag, tag));
    }
}

/* ---- messages ---- */

static const struct {
    int status;
    const char *body, *message;
} messages[] = {
    { 404, "{\"message\":\"No such container: a\"}\n", "No such container: a" },
    { 400, "{\"message\":\" a\\n\\tb\\u001b[31m\\r\\n\"}", "a  b?[31m" },
    { 400, "{\"message\":\"\"}", "HTTP status 400" },
    { 400, "{\"message\":7}", "HTTP status 400" },
    { 400, "{\"cause\":\"x\"}", "HTTP status 400" },
    { 404, "404 page not found\n", "404 page not found" },
    { 500, "<html>\n<h1>Oops</h1></html>", "HTTP status 500" },
    { 502, "", "HTTP status 502" },
    { 502, " \n ", "HTTP status 502" },
    { 502, "caf\xc3\xa9 \xff", "caf\xc3\xa9 ?" },
};

static void test_messages(void **state)
{
    char text[REPLY_MESSAGE_MAX + 100];
    char *line;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(messages); i++) {
        line = reply_message(messages[i].status, messages[i].body, strlen(messages[i].body));
        assert_string_equal(messages[i].message, line);
        free(line);
    }

    /* Cut, and not in the middle of a character. */
    for (size_t odd = 0; odd < 2; odd++) {
        size_t size = odd;

        text[0] = 'x';
        for (; size + 2 < sizeof(text); size += 2)
            memcpy(text + size, "\xc3\xa9", 2);
        line = reply_message(500, text, size);
        assert_true(strlen(line) <= REPLY_MESSAGE_MAX && strlen(line) >= REPLY_MESSAGE_MAX - 2);
        assert_null(strchr(line, '?'));
        free(line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_api_version),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
