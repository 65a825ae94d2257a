/* tests/unit/auth/top.h - a folder of the test's own in /tmp, for keys. */
#pragma once

#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { TOP_MAX = 32 };

static inline void top_make(char path[static TOP_MAX])
{
	snprintf(path, TOP_MAX, "/tmp/gatepost-keys-XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0755), 0);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static inline void top_remove(const char *path)
{
	char command[TOP_MAX + 16];
	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}
