/* cmd_serve_keeper.h - what a serving process does beside the mail: forgets what is over, looks after the keys, tells what
 * receivers will find of a new configuration, and lets messages finish before a stop. For cmd_serve.c.
 *
 * Owns:    a thread. Threads: any for keeper_wake, also before keeper_start; the main thread for the others.
 * Fails:   never. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate;

struct keeper {
	struct gate *gate;
	size_t listener;  /* its index */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_woken;
};

#define KEEPER_INITIALIZER { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER }

/* Looks whether the records of our keys are published, for so long at most. Answers when to look again. */
int64_t keeper_check_keys(struct keeper *, int64_t within_ms);
void keeper_start(struct keeper *);
/* There is a new configuration, or the gate is stopping. */
void keeper_wake(struct keeper *);
/* Waits until messages are finished and nobody listens any more. The gate is stopping. */
void keeper_end(struct keeper *);

/* False if some are still open after that time. */
bool wait_until_none(_Atomic long *count, int64_t wait_ms);
