/* SPDX-License-Identifier: Apache-2.0 */

/* Whose manager a unit belongs to. That the manager is believed, tests/rootless.bats shows. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/cleanup.h"
#include "cgroup/delegation.h"

static void test_user(void **state)
{
    static const struct {
        const char *path;
        int r;
        unsigned uid;
    } cases[] = {
        { "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", 0, 1000 },
        { "/user.slice/user-0.slice/user@0.service/web.service", 0, 0 },
        { "/machine/x/user@4294967295.service/web.service", 0, 4294967295U },
        { "/user.slice/user-1000.slice/user@1000.service", -ENXIO, 0 },
        { "/user.slice/user-1000.slice/session-3.scope", -ENXIO, 0 },
        { "/system.slice/web.service", -ENXIO, 0 },
        { "/system.slice/user@.service/web.service", -ENXIO, 0 },
        { "/system.slice/user@me.service/web.service", -ENXIO, 0 },
        { "/system.slice/user@1x.service/web.service", -ENXIO, 0 },
        { "/system.slice/user@4294967296.service/web.service", -ENXIO, 0 },
        { "/system.slice/user@99999999999999999999.service/web.service", -ENXIO, 0 },
        { "/system.slice/other-user@1000.service/web.service", -ENXIO, 0 },
        { "", -ENXIO, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        unsigned uid = 0;

        print_message("%s\n", cases[i].path);
        assert_int_equal(cases[i].r, cgroup_path_user(cases[i].path, &uid));
        assert_int_equal(cases[i].uid, uid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
