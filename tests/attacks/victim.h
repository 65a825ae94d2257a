/* tests/attacks/victim.h - a daemon with the shipped policies, under attack and under observation.
 *
 * Owns:    the daemon, its folder below /tmp, the neighbour's thread and connection.
 * Threads: one at a time; the neighbour has its own.
 * Fails:   false, with a line on stderr. Every wait is bounded. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/daemon.h"

struct dns_server;

/* A well-behaved MTA beside the attack: one message after the other, on one connection. */
struct neighbour {
	const char *socket;
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_bool is_ending;
	int64_t *latencies_us;       /* since they were last asked for */
	size_t count, room;
	atomic_bool is_broken;       /* some message was not accepted */
};

struct latency {
	int64_t median_us, worst_us;
	size_t count;
};

struct victim {
	struct daemon daemon;
	char folder[64], socket[96], config[96], log[96], errors[96];
	clockid_t cpu;
	int slack;                   /* a sanitizer makes everything so many times slower and larger */
	struct neighbour neighbour;
};

struct usage {
	int64_t cpu_us;
	long memory_kb, peak_kb;     /* resident; the peak since victim_forget_peak */
	int files, threads;
};

/* Shipped policies, DNS from that server; `options` are lines for gatepost.conf. */
bool victim_start(struct victim *, const struct dns_server *, const char *options);
/* False if it had died, does not stop with 0, or has said anything on stderr: that is shown. */
bool victim_stop(struct victim *);
bool victim_is_alive(const struct victim *);
struct usage victim_usage(const struct victim *);
void victim_forget_peak(const struct victim *);

void neighbour_begin(struct victim *);
/* What its messages took since the last call. Waits until there is at least one, or mail
 * goes no more. */
struct latency neighbour_latency(struct victim *);
/* False if one of its messages was not accepted. */
bool neighbour_end(struct victim *);
