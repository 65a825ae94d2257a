/* record/people.h - a record with less of the people in it, as record_addresses wants it.
 *
 * Envelope, author, logins, client and its names are shortened (domain) or left out (none), and are found again in texts:
 * what the client was told, reasons, header fields that were added. Domains, subjects and Message-IDs stay.
 * Owns: texts in the arena. Threads: any (pure). Fails: never. */
#pragma once

#include "mail/hide.h"
#include "record/record.h"

/* The record itself if all is kept. */
const struct record *record_for_keeping(struct arena *, enum addresses, const struct record *);
