/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scoped release and ownership hand-over.
 *
 * A variable that owns something is declared with _cleanup_(); handing the
 * thing on is TAKE_PTR() or TAKE_FD(), so that what a function returns and what
 * it releases can be read off its declarations.
 */

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

#define TAKE_PTR(p)                 \
    ({                              \
        __typeof__(p) taken_ = (p); \
        (p) = NULL;                 \
        taken_;                     \
    })

#define TAKE_FD(fd)        \
    ({                     \
        int taken_ = (fd); \
        (fd) = -1;         \
        taken_;            \
    })

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Defines `name_p`, a cleanup handler that calls `function` on a pointer that is not NULL. */
#define DEFINE_CLEANUP(type, function)       \
    static inline void function##_p(type *p) \
    {                                        \
        if (*p)                              \
            (void)function(*p);              \
    }                                        \
    struct cleanup_of_##function

static inline void free_p(void *p)
{
    free(*(void **)p);
}

static inline void close_p(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

#define _cleanup_free_ _cleanup_(free_p)
#define _cleanup_close_ _cleanup_(close_p)
