/* SPDX-License-Identifier: Apache-2.0 */

/* What --probe= takes, and the command lines in it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/command_line.h"
#include "base/text.h"
#include "health/probe_spec.h"

/* ---- command lines ---- */

#define WORDS_MAX 4

static const struct {
    const char *text;
    const char *words[WORDS_MAX + 1];
    const char *complaint; /* a part of it; NULL: it is a command line */
} command_lines[] = {
    { "true", { "true" }, NULL },
    { "  a\tb\nc  ", { "a", "b", "c" }, NULL },
    { "sh -c 'exit 1; $x \"y\" \\'", { "sh", "-c", "exit 1; $x \"y\" \\" }, NULL },
    { "a \"b c\" d", { "a", "b c", "d" }, NULL },
    { "a'b'\"c\"d", { "abcd" }, NULL },
    { "'' \"\"", { "", "" }, NULL },
    { "a\\ b \\'c \\\\", { "a b", "'c", "\\" }, NULL },
    { "\"\\\"\\\\\\$\\`\"", { "\"\\$`" }, NULL },
    { "\"\\n\\'\"", { "\\n\\'" }, NULL },
    { "a\\\nb \"c\\\nd\"", { "ab", "cd" }, NULL },
    { "a # b", { "a", "#", "b" }, NULL },
    { "$HOME *", { "$HOME", "*" }, NULL },
    { "", { NULL }, "no command" },
    { " \t\n", { NULL }, "no command" },
    { "a 'b", { NULL }, "quote is not closed" },
    { "a \"b", { NULL }, "quote is not closed" },
    { "a \"b'", { NULL }, "quote is not closed" },
    { "a \\", { NULL }, "backslash" },
    { "\"a\\", { NULL }, "backslash" },
};

static void test_command_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(command_lines); i++) {
        _cleanup_vector_ char **words = NULL;
        const char *complaint = NULL;
        int r = command_line_split(command_lines[i].text, &words, &complaint);

        if (command_lines[i].complaint) {
            assert_int_equal(-EINVAL, r);
            assert_non_null(strstr(complaint, command_lines[i].complaint));
            assert_null(words);
            continue;
        }
        assert_int_equal(0, r);
        for (size_t j = 0; j <= WORDS_MAX; j++) {
            if (!command_lines[i].words[j]) {
                assert_null(words[j]);
                break;
            }
            assert_string_equal(command_lines[i].words[j], words[j]);
        }
    }
}

/* ---- probes ---- */

static const struct {
    const char *text;
    ProbeKind kind;
    const char *first, *second; /* addresses */
    const char *base_url, *target;
} probes[] = {
    { "http://127.0.0.1/", PROBE_HTTP, "127.0.0.1:80", NULL, "http://127.0.0.1", "/" },
    { "http://127.0.0.1", PROBE_HTTP, "127.0.0.1:80", NULL, "http://127.0.0.1", "/" },
    { "http://127.0.0.1:8080/a/../b%20?c=d&e=@:", PROBE_HTTP, "127.0.0.1:8080", NULL,
            "http://127.0.0.1:8080", "/a/../b%20?c=d&e=@:" },
    { "http://127.0.0.1?x", PROBE_HTTP, "127.0.0.1:80", NULL, "http://127.0.0.1", "/?x" },
    { "http://[::1]:8080/x", PROBE_HTTP, "[::1]:8080", NULL, "http://[::1]:8080", "/x" },
    { "http://[::1]", PROBE_HTTP, "[::1]:80", NULL, "http://[::1]", "/" },
    { "http://localhost:1/x", PROBE_HTTP, "127.0.0.1:1", "[::1]:1", "http://localhost:1", "/x" },
    { "https://10.1.2.3/x", PROBE_HTTPS, "10.1.2.3:443", NULL, "https://10.1.2.3", "/x" },
    { "https://localhost", PROBE_HTTPS, "127.0.0.1:443", "[::1]:443", "https://localhost", "/" },
    { "tcp://127.0.0.1:5432", PROBE_TCP, "127.0.0.1:5432", NULL, NULL, NULL },
    { "tcp://[fe80::1]:65535", PROBE_TCP, "[fe80::1]:65535", NULL, NULL, NULL },
    { "tcp://[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535", PROBE_TCP,
            "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535", NULL, NULL, NULL },
    { "tcp://localhost:6379", PROBE_TCP, "127.0.0.1:6379", "[::1]:6379", NULL, NULL },
};

static void check_address(const char *expected, const ProbeAddress *address)
{
    const char *port = strrchr(expected, ':') + 1;

    assert_string_equal(expected, address->text);
    if (expected[0] == '[') {
        assert_int_equal(AF_INET6, address->socket.any.sa_family);
        assert_int_equal(sizeof(struct sockaddr_in6), address->size);
        assert_int_equal(atoi(port), ntohs(address->socket.in6.sin6_port));
    } else {
        assert_int_equal(AF_INET, address->socket.any.sa_family);
        assert_int_equal(sizeof(struct sockaddr_in), address->size);
        assert_int_equal(atoi(port), ntohs(address->socket.in4.sin_port));
    }
}

static void check_text(const char *expected, const char *text)
{
    if (expected)
        assert_string_equal(expected, text);
    else
        assert_null(text);
}

static void test_probes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(probes); i++) {
        _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
        _cleanup_free_ char *message = NULL;

        assert_int_equal(0, probe_spec_parse(probes[i].text, &spec, &message));
        assert_null(message);
        assert_string_equal(probes[i].text, spec->text);
        assert_int_equal(probes[i].kind, spec->kind);
        assert_int_equal(probes[i].second ? 2 : 1, spec->addresses_size);
        check_address(probes[i].first, &spec->addresses[0]);
        if (probes[i].second)
            check_address(probes[i].second, &spec->addresses[1]);
        check_text(probes[i].base_url, spec->base_url);
        check_text(probes[i].target, spec->target);
        assert_null(spec->command);
    }
}

static void test_commands(void **state)
{
    _cleanup_(probe_spec_free_p) ProbeSpec *spec = NULL;
    _cleanup_free_ char *message = NULL;

    (void)state;
    assert_int_equal(0, probe_spec_parse("exec:sh -c 'test -e /x'", &spec, &message));
    assert_int_equal(PROBE_EXEC, spec->kind);
    assert_int_equal(0, spec->addresses_size);
    assert_string_equal("test -e /x", spec->command[2]);
    assert_null(spec->command[3]);
}

static const struct {
    const char *text, *complaint;
} refused[] = {
    { "", "not of the form" },
    { "udp://127.0.0.1:53", "not of the form" },
    { "HTTP://127.0.0.1", "not of the form" },
    { "http:/127.0.0.1", "not of the form" },
    { "127.0.0.1:80", "not of the form" },
    { "curl http://127.0.0.1", "not of the form" },
    { "exec true", "not of the form" },
    { "http://", "no host" },
    { "http:///path", "no host" },
    { "http://:80/", "no host" },
    { "tcp://", "no port" },
    { "tcp://127.0.0.1", "no port" },
    { "tcp://[::1]", "no port" },
    { "tcp://127.0.0.1:", "'' is no port" },
    { "tcp://127.0.0.1:0", "'0' is no port" },
    { "tcp://127.0.0.1:65536", "'65536' is no port" },
    { "tcp://127.0.0.1:99999999999999999999", "is no port" },
    { "tcp://127.0.0.1:+1", "is no port" },
    { "tcp://127.0.0.1:80/", "'80/' is no port" },
    { "http://127.0.0.1:http/", "'http' is no port" },
    { "http://web/", "looked up outside" },
    { "http://example.org:80/", "looked up outside" },
    { "http://127.1/", "looked up outside" },
    { "http://0x7f000001/", "looked up outside" },
    { "http://localhost./", "looked up outside" },
    { "http://127.0.0.1 /", "looked up outside" },
    { "http://::1/", "in brackets" },
    { "tcp://::1:80", "in brackets" },
    { "http://[::1/", "[::1" },
    { "http://[]/", "no IPv6 address" },
    { "http://[127.0.0.1]/", "no IPv6 address" },
    { "http://[fe80::1%eth0]/", "no IPv6 address" },
    { "http://[::1]x/", "looked up outside" },
    { "http://u:p@127.0.0.1/", "user names" },
    { "http://127.0.0.1:80@10.0.0.1/", "user names" },
    { "http://127.0.0.1/a b", "percent-encode" },
    { "http://127.0.0.1/\r\nX: y", "percent-encode" },
    { "http://127.0.0.1/\xc3\xa4", "percent-encode" },
    { "http://127.0.0.1/#x", "%23" },
    { "http://127.0.0.1#x", "%23" },
    { "exec:", "no command" },
    { "exec:'a", "quote is not closed" },
    { "exec:a\\", "backslash" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(refused); i++) {
        _cleanup_free_ char *message = NULL;
        ProbeSpec *spec = NULL;

        assert_int_equal(-EINVAL, probe_spec_parse(refused[i].text, &spec, &message));
        assert_null(spec);
        if (!strstr(message, refused[i].complaint))
            fail_msg("'%s': %s", refused[i].text, message);
        assert_true(text_starts_with(message, "probe '"));
        assert_null(strpbrk(message, "\r\n"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_lines),
        cmocka_unit_test(test_probes),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
