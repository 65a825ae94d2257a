#include "auth/dkim.h"
#include "auth/dmarc.h"
#include "auth/iprev.h"
#include "auth/spf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "config/snapshot.h"
#include "mail/author.h"
#include "session/state.h"

struct probe_row {
	probe_fn *run;
	enum fact_scope scope;
	unsigned needs;
};

static const struct probe_row rows[PROBE_COUNT] = {
#define PROBE_ROW(id, function, scope, needs) [PROBE_##id] = { function, SCOPE_##scope, needs },
#include "session/probe_table.def"
#undef PROBE_ROW
};

/* In the order of the table. */
static const enum probe_id order[] = {
#define PROBE_ROW(id, function, scope, needs) PROBE_##id,
#include "session/probe_table.def"
#undef PROBE_ROW
};

enum { ORDER_COUNT = sizeof(order) / sizeof(order[0]) };

static unsigned probes_of_facts(const struct bits *facts)
{
	unsigned probes = 0;
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		if (bits_has(facts, id))
			probes |= 1u << fact_descs[id].probe;
	for (size_t i = ORDER_COUNT; i > 0; i--)
		if (probes & 1u << order[i - 1])
			probes |= rows[order[i - 1]].needs;
	return probes & ~(1u << PROBE_NONE);
}

/* Authentication-Results shows all of them; mail that was submitted here is not judged as inbound mail. */
static unsigned probes_due(const struct session *s, enum stage stage)
{
	if (s->message != NULL && stage == STAGE_END && !s->message->is_submission)
		return (1u << PROBE_COUNT) - 1;
	return probes_of_facts(policy_facts_at(s->snapshot->policy, stage));
}

static void set_not_checked(struct facts *facts, enum probe_id probe, enum fact_scope scope)
{
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		if (fact_descs[id].probe != probe || fact_descs[id].scope != scope)
			continue;
		if (fact_descs[id].type == TYPE_RESULT)
			facts_set_result(facts, id, RESULT_NONE);
		else
			facts_set_absent(facts, id);
	}
}

/* One for all probes and stages of a message: what earlier ones have waited is gone. */
static int64_t deadline_of(const struct session *s)
{
	int64_t waited_ms = s->message == NULL ? 0 : s->message->probe_us / 1000;
	return clock_mono_ms() + s->snapshot->options->deadline - waited_ms;
}

static void run(struct session *s, enum probe_id id, int64_t deadline_mono_ms)
{
	const struct probe_row *row = &rows[id];
	struct message *m = s->message;
	bool is_conn = row->scope == SCOPE_CONN;
	struct bits *done = is_conn ? &s->probes_done : &m->probes_done;
	if (bits_has(done, id))
		return;
	bits_add(done, id);
	if (m != NULL && m->is_submission) {
		set_not_checked(is_conn ? s->facts : m->facts, id, row->scope);
		return;
	}
	struct auth_results for_connection = { 0 };
	struct probe_env env = {
		.options = s->snapshot->options,
		.dns = s->gate->dns,
		.log = s->gate->log,
		.arena = is_conn ? s->arena : s->message_arena,
		.facts = is_conn ? s->facts : m->facts,
		.headers = is_conn ? NULL : m->headers,
		.dkim = is_conn ? NULL : m->dkim,
		.results = is_conn ? &for_connection : &m->auth,
		.deadline_mono_ms = deadline_mono_ms,
	};
	row->run(&env);
	if (is_conn)
		s->iprev = for_connection.iprev;
}

void probes_run(struct session *s, enum stage stage)
{
	unsigned due = probes_due(s, stage);
	int64_t start_us = clock_mono_us(), deadline_mono_ms = deadline_of(s);
	for (size_t i = 0; i < ORDER_COUNT; i++) {
		if ((due & 1u << order[i]) == 0)
			continue;
		BUG_IF(rows[order[i]].scope == SCOPE_MSG && s->message == NULL);
		run(s, order[i], deadline_mono_ms);
	}
	if (s->message != NULL) {
		s->message->auth.iprev = s->iprev;
		s->message->probe_us += clock_mono_us() - start_us;
	}
}

void probes_prefetch(struct session *s, enum stage stage)
{
	struct message *m = s->message;
	if (m != NULL && m->is_submission)
		return;
	switch (stage) {
	case STAGE_CONNECT:
		if (s->client.family != IP_NONE)
			iprev_prefetch(s->gate->dns, s->client);
		break;
	case STAGE_HELO:
		if (facts_is_true(s->facts, FACT_HELO_VALID))
			spf_prefetch(s->gate->dns, facts_text(s->facts, FACT_HELO_NAME), s->client);
		break;
	case STAGE_MAIL:
		if (facts_text(m->facts, FACT_MAIL_DOMAIN).n > 0)
			spf_prefetch(s->gate->dns, facts_text(m->facts, FACT_MAIL_DOMAIN), s->client);
		break;
	case STAGE_HEADERS:
		if (facts_text(m->facts, FACT_FROM_DOMAIN).n > 0)
			dmarc_prefetch(s->gate->dns, facts_text(m->facts, FACT_FROM_DOMAIN));
		m->dkim = auth_dkim_verify_begin(s->snapshot->dkim, s->gate->dns, s->gate->log, m->headers,
						 s->message_arena);
		break;
	case STAGE_RCPT:
	case STAGE_DATA:
	case STAGE_END:
	case STAGE_COUNT:
		break;
	}
}
