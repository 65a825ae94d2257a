/* service/teller.h - once a second a process tells the board what nobody else knows of it.
 *
 * Connections and messages now open, the resolver's and the store's own counts,
 * what is known of the keys' records. Everything else is counted where it happens.
 * Owns:    a thread. Threads: any. Fails: never. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

struct board;
struct dns;
struct log;
struct snapshot;
struct store;
struct teller;

struct teller_sources {
	struct board *board;
	size_t process;       /* its index there */
	struct dns *dns;
	struct store *store;
	struct log *log;
	_Atomic long *connections, *messages;
};

struct teller *teller_start(const struct teller_sources *);
/* Tells once more. NULL is allowed. */
void teller_end(struct teller *);
/* What is in force from now on. */
void teller_config(struct board *, const struct snapshot *);
