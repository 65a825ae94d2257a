/* record/report_row.h - what an aggregate DMARC report (RFC 9990) tells of this message and no fact does.
 *
 * Owns: nothing. Threads: any. Fails: never. */
#pragma once

#include "record/record.h"
#include "record/writer.h"

/* For a record with a verdict of DMARC, members of its group; nothing unless a policy applied. */
void report_row(struct writer *, const struct record *);
