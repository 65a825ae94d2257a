/* record/report_row.h - what this message adds to an aggregate DMARC report (RFC 9990).
 *
 * Owns: nothing. Threads: any. Fails: never. */
#pragma once

#include "record/record.h"
#include "record/writer.h"

/* The object "dmarc.report" of the record. NULL unless a DMARC policy applied. */
json_t *report_row(struct writer *, const struct record *);
