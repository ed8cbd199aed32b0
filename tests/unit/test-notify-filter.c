/* SPDX-License-Identifier: Apache-2.0 */

/* What of a container's message passes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "unit/notify_filter.h"

static const char *const phases[] = { "", "READY", "RELOADING", "STOPPING" };
static const char *const pings[] = { "", "1", "trigger" };

/* Everything a message says, in one line. */
static const char *describe(const NotifyMessage *message)
{
    static char text[2048];
    int size = 0;

#define ADD(...) size += snprintf(text + size, sizeof(text) - (size_t)size, __VA_ARGS__)
    text[0] = '\0';
    if (message->phase != NOTIFY_PHASE_SAME)
        ADD("%s ", phases[message->phase]);
    if (message->ping != NOTIFY_PING_NONE)
        ADD("ping=%s ", pings[message->ping]);
    if (message->has_status)
        ADD("status=%s ", message->status);
    if (message->error != 0)
        ADD("errno=%u ", message->error);
    if (message->bus_error[0])
        ADD("bus=%s ", message->bus_error);
    if (message->monotonic_usec != 0)
        ADD("monotonic=%" PRIu64 " ", message->monotonic_usec);
    if (message->extend_timeout_usec != 0)
        ADD("extend=%" PRIu64 " ", message->extend_timeout_usec);
#undef ADD
    if (size > 0)
        text[size - 1] = '\0';
    return text;
}

static void check(const void *datagram, size_t size, const char *expected)
{
    NotifyMessage message;
    bool passes = notify_filter(datagram, size, &message);

    assert_string_equal(expected, describe(&message));
    assert_int_equal(*expected != '\0', passes);
}

static void test_fields(void **state)
{
    static const struct {
        const char *datagram;
        const char *says;
    } cases[] = {
        /* What passes. */
        { "READY=1", "READY" },
        { "READY=1\n", "READY" },
        { "RELOADING=1\nMONOTONIC_USEC=123456", "RELOADING monotonic=123456" },
        { "STOPPING=1", "STOPPING" },
        { "WATCHDOG=1", "ping=1" },
        { "WATCHDOG=trigger", "ping=trigger" },
        { "STATUS=Serving 5 clients", "status=Serving 5 clients" },
        { "STATUS=a=b", "status=a=b" },
        { "ERRNO=2", "errno=2" },
        { "ERRNO=4095", "errno=4095" },
        { "BUSERROR=org.freedesktop.DBus.Error.TimedOut",
                "bus=org.freedesktop.DBus.Error.TimedOut" },
        { "EXTEND_TIMEOUT_USEC=30000000", "extend=30000000" },
        { "READY=1\nSTATUS=Up\nWATCHDOG=1\n", "READY ping=1 status=Up" },
        { "\n\nREADY=1\n\n\nSTATUS=x", "READY status=x" },

        /* What does not, alone and in company. */
        { "", "" },
        { "\n", "" },
        { "MAINPID=1", "" },
        { "MAINPIDFDID=1", "" },
        { "MAINPIDFD=1", "" },
        { "FDSTORE=1", "" },
        { "FDSTOREREMOVE=1\nFDNAME=x", "" },
        { "FDNAME=x", "" },
        { "FDPOLL=0", "" },
        { "NOTIFYACCESS=all", "" },
        { "WATCHDOG_USEC=1", "" },
        { "EXIT_STATUS=0", "" },
        { "INVOCATION_ID=0123", "" },
        { "X_SYSTEMD_UNIT_ACTIVE=x.service", "" },
        { "READY=1\nMAINPID=1\nFDSTORE=1\nSTATUS=x", "READY status=x" },
        { "STATUS=x\rMAINPID=1", "status=x" },

        /* Values that are none. */
        { "READY=0", "" },
        { "READY=", "" },
        { "READY", "" },
        { "READY=11", "" },
        { "READY=1 ", "" },
        { " READY=1", "" },
        { "ready=1", "" },
        { "XREADY=1", "" },
        { "RELOADING=yes", "" },
        { "STOPPING=0", "" },
        { "WATCHDOG=2", "" },
        { "WATCHDOG=Trigger", "" },
        { "ERRNO=0", "" },
        { "ERRNO=-2", "" },
        { "ERRNO=4096", "" },
        { "ERRNO=ENOENT", "" },
        { "ERRNO=99999999999999999999", "" },
        { "BUSERROR=", "" },
        { "BUSERROR=one", "" },
        { "BUSERROR=.a", "" },
        { "BUSERROR=a.", "" },
        { "BUSERROR=a..b", "" },
        { "BUSERROR=a.1b", "" },
        { "BUSERROR=a.b c", "" },
        { "MONOTONIC_USEC=-1", "" },
        { "MONOTONIC_USEC=0", "" },
        { "EXTEND_TIMEOUT_USEC=1s", "" },
        { "EXTEND_TIMEOUT_USEC=infinity", "" },
        { "EXTEND_TIMEOUT_USEC=18446744073709551615", "" },
        { "EXTEND_TIMEOUT_USEC=18446744073709551616", "" },

        /* A status is one printable line, and may be taken back. */
        { "STATUS=", "status=" },
        { "STATUS=\x1b[31mred\x07", "status=?[31mred?" },
        { "STATUS=\xff\xfe broken \xc3", "status=?? broken ?" },
        { "STATUS=\xc3\xa4 \xe2\x82\xac", "status=\xc3\xa4 \xe2\x82\xac" },
        { "STATUS=\xc2\x9b"
          "31m",
                "status=??31m" },

        /* Of the three phases the last counts, of all else the first that is a value. */
        { "READY=1\nSTOPPING=1", "STOPPING" },
        { "RELOADING=1\nREADY=1\n", "READY" },
        { "STATUS=one\nSTATUS=two", "status=one" },
        { "WATCHDOG=1\nWATCHDOG=trigger", "ping=1" },
        { "ERRNO=x\nERRNO=5\nERRNO=6", "errno=5" },

        /* A barrier says nothing else, or nothing at all. */
        { "BARRIER=1", "" },
        { "READY=1\nBARRIER=1", "" },
        { "BARRIER=1\nREADY=1", "" },
        { "BARRIER=0\nREADY=1", "READY" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        check(cases[i].datagram, strlen(cases[i].datagram), cases[i].says);
        /* One NUL at the end is permitted. */
        check(cases[i].datagram, strlen(cases[i].datagram) + 1, cases[i].says);
    }
}

static void test_nul_within(void **state)
{
    static const char hidden[] = "READY=1\0MAINPID=1", two[] = "READY=1\0", first[] = "\0READY=1";

    (void)state;
    check(hidden, sizeof(hidden) - 1, "");
    check(two, sizeof(two), "");
    check(first, sizeof(first) - 1, "");
    check("\0", 1, "");
    check("", 0, "");
}

static void test_sizes(void **state)
{
    static char datagram[NOTIFY_DATAGRAM_MAX + 2];
    NotifyMessage message;
    char *end;

    (void)state;
    /* Just fits, in one line and in as many as there can be. */
    memset(datagram, 'a', sizeof(datagram));
    memcpy(datagram, "READY=1\nSTATUS=", 15);
    assert_true(notify_filter(datagram, NOTIFY_DATAGRAM_MAX, &message));
    assert_int_equal(NOTIFY_PHASE_READY, message.phase);
    assert_int_equal(NOTIFY_STATUS_MAX, strlen(message.status));
    assert_false(notify_filter(datagram, NOTIFY_DATAGRAM_MAX + 1, &message));
    assert_string_equal("", describe(&message));

    memset(datagram, '\n', NOTIFY_DATAGRAM_MAX);
    memcpy(datagram + NOTIFY_DATAGRAM_MAX - 7, "READY=1", 7);
    check(datagram, NOTIFY_DATAGRAM_MAX, "READY");

    /* Cut between characters. */
    memcpy(datagram, "STATUS=x", 8);
    for (end = datagram + 8; end < datagram + 2000; end += 3)
        memcpy(end, "\xe2\x82\xac", 3);
    assert_true(notify_filter(datagram, (size_t)(end - datagram), &message));
    assert_int_equal(511, strlen(message.status));
    assert_true(text_is_utf8(message.status));

    memset(datagram, 'a', 600);
    memcpy(datagram, "BUSERROR=a.", 11);
    assert_true(notify_filter(datagram, 9 + NOTIFY_BUS_ERROR_MAX, &message));
    assert_int_equal(NOTIFY_BUS_ERROR_MAX, strlen(message.bus_error));
    assert_false(notify_filter(datagram, 9 + NOTIFY_BUS_ERROR_MAX + 1, &message));
}

static void test_merge(void **state)
{
    static const struct {
        const char *first, *second;
        const char *says; /* NULL: one message cannot */
    } cases[] = {
        { "STATUS=one", "STATUS=two", "status=two" },
        { "STATUS=one", "STATUS=", "status=" },
        { "READY=1", "STATUS=x", "READY status=x" },
        { "STATUS=x", "READY=1", "READY status=x" },
        { "READY=1", "READY=1", "READY" },
        { "READY=1", "RELOADING=1", NULL },
        { "RELOADING=1\nMONOTONIC_USEC=1", "READY=1", NULL },
        { "RELOADING=1\nMONOTONIC_USEC=1", "RELOADING=1\nMONOTONIC_USEC=2",
                "RELOADING monotonic=2" },
        { "READY=1", "STOPPING=1", NULL },
        { "WATCHDOG=1", "WATCHDOG=1", "ping=1" },
        { "WATCHDOG=trigger", "WATCHDOG=1", "ping=trigger" },
        { "WATCHDOG=1", "WATCHDOG=trigger", "ping=trigger" },
        { "ERRNO=1\nBUSERROR=a.b", "ERRNO=2\nBUSERROR=c.d", "errno=2 bus=c.d" },
        { "EXTEND_TIMEOUT_USEC=1", "EXTEND_TIMEOUT_USEC=2", "extend=2" },
        { "ERRNO=1\nSTATUS=x\nWATCHDOG=1", "READY=1", "READY ping=1 status=x errno=1" },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        NotifyMessage to, next, before;

        (void)notify_filter(cases[i].first, strlen(cases[i].first), &to);
        (void)notify_filter(cases[i].second, strlen(cases[i].second), &next);
        before = to;
        assert_int_equal(cases[i].says != NULL, notify_message_merge(&to, &next));
        if (cases[i].says)
            assert_string_equal(cases[i].says, describe(&to));
        else
            assert_memory_equal(&before, &to, sizeof(to));
    }
}

/* Whatever comes, what passes is well-formed. */
static void check_sane(const NotifyMessage *message, bool passes)
{
    assert_in_range(message->phase, NOTIFY_PHASE_SAME, NOTIFY_PHASE_STOPPING);
    assert_in_range(message->ping, NOTIFY_PING_NONE, NOTIFY_PING_TRIGGER);
    assert_non_null(memchr(message->status, '\0', sizeof(message->status)));
    assert_non_null(memchr(message->bus_error, '\0', sizeof(message->bus_error)));
    assert_true(text_is_utf8(message->status));
    for (const char *c = message->status; *c; c++)
        assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
    assert_true(message->has_status || !message->status[0]);
    assert_true(message->error <= 4095);
    assert_int_equal(passes, *describe(message) != '\0');
}

static uint64_t next(void)
{
    static uint64_t random = 88172645463325252ULL; /* xorshift64: the same each time */

    random ^= random << 13;
    random ^= random >> 7;
    return random ^= random << 17;
}

static void test_random(void **state)
{
    static const char *const words[] = { "READY=", "RELOADING=", "STOPPING=", "WATCHDOG=",
        "STATUS=", "ERRNO=", "BUSERROR=", "MONOTONIC_USEC=", "EXTEND_TIMEOUT_USEC=", "BARRIER=",
        "MAINPID=", "FDSTORE=", "1", "trigger", "0", "18446744073709551615", "a.b", "\n", "\n",
        "\n", "\r", "\xc3\xa4", "\xf0\x9f\x90\xb3", "\x1b[0m" };
    static char datagram[NOTIFY_DATAGRAM_MAX * 2];

    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        NotifyMessage message;
        size_t size = 0;

        /* Words that mean something, with noise between them; now and then a long one. */
        for (uint64_t n = next() % 16; n > 0 && size < sizeof(datagram) - 2048; n--) {
            const char *word = words[next() % ELEMENTS(words)];
            size_t noise = next() % 8 == 0 ? next() % (next() % 16 == 0 ? 2000 : 20) : 0;

            memcpy(datagram + size, word, strlen(word));
            size += strlen(word);
            for (size_t i = 0; i < noise; i++)
                datagram[size++] = (char)next();
        }
        check_sane(&message, notify_filter(datagram, size, &message));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_nul_within),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests_name("notify filter", tests, NULL, NULL);
}
