/* record/report_row.h - what this message adds to an aggregate DMARC report (RFC 9990).
 *
 * Owns: nothing. Threads: any. Fails: never. */
#pragma once

#include "record/record.h"
#include "record/writer.h"

/* Writes the record's object of that name; nothing unless a DMARC policy applied. */
void report_row(struct writer *, const char *name, const struct record *);
