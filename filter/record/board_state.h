/* record/board_state.h - the memory behind board.h, for the files of this folder only. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "dns/dns.h"
#include "fact/fact.h"
#include "record/board.h"
#include "record/history.h"
#include "record/metrics.h"

enum { NAME_BYTES = 96 };

struct names {
	_Atomic size_t count;   /* what stands before it never changes */
	char (*list)[NAME_BYTES];
	size_t room;
};

enum {
#define LABEL(id, name, size, words) LABEL_SIZE_##id = size,
#include "record/label_table.def"
#undef LABEL
};

/* One cell for each combination of labels; of a histogram HISTOGRAM_WIDTH. */
struct metric_cells {
#define CELLS_COUNTER   1
#define CELLS_HISTOGRAM HISTOGRAM_WIDTH
#define CELLS_VIEW      1
#define METRIC(id, kind, name, a, b, c, doc) \
	_Atomic uint64_t id[LABEL_SIZE_##a * LABEL_SIZE_##b * LABEL_SIZE_##c * CELLS_##kind];
#include "record/metric_table.def"
#undef METRIC
};

struct board {
	pthread_mutex_t lock;   /* over all that is not atomic */
	struct metric_cells cells;

	struct names names[BOARD_NAMES_COUNT];
	char workflow_names[WORKFLOW_NAMES][NAME_BYTES];
	char rule_names[RULE_NAMES][NAME_BYTES];

	/* A minute of the last day: its number above, the count below, so that neither is ever without the other. */
	_Atomic uint64_t minutes[DECISION_COUNT][HISTORY_MINUTES];
	struct refusal_told refusals[HISTORY_REFUSALS];
	uint64_t refusal_count; /* ever */

	struct board_process processes[BOARD_LISTENERS];
	size_t process_count;
	struct board_config config;
	struct board_key keys[BOARD_KEYS];
	size_t key_count;
	int64_t started_unix_s;
};

void board_lock(struct board *);
void board_unlock(struct board *);
