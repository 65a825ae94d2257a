#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t frozen_unix_s; /* 0: the real clock */

static int64_t now_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t clock_unix_ms(void)
{
	int64_t frozen = atomic_load(&frozen_unix_s);
	return frozen != 0 ? frozen * 1000 : now_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_unix_s(void)
{
	return clock_unix_ms() / 1000;
}

void clock_set_unix_s(int64_t frozen_s)
{
	atomic_store(&frozen_unix_s, frozen_s);
}
