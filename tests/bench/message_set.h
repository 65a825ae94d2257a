/* tests/bench/message_set.h - the messages of a load and what must come of each.
 *
 * A list has one line for each message, fields separated by tabs:
 *     client address, HELO, sender, recipient, login or "-", expected words or "-", file
 * Expected words are separated by commas. "signatures=2" counts DKIM-Signature fields that were added; any other word
 * must stand in an Authentication-Results field that was added.
 * Owns:    its arena.
 * Threads: one at a time.
 * Fails:   ends the program with 66 and a text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"
#include "base/str.h"

struct arena;

struct field {
	struct str name, value;
};

struct content {
	struct content *next;
	struct str path;
	struct field *fields;
	size_t field_count;
	struct str body; /* with CRLF */
};

struct mail {
	struct ip client;
	struct str client_text, helo, sender, recipient;
	struct str login; /* empty: none */
	struct str expected;
	const struct content *content;
};

struct message_set {
	struct arena *arena;
	struct mail *mails;
	size_t count;
	struct content *contents;
};

void message_set_read(struct message_set *, const char *path);
void message_set_fini(struct message_set *);

/* NULL, or the first expected word that does not hold. results: all Authentication-Results that were added. */
const char *mail_missing(const struct mail *, struct str results, size_t signatures, char room[static 128]);
