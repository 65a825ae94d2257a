/* base/shared.h - memory that is shared with the processes forked afterwards, and locks in it.
 *
 * Threads: any, of any process.
 * Fails:   never; without memory the process aborts. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Zeros, which take no memory before they are written to. */
void *shared_new(size_t bytes);
void shared_free(void *, size_t bytes);

void shared_lock_init(pthread_mutex_t *);
/* True: the last process that had it died with it. What is behind the lock may be half changed. */
bool shared_lock(pthread_mutex_t *);
