#include "record/metrics.h"

#include "base/fail.h"
#include "dns/dns.h"
#include "record/board_state.h"
#include "record/record.h"

const char *const direction_words[DIRECTION_COUNT] = {
	[DIRECTION_INBOUND] = "inbound", [DIRECTION_SUBMISSION] = "submission", [DIRECTION_LOCAL] = "local",
};
const char *const decision_words[DECISION_COUNT] = {
	[DECISION_ACCEPT] = "accept", [DECISION_REJECT] = "reject", [DECISION_DEFER] = "defer",
	[DECISION_QUARANTINE] = "quarantine", [DECISION_DISCARD] = "discard", [DECISION_ABORTED] = "aborted",
};
const char *const method_words[METHOD_COUNT] = {
	[METHOD_SPF] = "spf", [METHOD_DKIM] = "dkim", [METHOD_DMARC] = "dmarc", [METHOD_IPREV] = "iprev",
};
const char *const source_words[SOURCE_COUNT] = {
	[SOURCE_CACHE] = "cache", [SOURCE_JOINED] = "joined", [SOURCE_SENT] = "resolver",
};
const char *const sink_words[SINK_COUNT] = { [LOST_STORE] = "store", [LOST_LOG] = "log" };
const char *const outcome_words[OUTCOME_COUNT] = { [OUTCOME_GOOD] = "good", [OUTCOME_REFUSED] = "refused" };

const struct label_desc label_descs[LABEL_COUNT] = {
#define LABEL(id, name, size, words) [LABEL_##id] = { name, size, words },
#include "record/label_table.def"
#undef LABEL
};

const struct metric_desc metric_descs[METRIC_COUNT] = {
#define METRIC(id, kind, name, a, b, c, doc) \
	[METRIC_##id] = { "gatepost_" name, METRIC_##kind, { LABEL_##a, LABEL_##b, LABEL_##c }, doc, \
			  offsetof(struct metric_cells, id) },
#include "record/metric_table.def"
#undef METRIC
};

const int64_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {
	1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000, 20000000,
};

/* ---- counting ------------------------------------------------------------------------------------------- */

static _Atomic uint64_t *cells_of(const struct board *b, enum metric_id id)
{
	return (_Atomic uint64_t *)((uintptr_t)&b->cells + metric_descs[id].offset);
}

static _Atomic uint64_t *cell_of(const struct board *b, enum metric_id id, size_t x, size_t y, size_t z)
{
	const enum label_id *labels = metric_descs[id].labels;
	BUG_IF(x >= label_descs[labels[0]].size || y >= label_descs[labels[1]].size || z >= label_descs[labels[2]].size);
	return cells_of(b, id) + (x * label_descs[labels[1]].size + y) * label_descs[labels[2]].size + z;
}

void metrics_add(struct board *b, enum metric_id id, size_t x, size_t y, size_t z, uint64_t n)
{
	if (b != NULL)
		atomic_fetch_add_explicit(cell_of(b, id, x, y, z), n, memory_order_relaxed);
}

uint64_t metrics_get(const struct board *b, enum metric_id id, size_t x, size_t y, size_t z)
{
	return atomic_load_explicit(cell_of(b, id, x, y, z), memory_order_relaxed);
}

void metrics_get_histogram(const struct board *b, enum metric_id id, size_t x, uint64_t out[HISTOGRAM_WIDTH])
{
	const _Atomic uint64_t *cells = cells_of(b, id) + x * HISTOGRAM_WIDTH;
	for (size_t i = 0; i < HISTOGRAM_WIDTH; i++)
		out[i] = atomic_load_explicit(&cells[i], memory_order_relaxed);
}

void metrics_time(struct board *b, enum metric_id id, size_t x, int64_t us)
{
	if (b == NULL)
		return;
	_Atomic uint64_t *cells = cells_of(b, id) + x * HISTOGRAM_WIDTH;
	size_t i = 0;
	while (i < HISTOGRAM_BOUNDS && us > histogram_bounds_us[i])
		i++;
	atomic_fetch_add_explicit(&cells[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&cells[HISTOGRAM_WIDTH - 1], (uint64_t)us, memory_order_relaxed);
}

/* ---- what a record tells -------------------------------------------------------------------------------- */

static enum direction direction_of(const struct facts *f)
{
	if (facts_is_true(f, FACT_CLIENT_LOCAL))
		return DIRECTION_LOCAL;
	return facts_text(f, FACT_WORKFLOW_NAME).n > 0 || facts_text(f, FACT_AUTH_LOGIN).n > 0 ? DIRECTION_SUBMISSION
										      : DIRECTION_INBOUND;
}

static enum decision_word decision_of(const char *disposition)
{
	for (enum decision_word d = 0; d < DECISION_COUNT; d++)
		if (str_eq(str_of(decision_words[d]), str_of(disposition)))
			return d;
	BUG_IF(true);
}

static void take_results(struct board *b, const struct facts *f)
{
	static const enum fact_id facts[METHOD_COUNT] = {
		[METHOD_SPF] = FACT_SPF_RESULT, [METHOD_DKIM] = FACT_DKIM_RESULT, [METHOD_DMARC] = FACT_DMARC_RESULT,
		[METHOD_IPREV] = FACT_IPREV_RESULT,
	};
	for (enum method m = 0; m < METHOD_COUNT; m++) {
		const struct fact_value *v = facts_get(f, facts[m]);
		if (v->state == FACT_VALUE)
			metrics_add(b, METRIC_RESULTS, m, (size_t)v->result, 0, 1);
	}
}

static void take_sending(struct board *b, const struct record *r, size_t workflow, enum decision_word decision)
{
	const struct facts *f = r->facts;
	bool is_refused = decision == DECISION_REJECT || decision == DECISION_DEFER;
	if (is_refused && facts_text(f, FACT_LIMIT_EXCEEDED).n > 0)
		metrics_add(b, METRIC_LIMITED, workflow, 0, 0, 1);
	if (is_refused && r->is_of_recipient && facts_is_true(f, FACT_RCPT_SUPPRESSED))
		metrics_add(b, METRIC_SUPPRESSED, workflow, 0, 0, 1);
	if (is_refused && facts_text(f, r->is_of_recipient ? FACT_RCPT_RETRY_OF : FACT_RETRY_OF).n > 0)
		metrics_add(b, METRIC_RETRIES, workflow, 0, 0, 1);
	if (r->is_of_recipient)
		return;
	if (decision == DECISION_DEFER && str_eq(facts_text(f, FACT_SIGN_STATUS), STR("failed")))
		metrics_add(b, METRIC_UNSIGNABLE, workflow, 0, 0, 1);
	const struct fact_value *signed_by = facts_get(f, FACT_SIGN_DOMAINS);
	if ((decision == DECISION_ACCEPT || decision == DECISION_QUARANTINE) && signed_by->state == FACT_VALUE)
		metrics_add(b, METRIC_SIGNATURES, workflow, 0, 0, signed_by->list.count);
}

void metrics_take_record(struct board *b, const struct record *r)
{
	if (b == NULL)
		return;
	enum direction direction = direction_of(r->facts);
	enum decision_word decision = decision_of(r->disposition);
	size_t workflow = board_name(b, BOARD_WORKFLOWS, facts_text(r->facts, FACT_WORKFLOW_NAME));
	metrics_add(b, r->is_of_recipient ? METRIC_RECIPIENTS : METRIC_MESSAGES, workflow, direction, decision, 1);
	take_sending(b, r, workflow, decision);
	if (r->decision.from.rule != NULL && decision != DECISION_ABORTED)
		metrics_add(b, METRIC_RULES, board_name(b, BOARD_RULES, str_of(r->decision.from.rule)), 0, 0, 1);
	if (r->decision.is_unknown)
		metrics_add(b, METRIC_UNKNOWN, 0, 0, 0, 1);
	if (r->is_of_recipient)
		return;
	for (size_t i = 0; i < r->decision.observed_count; i++)
		metrics_add(b, METRIC_OBSERVED, board_name(b, BOARD_RULES, str_of(r->decision.observed[i].from.rule)), 0, 0, 1);
	if (direction == DIRECTION_INBOUND && r->stage == STAGE_END && decision != DECISION_ABORTED) {
		take_results(b, r->facts);
		metrics_time(b, METRIC_DNS_WAIT, 0, r->dns_wait_us);
	}
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
		if (r->stage_us[stage] > 0)
			metrics_time(b, METRIC_STAGE_SECONDS, stage, r->stage_us[stage]);
}
