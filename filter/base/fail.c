#include "base/fail.h"

#include <stdio.h>
#include <stdlib.h>

void fail_bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "gatepost: bug at %s:%d: %s\n", file, line, what);
	abort();
}

void fail_out_of_memory(void)
{
	fputs("gatepost: out of memory\n", stderr);
	abort();
}
