/* record/metrics.h - what is counted: metric_table.def, with the labels of label_table.def.
 *
 * Owns:    nothing; all is in the board. Threads: any; counting is a few atomic additions.
 * Fails:   never. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct board;
struct record;

enum metric_id {
#define METRIC(id, kind, name, a, b, c, doc) METRIC_##id,
#include "record/metric_table.def"
#undef METRIC
	METRIC_COUNT
};

enum label_id {
#define LABEL(id, name, size, words) LABEL_##id,
#include "record/label_table.def"
#undef LABEL
	LABEL_COUNT
};

enum direction { DIRECTION_INBOUND, DIRECTION_SUBMISSION, DIRECTION_LOCAL, DIRECTION_COUNT };
/* The dispositions of record.h. */
enum decision_word {
	DECISION_ACCEPT, DECISION_REJECT, DECISION_DEFER, DECISION_QUARANTINE, DECISION_DISCARD, DECISION_ABORTED,
	DECISION_COUNT
};
enum method { METHOD_SPF, METHOD_DKIM, METHOD_DMARC, METHOD_IPREV, METHOD_COUNT };
enum source { SOURCE_CACHE, SOURCE_JOINED, SOURCE_SENT, SOURCE_COUNT };
enum lost_sink { LOST_STORE, LOST_LOG, SINK_COUNT };
enum outcome { OUTCOME_GOOD, OUTCOME_REFUSED, OUTCOME_COUNT };

extern const char *const direction_words[DIRECTION_COUNT];
extern const char *const decision_words[DECISION_COUNT];
extern const char *const method_words[METHOD_COUNT];
extern const char *const source_words[SOURCE_COUNT];
extern const char *const sink_words[SINK_COUNT];
extern const char *const outcome_words[OUTCOME_COUNT];

enum metric_kind { METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_VIEW };

struct metric_desc {
	const char *name;          /* with "gatepost_" */
	enum metric_kind kind;
	enum label_id labels[3];
	const char *doc;
	size_t offset;             /* of its cells */
};
struct label_desc {
	const char *name;
	size_t size;
	const char *const *words;  /* NULL: names of the configuration */
};
extern const struct metric_desc metric_descs[METRIC_COUNT];
extern const struct label_desc label_descs[LABEL_COUNT];

enum { HISTOGRAM_BOUNDS = 12, HISTOGRAM_WIDTH = HISTOGRAM_BOUNDS + 2 }; /* and above all bounds; sum in microseconds */
extern const int64_t histogram_bounds_us[HISTOGRAM_BOUNDS];

/* Everything that a record tells. */
void metrics_take_record(struct board *, const struct record *);
/* Values of its labels, 0 for those that it has not. */
void metrics_add(struct board *, enum metric_id, size_t a, size_t b, size_t c, uint64_t n);
void metrics_time(struct board *, enum metric_id, size_t a, int64_t us);
uint64_t metrics_get(const struct board *, enum metric_id, size_t a, size_t b, size_t c);
/* How many in each step, above all bounds, and the sum in microseconds. */
void metrics_get_histogram(const struct board *, enum metric_id, size_t a, uint64_t out[HISTOGRAM_WIDTH]);
/* "counter", "gauge", "histogram" */
const char *metric_type(const struct metric_desc *);
/* Prometheus' text format 0.0.4. */
void metrics_print(struct board *, struct buf *);
