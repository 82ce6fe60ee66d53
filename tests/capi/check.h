/* Checks for tests that are written in C and link nothing but the shared library. */
#ifndef MSB_TESTS_CAPI_CHECK_H
#define MSB_TESTS_CAPI_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "microsandbox.h"

static int check_failures = 0;

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
            ++check_failures;                                                       \
        }                                                                           \
    } while (0)

#define CHECK_TEXT(actual, expected)                                                                              \
    do {                                                                                                          \
        const char *check_a = (actual);                                                                           \
        const char *check_e = (expected);                                                                         \
        if (check_a == NULL || strcmp(check_a, check_e) != 0) {                                                   \
            fprintf(stderr, "%s:%d: got \"%s\", want \"%s\"\n", __FILE__, __LINE__, check_a ? check_a : "(null)", \
                    check_e);                                                                                     \
            ++check_failures;                                                                                     \
        }                                                                                                         \
    } while (0)

/* Ends a test program: no object may be left. */
#define CHECK_END()                                                              \
    do {                                                                         \
        CHECK(msb_live_handles() == 0);                                          \
        if (check_failures != 0) fprintf(stderr, "%d failed\n", check_failures); \
        return check_failures == 0 ? 0 : 1;                                      \
    } while (0)

#endif
