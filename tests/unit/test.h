/* tests/unit/test.h - what every unit test includes first: cmocka in the order it wants, and texts. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

/* Compares a struct str with a C string; shows both. */
#define assert_str(s, expected)                                                                    \
	do {                                                                                       \
		struct str got_ = (s);                                                             \
		const char *want_ = (expected);                                                    \
		if (!str_eq(got_, str_of(want_)))                                                  \
			fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got_), want_);               \
	} while (0)

/* For what costs much: tests/nightly says so, where everything takes some fifty times as long. */
#define UNLESS_VALGRIND(usual, quicker) (getenv("UNDER_VALGRIND") == NULL ? (usual) : (quicker))

#define RUN_TESTS(tests) cmocka_run_group_tests((tests), NULL, NULL)
