/* dns/dns_core.h - what the two sides of the core share; for dns.c and dns_resolver.c only.
 *
 * Mail threads (dns.c) hand questions over and wait; one resolver's thread (dns_resolver.c) runs the backend.
 * Threads: what both touch is under one lock: the cache and the questions in flight. Nothing is called while it
 *          is held. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "dns/dns_backend.h"
#include "dns/dns_breaker.h"
#include "dns/dns_cache.h"
#include "dns/dns_name.h"

struct event;
struct event_base;
struct log;

enum { FLIGHT_SLOTS = 1024 }; /* power of two */

struct follow {
	STAILQ_ENTRY(follow) list;
	dns_follow *run;
	void *context;
};

/* A question on its way. Held by the core until it is answered or timed out, by the backend until it gives it
 * back, and by every thread that waits. */
struct flight {
	struct dns_question question;
	char name[DNS_NAME_MAX + 1];
	struct dns *dns;
	struct flight *next;         /* in the slot */
	STAILQ_ENTRY(flight) handed; /* to the resolver's thread */
	TAILQ_ENTRY(flight) by_age;  /* resolver's thread only */
	uint64_t hash;
	uint64_t generation;         /* of the content of the cache */
	int64_t timeout_mono_ms;
	int64_t sent_mono_us;
	unsigned refs;
	struct dns_shared *answer;   /* NULL while in flight */
	pthread_cond_t answered;
	STAILQ_HEAD(, follow) follows; /* added under the lock until there is an answer */
};

struct dns {
	struct log *log;
	int timeout_ms;
	char *zone_path; /* NULL: not from a file */
	void (*on_answer)(void *context, enum dns_status, int64_t us);
	void *context;
	struct dns_backend backend;

	/* The resolver's thread. */
	pthread_t thread;
	struct event_base *events;
	struct event *wake, *oldest_timeout, *breaker_tick;
	int wake_fd;
	TAILQ_HEAD(, flight) by_age;
	struct dns_breaker breaker;

	pthread_mutex_t lock; /* guards what follows */
	pthread_condattr_t monotonic;
	pthread_cond_t idle;
	struct dns_cache *cache;
	uint64_t generation;
	struct flight *flights[FLIGHT_SLOTS];
	size_t flight_count;
	STAILQ_HEAD(, flight) handed;
	bool is_closing;

	_Atomic bool is_in_trouble;
	_Atomic uint64_t asked, from_cache, joined, sent, by_status[DNS_STATUS_COUNT];
};

static inline void dns_count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void dns_flight_put_locked(struct flight *);

/* The thread's own part of struct dns. */
void dns_resolver_init(struct dns *);
void dns_resolver_fini(struct dns *);
/* The backend is open. */
void dns_resolver_start(struct dns *);
/* Nothing is in flight. */
void dns_resolver_stop(struct dns *);
/* Something was handed over. */
void dns_resolver_wake(struct dns *);
