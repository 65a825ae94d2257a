/* service/page_chart.h - the plots of the status page. Owns: nothing. Threads: any. Fails: never. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct status;

/* What became of mail over the last `minutes`, in bars of `step` minutes each. */
void chart_traffic(struct buf *, const struct status *, size_t minutes, size_t step);
/* One bar of parts, each with the class of its word, and what they are in words below it. */
void chart_parts(struct buf *, const uint64_t *values, const char *const *words, size_t count);
