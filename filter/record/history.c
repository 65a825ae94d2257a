#include "record/history.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "record/board_state.h"
#include "record/record.h"

static uint64_t minute_of(int64_t unix_ms)
{
	return (uint64_t)(unix_ms / 60000);
}

static void count_minute(struct board *b, size_t decision, uint64_t minute)
{
	_Atomic uint64_t *cell = &b->minutes[decision][minute % HISTORY_MINUTES];
	uint64_t before = atomic_load_explicit(cell, memory_order_relaxed), after;
	do
		after = before >> 32 == minute ? before + 1 : minute << 32 | 1;
	while (!atomic_compare_exchange_weak_explicit(cell, &before, after, memory_order_relaxed, memory_order_relaxed));
}

void history_minutes(struct board *b, enum decision_word decision, uint64_t *out, size_t count)
{
	uint64_t now = minute_of(clock_unix_ms());
	for (size_t i = 0; i < count; i++) {
		uint64_t minute = now - (count - 1 - i);
		uint64_t cell = atomic_load_explicit(&b->minutes[decision][minute % HISTORY_MINUTES], memory_order_relaxed);
		out[i] = cell >> 32 == minute ? cell & UINT32_MAX : 0;
	}
}

#define COPY(array, text) copy(array, sizeof(array), text)

static void copy(char *to, size_t room, struct str text)
{
	size_t n = text.n < room ? text.n : room - 1;
	for (size_t i = 0; i < n; i++)
		to[i] = text.p[i] == 0 ? ' ' : text.p[i];
	to[n] = 0;
}

/* The reply ends with " (id ...)" or " (rule ..., id ...)", which have places of their own. */
static struct str without_id(struct str text)
{
	ptrdiff_t at = str_find_last(text, '(');
	bool is_ours = at > 0 && text.p[text.n - 1] == ')' &&
		       (str_starts(str_skip(text, (size_t)at), STR("(id ")) || str_starts(str_skip(text, (size_t)at), STR("(rule ")));
	return is_ours ? str_trim(str_sub(text, 0, (size_t)at)) : text;
}

static void tell(struct refusal_told *t, const struct record *r)
{
	char ip[IP_TEXT_MAX];
	const struct fact_value *client = facts_get(r->facts, FACT_CLIENT_IP);
	*t = (struct refusal_told){ .unix_ms = r->unix_ms, .code = r->reply.code };
	COPY(t->id, r->id);
	COPY(t->queue_id, facts_text(r->facts, FACT_MESSAGE_QUEUE_ID));
	COPY(t->enhanced, r->reply.enhanced);
	COPY(t->text, without_id(r->reply.text));
	COPY(t->rule, str_of(r->decision.from.rule));
	COPY(t->workflow, facts_text(r->facts, FACT_WORKFLOW_NAME));
	COPY(t->stage, str_of(stage_words[r->stage]));
	COPY(t->client, client->state == FACT_VALUE ? str_of(ip_print(client->ip, ip)) : STR_EMPTY);
	COPY(t->domain, facts_text(r->facts, FACT_MAIL_DOMAIN));
	COPY(t->from, facts_text(r->facts, FACT_MAIL_FROM));
	if (r->recipient_count > 0)
		COPY(t->to, r->recipients[0].address);
}

void history_take_record(struct board *b, const struct record *r)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < DECISION_COUNT && !r->is_of_recipient; i++)
		if (str_eq(str_of(decision_words[i]), str_of(r->disposition)))
			count_minute(b, i, minute_of(r->unix_ms));
	if (r->reply.code == 0)
		return;
	struct refusal_told told;
	tell(&told, r);
	board_lock(b);
	b->refusals[b->refusal_count++ % HISTORY_REFUSALS] = told;
	board_unlock(b);
}

size_t history_refusals(struct board *b, struct refusal_told *out, size_t room)
{
	board_lock(b);
	size_t count = b->refusal_count < HISTORY_REFUSALS ? (size_t)b->refusal_count : HISTORY_REFUSALS;
	count = count < room ? count : room;
	for (size_t i = 0; i < count; i++)
		out[i] = b->refusals[(b->refusal_count - 1 - i) % HISTORY_REFUSALS];
	board_unlock(b);
	return count;
}
