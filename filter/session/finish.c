#include "auth/results.h"
#include "base/arena.h"
#include "base/clock.h"
#include "config/snapshot.h"
#include "mail/authres.h"
#include "mail/header.h"
#include "session/macros.h"
#include "session/state.h"

static bool is_refusal(const struct decision *d)
{
	return d->action == ACTION_REJECT || d->action == ACTION_DEFER;
}

/* For mail from sendmail(1), where RCPT itself cannot be refused. */
static struct decision judge_recipients_late(struct session *s)
{
	struct message *m = s->message;
	for (size_t i = 0; i < m->recipient_count; i++) {
		struct decision d = judge_recipient(s, m->recipient_facts[i]);
		if (is_refusal(&d)) {
			m->recipients[i].reply = d.reply;
			m->recipients[i].from = d.from;
			return d;
		}
	}
	return (struct decision){ .action = ACTION_CONTINUE };
}

static struct decision judge_end(struct session *s)
{
	struct message *m = s->message;
	struct decision d = { .action = ACTION_CONTINUE };
	/* Results are shown in the header even where an `accept` has ended the rules. */
	probes_run(s, STAGE_END);
	if (facts_is_true(s->facts, FACT_CLIENT_LOCAL))
		d = judge_recipients_late(s);
	if (is_refusal(&d))
		return d;
	size_t count;
	const struct facts **accepted = message_accepted(s, &count);
	d = sending_judge_end(s, accepted, count);
	if (is_refusal(&d))
		return d;
	if (m->judgement.is_accepted)
		return (struct decision){ .action = ACTION_ACCEPT, .from = m->judgement.accepted_by };
	d = policy_eval(s->snapshot->policy, STAGE_END, m->facts, accepted, count, s->message_arena, s->gate->on_rule,
			s->gate->context);
	judgement_add(&m->judgement, &d, s->message_arena);
	if (d.action == ACTION_REJECT)
		sending_remember_message(s, accepted, count, &d);
	return d;
}

/* ---- Authentication-Results ----------------------------------------------------------------------------- */

static void add_spf(struct authres *a, const struct spf_verdict *v, enum authres_property property, struct str value)
{
	if (v == NULL || value.n == 0)
		return;
	authres_add(a, AUTHRES_SPF, v->result, v->reason, STR_EMPTY);
	authres_property(a, property, value);
}

static void add_dkim(struct authres *a, const struct auth_results *auth)
{
	if (auth->dkim_count == 0)
		authres_add(a, AUTHRES_DKIM, RESULT_NONE, STR_EMPTY, STR_EMPTY);
	for (size_t i = 0; i < auth->dkim_count; i++) {
		const struct dkim_verdict *v = &auth->dkim[i];
		struct str comment = v->reason;
		if (v->result == RESULT_PASS && !v->covers_body)
			comment = STR("part of the body is not signed");
		authres_add(a, AUTHRES_DKIM, v->result, comment, STR_EMPTY);
		authres_property(a, AUTHRES_DKIM_D, v->domain);
		authres_property(a, AUTHRES_DKIM_S, v->selector);
		authres_property(a, AUTHRES_DKIM_A, v->algorithm);
		authres_property(a, AUTHRES_DKIM_B, v->signature);
	}
}

static struct str authentication_results(struct session *s)
{
	struct message *m = s->message;
	const struct auth_results *auth = &m->auth;
	char ip[IP_TEXT_MAX];
	struct authres *a = authres_new(s->message_arena, s->snapshot->options->authserv_id, m->id);
	if (auth->iprev != NULL) {
		authres_add(a, AUTHRES_IPREV, auth->iprev->result, auth->iprev->reason, STR_EMPTY);
		authres_property(a, AUTHRES_IPREV_POLICY_IP, str_of(ip_print(s->client, ip)));
	}
	/* With <> the identity is HELO's, which has its own line (RFC 7208 2.4). */
	add_spf(a, auth->spf_mailfrom, AUTHRES_SPF_MAILFROM, facts_text(m->facts, FACT_MAIL_FROM));
	add_spf(a, auth->spf_helo, AUTHRES_SPF_HELO, facts_text(s->facts, FACT_HELO_NAME));
	add_dkim(a, auth);
	if (auth->dmarc != NULL) {
		authres_add(a, AUTHRES_DMARC, auth->dmarc->result, auth->dmarc->reason, STR_EMPTY);
		authres_property(a, AUTHRES_DMARC_FROM, facts_text(m->facts, FACT_FROM_DOMAIN));
		authres_property(a, AUTHRES_DMARC_POLICY, auth->dmarc->policy);
	}
	return authres_print(a);
}

/* ---- edits ---------------------------------------------------------------------------------------------- */

/* From the highest index down, so that the numbers of the others stay right. */
static bool remove_forged(struct session *s)
{
	struct message *m = s->message;
	static const struct str name = { "Authentication-Results", 22 };
	int nth = (int)header_list_count_of(m->headers, name);
	size_t left = 0;
	while (left < sizeof(m->forged) / sizeof(m->forged[0]) && m->forged[left] != NULL)
		left++;
	for (size_t i = header_list_count(m->headers); i > 0 && left > 0; i--) {
		const struct header *h = header_list_at(m->headers, i - 1);
		if (!str_eq_nocase(h->name, name))
			continue;
		if (h == m->forged[left - 1]) {
			if (!s->ops->delete_header(s->mta, name.p, nth))
				return false;
			left--;
		}
		nth--;
	}
	return true;
}

static bool insert_results(struct session *s)
{
	struct message *m = s->message;
	struct arena *a = s->message_arena;
	if (m->is_submission)
		return true; /* nothing was verified: the mail is ours */
	const struct spf_verdict *spf = m->auth.spf_mailfrom;
	if (s->snapshot->options->received_spf && spf != NULL) {
		struct str body = received_spf_print(a, spf, s->client, facts_text(m->facts, FACT_MAIL_FROM),
						     facts_text(s->facts, FACT_HELO_NAME),
						     s->snapshot->options->authserv_id);
		if (!s->ops->insert_header(s->mta, 0, "Received-SPF", str_to_c(a, body)))
			return false;
	}
	return s->ops->insert_header(s->mta, 0, "Authentication-Results", str_to_c(a, authentication_results(s)));
}

static bool add_policy_headers(struct session *s)
{
	const struct judgement *j = &s->message->judgement;
	for (size_t i = 0; i < j->effect_count; i++) {
		const struct policy_effect *e = &j->effects[i];
		if (e->action == ACTION_ADD_HEADER &&
		    !s->ops->add_header(s->mta, str_to_c(s->message_arena, e->name),
					str_to_c(s->message_arena, e->value)))
			return false;
	}
	return true;
}

static bool hold_if_asked(struct session *s, const struct decision *d)
{
	if (d->action != ACTION_QUARANTINE)
		return true;
	struct str reason = d->reason.n > 0 ? d->reason : STR("held by policy");
	struct str text = str_printf(s->message_arena, "%.*s (id %.*s)", STR_ARG(reason), STR_ARG(s->message->id));
	return s->ops->quarantine(s->mta, text.p);
}

/* On top, the first of the workflow's list uppermost. */
static bool insert_signatures(struct session *s, const struct str *values, size_t count)
{
	for (size_t i = count; i > 0; i--)
		if (!s->ops->insert_header(s->mta, 0, "DKIM-Signature", str_to_c(s->message_arena, values[i - 1])))
			return false;
	return true;
}

static bool apply_edits(struct session *s, const struct decision *d, const struct str *signatures, size_t count)
{
	return remove_forged(s) && insert_results(s) && insert_signatures(s, signatures, count) &&
	       add_policy_headers(s) && hold_if_asked(s, d);
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static struct answer refuse_at_end(struct session *s, const struct decision *d, struct reply reply)
{
	reply = reply_with_id(s, s->message_arena, reply, s->message->id, d->from.rule);
	message_record(s, STAGE_END, reply.code >= 500 ? "reject" : "defer", d, reply);
	return (struct answer){ .kind = ANSWER_REPLY, .reply = reply };
}

static struct answer accept_at_end(struct session *s, const struct decision *d)
{
	static const struct reply edits_failed = { 451, { "4.3.0", 5 }, { "The message could not be marked as checked", 42 } };
	if (d->action == ACTION_DISCARD) {
		s->message->is_taken = true;
		message_record(s, STAGE_END, "discard", d, (struct reply){ 0 });
		return (struct answer){ .kind = ANSWER_DISCARD };
	}
	const struct str *signatures = NULL;
	size_t count;
	struct decision signing = signing_end(s, &signatures, &count);
	if (signing.action != ACTION_CONTINUE)
		return refuse_at_end(s, &signing, signing.reply);
	if (!apply_edits(s, d, signatures, count))
		return refuse_at_end(s, d, edits_failed);
	s->message->is_taken = true;
	message_record(s, STAGE_END, d->action == ACTION_QUARANTINE ? "quarantine" : "accept", d, (struct reply){ 0 });
	return (struct answer){ .kind = ANSWER_ACCEPT };
}

struct answer finish_message(struct session *s)
{
	int64_t start_us = clock_mono_us();
	struct message *m = s->message;
	macros_take(s->ops, s->mta, s->gate->role, STAGE_END, m->facts);
	if (m->wants_body || m->limit_reply.code != 0)
		facts_set_int(m->facts, FACT_MESSAGE_BYTES, m->bytes);
	else
		facts_set_absent(m->facts, FACT_MESSAGE_BYTES);
	hygiene_take_end(s);
	struct decision d = { .action = ACTION_DEFER };
	if (m->limit_reply.code != 0) {
		d.action = m->limit_reply.code >= 500 ? ACTION_REJECT : ACTION_DEFER;
		return refuse_at_end(s, &d, m->limit_reply);
	}
	d = judge_end(s);
	m->stage_us[STAGE_END] = clock_mono_us() - start_us;
	if (is_refusal(&d))
		return refuse_at_end(s, &d, d.reply);
	return accept_at_end(s, &d);
}
