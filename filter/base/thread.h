/* base/thread.h - threads and waiting with times of clock_mono_ms.
 *
 * Signals belong to the signal thread alone.
 * Threads: any. Fails: a thread that cannot be started aborts. */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/fail.h"

static inline pthread_t thread_start(void *(*run)(void *), void *context)
{
	pthread_t thread;
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	BUG_IF(pthread_create(&thread, NULL, run, context) != 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return thread;
}

/* For condition_wait_until. */
static inline void condition_init(pthread_cond_t *c)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(c, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

/* False when that time has come. */
static inline bool condition_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t mono_ms)
{
	struct timespec until = { .tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000 };
	return pthread_cond_timedwait(c, lock, &until) == 0;
}
