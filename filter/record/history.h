/* record/history.h - what became of mail in each minute of the last day, and the last refusals.
 *
 * Owns:    nothing; all is in the board. Threads: any. Fails: never. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "record/metrics.h"

struct board;
struct record;

enum { HISTORY_MINUTES = 1440, HISTORY_REFUSALS = 100 };

/* Cut to what there is room for; any bytes, to be escaped by who shows them. */
struct refusal_told {
	int64_t unix_ms;
	char id[17];
	char queue_id[24];
	int code;
	char enhanced[12];
	char text[192];       /* of the reply, without the id */
	char rule[64];
	char workflow[64];
	char stage[12];
	char client[46];      /* address */
	char domain[128];     /* of the sender */
	char from[128], to[128]; /* addresses of people */
};

void history_take_record(struct board *, const struct record *);
/* How many there were in each of the `count` (at most HISTORY_MINUTES) minutes that end now, the oldest first. */
void history_minutes(struct board *, enum decision_word, uint64_t *out, size_t count);
/* The newest first. Answers how many. */
size_t history_refusals(struct board *, struct refusal_told *out, size_t room);
