/* base/fail.h - bugs and exhausted memory: say where, then abort.
 *
 * For conditions that only a mistake of ours can cause, and for allocation
 * failures. Bad input, bad configuration and a failing world are values.
 * Threads: any. */
#pragma once

#include <stddef.h>

_Noreturn void fail_bug(const char *file, int line, const char *what);
_Noreturn void fail_out_of_memory(void);

static inline void *fail_if_null(void *p)
{
	if (p == NULL)
		fail_out_of_memory();
	return p;
}

#define BUG_IF(cond)                                                                               \
	do {                                                                                       \
		if (cond)                                                                          \
			fail_bug(__FILE__, __LINE__, #cond);                                       \
	} while (0)
