#include <string.h>

#include "base/arena.h"
#include "config/snapshot.h"
#include "feedback/limit.h"
#include "feedback/retry.h"
#include "feedback/suppress.h"
#include "policy/workflow.h"
#include "session/state.h"

/* The facts of MAIL are there. */
void sending_begin(struct session *s)
{
	struct message *m = s->message;
	const struct policy *policy = s->snapshot->policy;
	m->workflow = workflow_match(policy, m->facts, s->message_arena);
	if (s->gate->on_rule != NULL)
		workflow_trace(policy, m->workflow, m->facts, s->message_arena, s->gate->on_rule, s->gate->context);
	m->is_submission = m->workflow != NULL || facts_text(m->facts, FACT_AUTH_LOGIN).n > 0 ||
			   facts_is_true(s->facts, FACT_CLIENT_LOCAL);
}

static void begin_content(struct session *);

struct decision sending_judge(struct session *s, enum stage stage)
{
	struct message *m = s->message;
	struct decision d = workflow_judge(s->snapshot->policy, m->workflow, stage, m->facts, m->headers,
					   s->message_arena);
	if (stage != STAGE_HEADERS || d.action != ACTION_CONTINUE)
		return d;
	begin_content(s);
	return signing_begin(s);
}

static const struct decision go_on = { .action = ACTION_CONTINUE };

/* What was suppressed or refused is remembered by workflow, and nowhere without a store. */
static bool is_watched(const struct session *s)
{
	return s->message->workflow != NULL && s->gate->store != NULL;
}

static bool defers_without_store(const struct session *s)
{
	return str_eq(s->snapshot->options->store_unavailable, STR("defer"));
}

static enum addresses kept_addresses(const struct session *s)
{
	return addresses_of(s->snapshot->options->record_addresses);
}

static struct retry_scope retry_scope_of(const struct session *s)
{
	return (struct retry_scope){
		.store = s->gate->store,
		.workflow = str_of(s->message->workflow->place.rule),
		.memory_ms = s->snapshot->options->retry_memory,
		.addresses = kept_addresses(s),
	};
}

enum { IPV6_HOST_BITS = 64 }; /* one host may have all addresses of such a network (RFC 6177) */

/* For whom counts are kept. sendmail(1) has no client but one that Postfix invents. */
static struct str client_name(const struct session *s)
{
	struct ip_net net = { s->client, ip_bits(s->client.family) };
	if (s->client.family == IP_NONE || facts_is_true(s->facts, FACT_CLIENT_LOCAL))
		return STR_EMPTY;
	if (s->client.family == IP_V6) {
		net.prefix_bits -= IPV6_HOST_BITS;
		memset(net.ip.b + net.prefix_bits / 8, 0, IPV6_HOST_BITS / 8);
	}
	return ip_net_print(s->message_arena, net);
}

static struct limit_plan *plan_of(const struct session *s, const struct limits *limits)
{
	const struct message *m = s->message;
	struct limit_plan *plan = ARENA_NEW(s->message_arena, struct limit_plan);
	plan->limits = *limits;
	plan->workflow = m->workflow == NULL ? STR_EMPTY : str_of(m->workflow->place.rule);
	plan->names[LIMIT_WORKFLOW] = plan->workflow;
	/* Workflows know logins without regard to case. */
	plan->names[LIMIT_LOGIN] = str_lower(s->message_arena, facts_text(m->facts, FACT_AUTH_LOGIN));
	plan->names[LIMIT_CLIENT] = client_name(s);
	plan->defers_without_store = defers_without_store(s);
	plan->hides_names = kept_addresses(s) != ADDRESSES_FULL;
	return plan;
}

struct decision sending_take(struct session *s)
{
	struct message *m = s->message;
	const struct limits *limits = limits_for(s->snapshot->policy, m->workflow, m->facts, s->message_arena);
	if (limits == NULL || s->gate->store == NULL)
		return go_on;
	struct decision d = go_on;
	m->limit = limit_begin(s->message_arena, s->gate->store, plan_of(s, limits), m->facts, &d);
	const struct fact_value *size = facts_get(m->facts, FACT_MAIL_SIZE);
	if (d.action == ACTION_CONTINUE && size->state == FACT_VALUE)
		d = limit_bytes(m->limit, size->number);
	return d;
}

struct decision sending_judge_recipient(struct session *s, struct facts *recipient)
{
	if (!is_watched(s))
		return go_on;
	struct decision d = suppress_judge(s->gate->store, s->message->workflow->suppression, defers_without_store(s),
					   recipient, s->message_arena);
	if (d.action != ACTION_CONTINUE)
		return d;
	struct retry_scope scope = retry_scope_of(s);
	return retry_judge_recipient(&scope, recipient, s->message_arena);
}

struct decision sending_take_recipient(struct session *s)
{
	return s->message->limit == NULL ? go_on : limit_recipient(s->message->limit);
}

/* At the end of the header. */
static void begin_content(struct session *s)
{
	struct message *m = s->message;
	if (!is_watched(s) || s->snapshot->options->retry_memory == 0)
		return;
	m->content = retry_content_begin(s->message_arena, m->headers);
	m->wants_body = true;
}

void sending_body(struct session *s, const unsigned char *bytes, size_t count)
{
	if (s->message->content != NULL)
		retry_content_body(s->message->content, bytes, count);
}

struct decision sending_judge_end(struct session *s, const struct facts *const *recipients, size_t count)
{
	struct message *m = s->message;
	struct decision d = m->limit == NULL ? go_on : limit_bytes(m->limit, m->bytes);
	if (d.action != ACTION_CONTINUE || m->content == NULL)
		return d;
	struct retry_scope scope = retry_scope_of(s);
	return retry_judge_message(&scope, m->content, m->facts, recipients, count, s->message_arena);
}

struct decision sending_judge_refused(struct session *s, const struct decision *d)
{
	struct message *m = s->message;
	size_t count;
	if (!is_watched(s) || d->action != ACTION_REJECT)
		return *d;
	const struct facts **accepted = message_accepted(s, &count);
	struct retry_scope scope = retry_scope_of(s);
	return retry_judge_refused(&scope, m->headers, m->facts, accepted, count, d, m->id, s->message_arena);
}

void sending_remember_recipient(struct session *s, const struct facts *recipient, const struct decision *d, struct str id)
{
	/* A retry keeps the first refusal's id; the suppression list is a memory of its own. */
	if (!is_watched(s) || facts_text(recipient, FACT_RCPT_RETRY_OF).n > 0 ||
	    facts_is_true(recipient, FACT_RCPT_SUPPRESSED))
		return;
	struct retry_scope scope = retry_scope_of(s);
	retry_remember_recipient(&scope, recipient, d, id, s->message_arena);
}

void sending_remember_message(struct session *s, const struct facts *const *recipients, size_t count,
			      const struct decision *d)
{
	struct message *m = s->message;
	if (m->content == NULL)
		return;
	struct retry_scope scope = retry_scope_of(s);
	retry_remember_message(&scope, m->content, recipients, count, d, m->id, s->message_arena);
}

void sending_end(struct session *s)
{
	limit_end(s->message->limit, s->message->is_taken);
	s->message->limit = NULL;
}
