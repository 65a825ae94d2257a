#include "service/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "mail/hide.h"

enum {
	HOUR_MINUTES = 60,
	RECENT_S = 3600,
	ENOUGH_ANSWERS = 50, /* of the resolver, to judge it by */
};

static const double SLOW_S = 0.5;

static uint64_t get(const struct board *b, enum metric_id id, size_t x)
{
	return metrics_get(b, id, x, 0, 0);
}

static void take_history(struct status *s, struct board *b)
{
	for (enum decision_word d = 0; d < DECISION_COUNT; d++) {
		history_minutes(b, d, s->minutes[d], HISTORY_MINUTES);
		for (size_t i = 0; i < HISTORY_MINUTES; i++) {
			s->day[d] += s->minutes[d][i];
			if (i >= HISTORY_MINUTES - HOUR_MINUTES)
				s->hour[d] += s->minutes[d][i];
		}
	}
}

static int by_messages(const void *a, const void *b)
{
	const struct status_workflow *x = a, *y = b;
	return x->messages != y->messages ? (x->messages < y->messages ? 1 : -1) : strcmp(x->name, y->name);
}

static struct status_workflow workflow_of(struct board *b, size_t index)
{
	struct status_workflow w = {
		.signatures = get(b, METRIC_SIGNATURES, index),
		.unsignable = get(b, METRIC_UNSIGNABLE, index),
		.limited = get(b, METRIC_LIMITED, index),
		.suppressed = get(b, METRIC_SUPPRESSED, index),
		.retries = get(b, METRIC_RETRIES, index),
	};
	snprintf(w.name, sizeof(w.name), "%s", board_name_at(b, BOARD_WORKFLOWS, index));
	for (enum direction i = 0; i < DIRECTION_COUNT; i++)
		for (enum decision_word d = 0; d < DECISION_COUNT; d++) {
			w.decisions[d] += metrics_get(b, METRIC_MESSAGES, index, i, d);
			w.recipients_refused += metrics_get(b, METRIC_RECIPIENTS, index, i, d);
		}
	for (enum decision_word d = 0; d < DECISION_COUNT; d++)
		w.messages += w.decisions[d];
	return w;
}

static void take_workflows(struct status *s, struct board *b)
{
	size_t count = board_name_count(b, BOARD_WORKFLOWS);
	for (size_t i = NAME_OTHER; i < count; i++) {
		struct status_workflow w = workflow_of(b, i);
		if (i != NAME_OTHER || w.messages > 0)
			s->workflows[s->workflow_count++] = w;
	}
	qsort(s->workflows, s->workflow_count, sizeof(s->workflows[0]), by_messages);
	for (size_t i = 0; i < count; i++)
		for (enum direction way = 0; way < DIRECTION_COUNT; way++)
			for (enum decision_word d = 0; d < DECISION_COUNT; d++)
				s->directions[way][d] += metrics_get(b, METRIC_MESSAGES, i, way, d);
}

static int by_decisions(const void *a, const void *b)
{
	const struct status_rule *x = a, *y = b;
	uint64_t m = x->decisions + x->observed, n = y->decisions + y->observed;
	return m != n ? (m < n ? 1 : -1) : strcmp(x->name, y->name);
}

static void take_rules(struct status *s, struct board *b)
{
	for (size_t i = NAME_OTHER; i < board_name_count(b, BOARD_RULES); i++) {
		struct status_rule r = { .decisions = get(b, METRIC_RULES, i), .observed = get(b, METRIC_OBSERVED, i) };
		snprintf(r.name, sizeof(r.name), "%s", board_name_at(b, BOARD_RULES, i));
		if (r.decisions + r.observed > 0)
			s->rules[s->rule_count++] = r;
	}
	qsort(s->rules, s->rule_count, sizeof(s->rules[0]), by_decisions);
}

/* Evenly within a step of the histogram, as Prometheus does. */
static double quantile(const uint64_t steps[HISTOGRAM_WIDTH], uint64_t count, double q)
{
	double wanted = q * (double)count, below = 0;
	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		double low = i == 0 ? 0 : (double)histogram_bounds_us[i - 1], high = (double)histogram_bounds_us[i];
		if (steps[i] > 0 && below + (double)steps[i] >= wanted)
			return (low + (high - low) * (wanted - below) / (double)steps[i]) / 1e6;
		below += (double)steps[i];
	}
	return (double)histogram_bounds_us[HISTOGRAM_BOUNDS - 1] / 1e6;
}

static struct status_times times_of(struct board *b, enum metric_id id, size_t label)
{
	uint64_t steps[HISTOGRAM_WIDTH], count = 0;
	metrics_get_histogram(b, id, label, steps);
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
		count += steps[i];
	if (count == 0)
		return (struct status_times){ 0 };
	return (struct status_times){ count, quantile(steps, count, 0.5), quantile(steps, count, 0.95),
				      (double)steps[HISTOGRAM_WIDTH - 1] / 1e6 / (double)count };
}

struct status *status_new(struct board *b)
{
	struct status *s = fail_if_null(calloc(1, sizeof(*s)));
	s->now_unix_s = clock_unix_s();
	s->started_unix_s = board_started_unix_s(b);
	s->config = board_config(b);
	s->process_count = board_processes(b, s->processes);
	take_history(s, b);
	take_workflows(s, b);
	take_rules(s, b);
	for (enum method m = 0; m < METHOD_COUNT; m++)
		for (enum result r = 0; r < RESULT_COUNT; r++)
			s->results[m][r] = metrics_get(b, METRIC_RESULTS, m, r, 0);
	s->deferred_unknown = get(b, METRIC_UNKNOWN, 0);
	for (enum source i = 0; i < SOURCE_COUNT; i++)
		s->dns_sources[i] = get(b, METRIC_DNS_QUESTIONS, i);
	for (enum dns_status i = 0; i < DNS_STATUS_COUNT; i++)
		s->dns_answers[i] = get(b, METRIC_DNS_ANSWERS, i);
	for (enum lost_sink i = 0; i < SINK_COUNT; i++)
		s->lost[i] = get(b, METRIC_LOST, i);
	for (enum outcome i = 0; i < OUTCOME_COUNT; i++)
		s->reloads[i] = get(b, METRIC_RELOADS, i);
	s->dns = times_of(b, METRIC_DNS_SECONDS, 0);
	s->end = times_of(b, METRIC_STAGE_SECONDS, STAGE_END);
	s->key_count = board_keys(b, s->keys);
	s->refusal_count = history_refusals(b, s->refusals, HISTORY_REFUSALS);
	return s;
}

void status_free(struct status *s)
{
	free(s);
}

void status_hide_people(struct status *s)
{
	hide_local_parts(s->config.refused_why);
	for (size_t i = 0; i < s->refusal_count; i++) {
		struct refusal_told *r = &s->refusals[i];
		hide_local_parts(r->text);
		r->client[0] = r->from[0] = r->to[0] = 0;
	}
}

/* ---- problems ------------------------------------------------------------------------------------------- */

struct problems {
	const struct status *status;
	struct status_problem *list;
	size_t count;
};

static void __attribute__((format(printf, 4, 5)))
complain(struct problems *p, bool is_error, const char *advice, const char *format, ...)
{
	va_list args;
	if (p->count == STATUS_PROBLEMS)
		return;
	struct status_problem *problem = &p->list[p->count++];
	problem->is_error = is_error;
	snprintf(problem->advice, sizeof(problem->advice), "%s", advice);
	va_start(args, format);
	vsnprintf(problem->found, sizeof(problem->found), format, args);
	va_end(args);
}

#define LOOK_AT_THE_LOG "journalctl -u gatepost -n 50"

static void find_in_process(struct problems *p, const struct board_process *process)
{
	int64_t age_s = p->status->now_unix_s - process->since_unix_s;
	if (process->state != PROCESS_SERVES)
		complain(p, true, LOOK_AT_THE_LOG, "Listener %s does not serve; it was started again %" PRIu64 " times.",
			 process->name, process->restarts);
	else if (process->restarts > 0 && age_s < RECENT_S)
		complain(p, false, LOOK_AT_THE_LOG, "The process of listener %s died and was started again, %" PRId64
			 " minutes ago, for the %" PRIu64 ". time.", process->name, age_s / 60, process->restarts);
	if (process->is_dns_in_trouble)
		complain(p, true, "dig example.org TXT", "Most DNS questions of listener %s fail. Look at the resolver.",
			 process->name);
	if (process->is_store_failing)
		complain(p, false, LOOK_AT_THE_LOG, "The store takes nothing from listener %s: records wait in memory.",
			 process->name);
}

static void find_in_config(struct problems *p)
{
	const struct board_config *c = &p->status->config;
	if (!c->is_last_good)
		complain(p, true, "gatepost check; when that finds nothing: gatepost reload",
			 "The last reload was refused, generation %u stays in force: %s", c->generation, c->refused_why);
	if (c->needs_restart[0] != 0)
		complain(p, false, "systemctl restart gatepost", "Changed, and in force only after a restart: %s.",
			 c->needs_restart);
}

static void find_in_key(struct problems *p, const struct board_key *k)
{
	char advice[sizeof(p->list->advice)];
	if (k->is_published || !k->is_known || strcmp(k->phase, "active") != 0)
		return;
	snprintf(advice, sizeof(advice), "gatepost key check %s", k->key);
	complain(p, true, advice, "Key %s, selector %s: %s. What it should sign is answered 451.", k->key, k->selector, k->why);
}

static void find_lost(struct problems *p, enum lost_sink sink, const char *what)
{
	if (p->status->lost[sink] > 0)
		complain(p, false, LOOK_AT_THE_LOG, "%" PRIu64 " %s since the start.", p->status->lost[sink], what);
}

size_t status_problems(const struct status *s, struct status_problem list[STATUS_PROBLEMS])
{
	struct problems p = { s, list, 0 };
	for (size_t i = 0; i < s->process_count; i++)
		find_in_process(&p, &s->processes[i]);
	find_in_config(&p);
	if (s->dns.count >= ENOUGH_ANSWERS && s->dns.median_s > SLOW_S)
		complain(&p, false, "apt install unbound", "The resolver is slow: half of its answers took more than %.0f ms. "
			 "One on this host is faster.", s->dns.median_s * 1000);
	for (size_t i = 0; i < s->key_count; i++)
		find_in_key(&p, &s->keys[i]);
	for (size_t i = 0; i < s->workflow_count; i++)
		if (s->workflows[i].unsignable > 0)
			complain(&p, false, "gatepost log --since 24h --decision defer", "%" PRIu64 " messages of workflow %s were "
				 "deferred since the start because they could not be signed.", s->workflows[i].unsignable,
				 s->workflows[i].name);
	find_lost(&p, LOST_STORE, "records could not be stored");
	find_lost(&p, LOST_LOG, "log lines could not be written");
	return p.count;
}
