#include "session/state.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "config/snapshot.h"
#include "log/log.h"
#include "mail/header.h"
#include "record/history.h"
#include "record/metrics.h"
#include "record/people.h"
#include "store/store.h"

static struct str new_id(struct arena *a)
{
	char id[DECISION_ID_LENGTH + 1];
	decision_id_make(id);
	return str_dup(a, str_of(id));
}

struct message *message_open(struct session *s)
{
	if (s->message_arena == NULL)
		s->message_arena = arena_new();
	else
		arena_reset(s->message_arena);
	struct message *m = ARENA_NEW(s->message_arena, struct message);
	m->facts = facts_new(s->message_arena, SCOPE_MSG, s->facts);
	m->headers = header_list_new(s->message_arena);
	m->id = new_id(s->message_arena);
	m->judgement = s->judgement; /* a tag given to the connection is on each of its messages */
	s->message = m;
	atomic_fetch_add(&s->gate->messages, 1);
	return m;
}

void message_close(struct session *s)
{
	sending_end(s);
	s->message = NULL;
	atomic_fetch_sub(&s->gate->messages, 1);
}

struct record_recipient *message_add_recipient(struct session *s, struct facts **facts)
{
	struct message *m = s->message;
	if (m->recipient_count == m->recipient_room) {
		size_t room = m->recipient_room == 0 ? 4 : m->recipient_room * 2;
		struct record_recipient *grown = arena_array(s->message_arena, room, sizeof(*grown));
		struct facts **grown_facts = arena_array(s->message_arena, room, sizeof(*grown_facts));
		if (m->recipient_count > 0) {
			memcpy(grown, m->recipients, m->recipient_count * sizeof(*grown));
			memcpy(grown_facts, m->recipient_facts, m->recipient_count * sizeof(*grown_facts));
		}
		m->recipients = grown;
		m->recipient_facts = grown_facts;
		m->recipient_room = room;
	}
	*facts = facts_new(s->message_arena, SCOPE_RCPT, m->facts);
	m->recipient_facts[m->recipient_count] = *facts;
	return &m->recipients[m->recipient_count++];
}

const struct facts **message_accepted(struct session *s, size_t *count)
{
	struct message *m = s->message;
	const struct facts **accepted = arena_array(s->message_arena, m->recipient_count, sizeof(*accepted));
	*count = 0;
	for (size_t i = 0; i < m->recipient_count; i++)
		if (m->recipients[i].reply.code == 0)
			accepted[(*count)++] = m->recipient_facts[i];
	return accepted;
}

static void *joined(struct arena *a, const void *first, size_t first_count, const void *more, size_t more_count,
		    size_t item_bytes)
{
	char *all = arena_array(a, first_count + more_count, item_bytes);
	if (first_count > 0)
		memcpy(all, first, first_count * item_bytes);
	memcpy(all + first_count * item_bytes, more, more_count * item_bytes);
	return all;
}

void judgement_add(struct judgement *j, const struct decision *d, struct arena *a)
{
	if (d->effect_count > 0) {
		j->effects = joined(a, j->effects, j->effect_count, d->effects, d->effect_count, sizeof(*d->effects));
		j->effect_count += d->effect_count;
	}
	if (d->observed_count > 0) {
		j->observed = joined(a, j->observed, j->observed_count, d->observed, d->observed_count,
				     sizeof(*d->observed));
		j->observed_count += d->observed_count;
	}
	if (d->action == ACTION_ACCEPT) {
		j->is_accepted = true;
		j->accepted_by = d->from;
	}
}

struct reply reply_with_id(struct session *s, struct arena *a, struct reply reply, struct str id, const char *rule)
{
	bool has_login = s->message != NULL && facts_text(s->message->facts, FACT_AUTH_LOGIN).n > 0;
	struct str tail = rule != NULL && has_login ? str_printf(a, " (rule %s, id %.*s)", rule, STR_ARG(id))
						    : str_printf(a, " (id %.*s)", STR_ARG(id));
	struct str text = str_sub(reply.text, 0, REPLY_TEXT_MAX - tail.n);
	reply.text = str_printf(a, "%.*s%.*s", STR_ARG(text), STR_ARG(tail));
	return reply;
}

static void write_record(struct session *s, const struct record *whole)
{
	struct arena *a = s->message_arena;
	struct gate *gate = s->gate;
	const struct record *r = record_for_keeping(a, addresses_of(s->snapshot->options->record_addresses), whole);
	struct str json = record_json(a, r);
	log_record(gate->log, record_text(a, r), json);
	if (gate->store != NULL && s->snapshot->options->record_days > 0)
		store_put_record(gate->store, r->id, r->unix_ms, facts_text(r->facts, FACT_MESSAGE_QUEUE_ID), json);
	metrics_take_record(gate->board, whole);
	history_take_record(gate->board, r);
	if (gate->on_record != NULL)
		gate->on_record(gate->context, r);
}

static struct record record_of(const struct session *s, enum stage stage, const char *disposition,
			       const struct decision *decision, struct reply reply)
{
	const struct message *m = s->message;
	struct record r = {
		.id = m->id,
		.unix_ms = clock_unix_ms(),
		.stage = stage,
		.disposition = disposition,
		.facts = m->facts,
		.auth = &m->auth,
		.decision = *decision,
		.reply = reply,
		.recipients = m->recipients,
		.recipient_count = m->recipient_count,
		.dns_wait_us = m->probe_us,
		.generation = s->snapshot->generation,
	};
	r.decision.effects = m->judgement.effects;
	r.decision.effect_count = m->judgement.effect_count;
	r.decision.observed = m->judgement.observed;
	r.decision.observed_count = m->judgement.observed_count;
	memcpy(r.stage_us, m->stage_us, sizeof(r.stage_us));
	return r;
}

void message_record(struct session *s, enum stage stage, const char *disposition, const struct decision *decision,
		    struct reply reply)
{
	struct record r = record_of(s, stage, disposition, decision, reply);
	r.is_aborted = strcmp(disposition, "aborted") == 0;
	write_record(s, &r);
}

void recipient_record(struct session *s, const struct decision *decision, struct reply reply, struct str id,
		      const struct facts *facts)
{
	const struct message *m = s->message;
	struct record r = record_of(s, STAGE_RCPT, reply.code >= 500 ? "reject" : "defer", decision, reply);
	r.id = id;
	r.is_of_recipient = true;
	r.facts = facts;
	r.recipients = &m->recipients[m->recipient_count - 1];
	r.recipient_count = 1;
	write_record(s, &r);
}
