/* SPDX-License-Identifier: Apache-2.0 */

/* Which version of the API is spoken. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine_rig.h"

static const struct {
    const char *fixed; /* DOCKER_API_VERSION */
    const char *reply;
    int error, status;
    unsigned minor; /* afterwards */
    const char *message;
} pings[] = {
    { NULL, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK", 0, 200, 41, "" },
    { NULL, "HTTP/1.1 200 OK\r\napi-version: 1.47\r\nContent-Length: 2\r\n\r\nOK", 0, 200, 47, "" },
    { NULL, "HTTP/1.1 200 OK\r\nApi-Version: 1.99\r\nContent-Length: 2\r\n\r\nOK", 0, 200,
            ENGINE_API_MINOR_MAX, "" },
    { NULL, "HTTP/1.1 200 OK\r\nApi-Version: 1.40\r\nContent-Length: 2\r\n\r\nOK", -EPROTONOSUPPORT,
            200, 41, "up to 1.40, systemd-ctr 1.41 to 1.52" },
    { NULL, "HTTP/1.1 200 OK\r\nApi-Version: 2.41\r\nContent-Length: 2\r\n\r\nOK", -EBADMSG, 200,
            41, "is not what the Docker Engine API says" },
    { NULL, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", -EBADMSG, 200, 41,
            "is not what the Docker Engine API says" },
    { NULL,
            "HTTP/1.1 500 Oops\r\nApi-Version: 1.45\r\nContent-Length: 17\r\n\r\n"
            "{\"message\":\"bad\"}",
            0, 500, 41, "bad" },
    { "1.44", "HTTP/1.1 200 OK\r\nApi-Version: 1.52\r\nContent-Length: 2\r\n\r\nOK", 0, 200, 44,
            "" },
    { "1.44", "HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nContent-Length: 2\r\n\r\nOK",
            -EPROTONOSUPPORT, 200, 44, "up to 1.43, DOCKER_API_VERSION wants 1.44" },
};

static void test_ping(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(pings); i++) {
        FakeReply replies[] = { { .request = "GET /_ping HTTP/1.1\r\n", .text = pings[i].reply },
            { .request = "GET /v1.", .text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" } };
        Seen seen = { 0 };
        char line[32];
        Rig rig;

        if (pings[i].fixed)
            assert_int_equal(0, setenv("DOCKER_API_VERSION", pings[i].fixed, 1));
        rig_open(&rig, replies, ELEMENTS(replies));
        assert_int_equal(0, unsetenv("DOCKER_API_VERSION"));

        assert_int_equal(
                0, engine_ping(rig.engine, 5 * USEC_PER_SEC, on_seen_end, &seen, &seen.call));
        rig_run_until(&rig, &seen.ends, 1);
        assert_int_equal(pings[i].error, seen.error);
        assert_int_equal(pings[i].status, seen.status);
        assert_non_null(strstr(seen.message, pings[i].message));
        assert_int_equal(pings[i].minor, engine_api_minor(rig.engine));

        assert_int_equal(
                0, engine_inspect(rig.engine, "web", USEC_INFINITY, on_seen_end, &seen, NULL));
        rig_run_until(&rig, &seen.ends, 2);
        assert_true(seen.ok);
        (void)snprintf(line, sizeof(line), "GET /v1.%u/containers/web/json ", pings[i].minor);
        assert_true(text_starts_with(rig.fake.requests[1], line));
        seen_clear(&seen);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
