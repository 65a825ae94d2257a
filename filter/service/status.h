/* service/status.h - the board at one moment, worked out for people: what the page, the JSON and the commands show.
 *
 * Owns:    itself. Threads: one at a time. Fails: never. */
#pragma once

#include <stdio.h>

#include "base/buf.h"
#include "fact/fact.h"
#include "dns/dns.h"
#include "record/board.h"
#include "record/history.h"
#include "record/metrics.h"
#include "record/schema.h"

struct status_workflow {
	char name[96];
	uint64_t decisions[DECISION_COUNT], messages;
	uint64_t signatures, unsignable, limited, suppressed, retries, recipients_refused;
};

struct status_rule {
	char name[96];
	uint64_t decisions, observed;
};

/* Seconds; what a fraction of all stayed below, as far as the bounds of histograms tell. */
struct status_times {
	uint64_t count;
	double median_s, p95_s, mean_s;
};

struct status {
	int64_t now_unix_s, started_unix_s;
	struct board_config config;
	struct board_process processes[BOARD_LISTENERS];
	size_t process_count;

	uint64_t minutes[DECISION_COUNT][HISTORY_MINUTES]; /* the last is this one */
	uint64_t day[DECISION_COUNT], hour[DECISION_COUNT]; /* sums of those */
	uint64_t directions[DIRECTION_COUNT][DECISION_COUNT]; /* since the start, as all below */
	uint64_t results[METHOD_COUNT][RESULT_COUNT];
	struct status_workflow workflows[WORKFLOW_NAMES]; /* those of the configuration, most mail first */
	size_t workflow_count;
	struct status_rule rules[RULE_NAMES];             /* that held, most often first */
	size_t rule_count;
	uint64_t deferred_unknown;

	uint64_t dns_sources[SOURCE_COUNT], dns_answers[DNS_STATUS_COUNT];
	struct status_times dns, end;                      /* an answer of the resolver; the last stage of a message */
	uint64_t lost[SINK_COUNT], reloads[OUTCOME_COUNT];

	struct board_key keys[BOARD_KEYS];
	size_t key_count;
	struct refusal_told refusals[HISTORY_REFUSALS];    /* newest first */
	size_t refusal_count;
};

struct status *status_new(struct board *);
void status_free(struct status *);

/* Leaves out of it what names people: addresses, in texts only their local parts, and clients. */
void status_hide_people(struct status *);

/* What an administrator should look at, and what to type then. */
enum { STATUS_PROBLEMS = 32 };
struct status_problem {
	bool is_error;        /* mail waits or is lost for it; else it will hurt one day */
	char found[500], advice[160];
};
size_t status_problems(const struct status *, struct status_problem[STATUS_PROBLEMS]);

/* As one JSON object: status_members. */
void status_json(const struct status *, struct buf *);

#define MEMBER(path, type, there, doc) +1
enum {
	STATUS_MEMBER_COUNT = 0
#include "service/status_table.def"
};
#undef MEMBER

extern const struct member_desc status_members[STATUS_MEMBER_COUNT];
