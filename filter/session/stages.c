#include <string.h>

#include "auth/dkim.h"
#include "auth/dkim_sign.h"
#include "base/arena.h"
#include "base/clock.h"
#include "config/snapshot.h"
#include "dns/dns.h"
#include "mail/address.h"
#include "mail/author.h"
#include "mail/authres.h"
#include "mail/domain.h"
#include "mail/header.h"
#include "session/macros.h"
#include "session/state.h"

static const struct answer go_on = { .kind = ANSWER_CONTINUE };

static struct answer refuse(struct reply reply)
{
	return (struct answer){ .kind = ANSWER_REPLY, .reply = reply };
}

static struct reply plain_reply(int code, const char *enhanced, const char *text)
{
	return (struct reply){ code, str_of(enhanced), str_of(text) };
}

static bool is_refusal(const struct decision *d)
{
	return d->action == ACTION_REJECT || d->action == ACTION_DEFER;
}

static const char *disposition_of(const struct reply *reply)
{
	return reply->code >= 500 ? "reject" : "defer";
}

/* ---- the connection ------------------------------------------------------------------------------------- */

/* The rules of CONNECT or HELO. A refusal is held; the first one stays. */
static void judge_connection(struct session *s, enum stage stage)
{
	if (s->judgement.is_accepted || s->held.is_set)
		return;
	probes_run(s, stage);
	struct decision d = policy_eval(s->snapshot->policy, stage, s->facts, NULL, 0, s->arena, s->gate->on_rule,
					s->gate->context);
	judgement_add(&s->judgement, &d, s->arena);
	if (is_refusal(&d))
		s->held = (struct held_refusal){ true, stage, d };
}

static void hold_limit(struct session *s)
{
	struct decision d = { .action = ACTION_DEFER,
			      .reply = plain_reply(421, "4.3.2", "Too many connections here, try again soon") };
	s->held = (struct held_refusal){ true, STAGE_CONNECT, d };
}

static void set_trusted(struct session *s)
{
	const struct ip_set *trusted = s->snapshot->options->trusted_networks;
	facts_set_bool(s->facts, FACT_CLIENT_TRUSTED,
		       trusted != NULL && s->client.family != IP_NONE && ip_set_has(trusted, s->client));
}

/* What the MTA says in place of a name that it could not verify. */
static bool is_no_name(struct str name)
{
	return name.n == 0 || name.p[0] == '[' || str_eq(name, STR("unknown"));
}

struct answer stage_connect(struct session *s, const char *host_name, struct ip client, int client_port)
{
	const struct options *options = s->snapshot->options;
	struct str name = str_of(host_name), normalized;
	s->client = client;
	facts_set_ip(s->facts, FACT_CLIENT_IP, client);
	if (!is_no_name(name) && domain_normalize(s->arena, name, &normalized))
		facts_set_text(s->facts, FACT_CLIENT_NAME, normalized);
	else
		facts_set_absent(s->facts, FACT_CLIENT_NAME);
	if (client_port > 0)
		facts_set_int(s->facts, FACT_CLIENT_PORT, client_port);
	else
		facts_set_absent(s->facts, FACT_CLIENT_PORT);
	facts_set_text(s->facts, FACT_LISTENER_ROLE, str_of(listen_role_words[s->gate->role]));
	macros_take(s->ops, s->mta, s->gate->role, STAGE_CONNECT, s->facts);
	/* Postfix: {daemon_port} is 0 for mail that did not come by SMTP. */
	const struct fact_value *port = facts_get(s->facts, FACT_LISTENER_PORT);
	facts_set_bool(s->facts, FACT_CLIENT_LOCAL, port->state == FACT_VALUE && port->number == 0);
	set_trusted(s);
	if (atomic_load(&s->gate->connections) > options->max_connections)
		hold_limit(s);
	else if (!facts_is_true(s->facts, FACT_CLIENT_LOCAL))
		probes_prefetch(s, STAGE_CONNECT);
	judge_connection(s, STAGE_CONNECT);
	return go_on;
}

static bool is_helo_valid(struct arena *a, struct str name, struct str *domain)
{
	struct ip ip;
	if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		return address_literal_is_ip(str_sub(name, 1, name.n - 2));
	return domain_normalize(a, name, domain) && domain_labels(*domain) >= 2 && !ip_parse(*domain, &ip);
}

/* The record of a refused HELO belongs to no message; an empty one carries it. */
static struct answer answer_held(struct session *s, enum stage stage)
{
	struct message *m = s->message != NULL ? s->message : message_open(s);
	const struct decision *d = &s->held.decision;
	struct reply reply = reply_with_id(s, s->message_arena, d->reply, m->id, d->from.rule);
	message_record(s, stage, disposition_of(&reply), d, reply);
	message_close(s);
	return refuse(reply);
}

struct answer stage_helo(struct session *s, const char *c_name)
{
	struct str name = str_of(c_name), domain = str_of(c_name);
	stage_abort(s); /* RFC 5321 4.1.4: EHLO also resets */
	if (s->held.is_set && s->held.stage == STAGE_HELO)
		s->held.is_set = false; /* another name may please more */
	bool is_valid = is_helo_valid(s->arena, name, &domain);
	facts_set_text_or_absent(s->facts, FACT_HELO_NAME, str_sub(domain, 0, 255));
	facts_set_bool(s->facts, FACT_HELO_VALID, is_valid);
	s->has_helo = true;
	if (!facts_is_true(s->facts, FACT_CLIENT_LOCAL))
		probes_prefetch(s, STAGE_HELO);
	judge_connection(s, STAGE_HELO);
	return s->held.is_set && s->agreed.reply[STAGE_HELO] ? answer_held(s, STAGE_HELO) : go_on;
}

struct answer stage_unknown(struct session *s, const char *command)
{
	(void)command;
	s->unknown_commands++;
	return go_on;
}

/* ---- the envelope --------------------------------------------------------------------------------------- */

static bool needs_are_met(const struct session_needs *agreed, const struct session_needs *wanted)
{
	if ((wanted->helo && !agreed->helo) || (wanted->data && !agreed->data) ||
	    (wanted->body && !agreed->body) || (wanted->unknown && !agreed->unknown))
		return false;
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
		if (wanted->reply[stage] && !agreed->reply[stage])
			return false;
	return true;
}

/* The newest snapshot for the next message, so that a change reaches connections kept open. False if it needs a step
 * that this connection was agreed to leave out. */
static bool refresh_snapshot(struct session *s)
{
	const struct snapshot *newest = s->gate->snapshot();
	if (newest == s->snapshot) {
		snapshot_put(newest);
		return true;
	}
	struct session_needs wanted = session_needs_of(newest);
	if (!needs_are_met(&s->agreed, &wanted)) {
		snapshot_put(newest);
		return false;
	}
	snapshot_put(s->snapshot);
	s->snapshot = newest;
	s->judgement = (struct judgement){ 0 };
	s->held.is_set = false;
	set_trusted(s);
	judge_connection(s, STAGE_CONNECT);
	if (s->has_helo)
		judge_connection(s, STAGE_HELO);
	return true;
}

static void refuse_message(struct session *s, enum stage stage, const struct decision *d, struct reply *reply)
{
	*reply = reply_with_id(s, s->message_arena, *reply, s->message->id, d->from.rule);
	message_record(s, stage, disposition_of(reply), d, *reply);
	message_close(s);
}

/* Workflows, then probes and rules of a stage of the message as a whole. */
static struct answer judge_message(struct session *s, enum stage stage, int64_t start_us)
{
	struct message *m = s->message;
	struct decision d = sending_judge(s, stage);
	if (!is_refusal(&d) && !m->judgement.is_accepted) {
		probes_run(s, stage);
		d = policy_eval(s->snapshot->policy, stage, m->facts, NULL, 0, s->message_arena, s->gate->on_rule,
				s->gate->context);
		judgement_add(&m->judgement, &d, s->message_arena);
	}
	if (!is_refusal(&d) && stage == STAGE_MAIL)
		d = sending_take(s);
	if (stage == STAGE_HEADERS)
		d = sending_judge_refused(s, &d);
	m->stage_us[stage] = clock_mono_us() - start_us;
	if (!is_refusal(&d))
		return go_on;
	struct reply reply = d.reply;
	refuse_message(s, stage, &d, &reply);
	return refuse(reply);
}

static void take_parameters(struct facts *facts, char *const *parameters)
{
	facts_set_absent(facts, FACT_MAIL_SIZE);
	facts_set_bool(facts, FACT_MAIL_SMTPUTF8, false);
	for (; parameters != NULL && *parameters != NULL; parameters++) {
		struct str name, value;
		uint64_t size;
		str_cut(str_of(*parameters), '=', &name, &value);
		if (str_eq_nocase(name, STR("SMTPUTF8")))
			facts_set_bool(facts, FACT_MAIL_SMTPUTF8, true);
		else if (str_eq_nocase(name, STR("SIZE")) && str_to_u64(value, &size) && size <= INT64_MAX)
			facts_set_int(facts, FACT_MAIL_SIZE, (int64_t)size);
	}
}

static struct str without_angles(struct str path)
{
	path = str_trim(path);
	if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
		path = str_sub(path, 1, path.n - 2);
	return str_sub(path, 0, 1024);
}

/* Sets the address and domain facts of a path. False if it is none by RFC 5321; then the text is kept as it came. */
static bool take_path(struct arena *a, struct facts *facts, struct str path, enum fact_id whole, enum fact_id domain_id)
{
	struct address address;
	struct str domain;
	if (!address_parse_path(a, path, &address)) {
		facts_set_text(facts, whole, without_angles(path));
		facts_set_absent(facts, domain_id);
		return false;
	}
	facts_set_text(facts, whole, address.whole);
	if (address.domain.n > 0 && domain_normalize(a, address.domain, &domain))
		facts_set_text(facts, domain_id, domain);
	else
		facts_set_absent(facts, domain_id);
	return true;
}

static void take_sender(struct session *s, char *const *argv)
{
	struct message *m = s->message;
	/* Postfix leaves the angles away in mail that came by no SMTP, its own bounces among them. */
	bool is_bare_null = argv[0] != NULL && argv[0][0] == '\0';
	struct str path = is_bare_null ? STR("<>") : str_of(argv[0]);
	bool is_valid = take_path(s->message_arena, m->facts, path, FACT_MAIL_FROM, FACT_MAIL_DOMAIN);
	facts_set_bool(m->facts, FACT_MAIL_VALID, is_valid);
	facts_set_bool(m->facts, FACT_MAIL_NULL, is_valid && facts_text(m->facts, FACT_MAIL_FROM).n == 0);
	take_parameters(m->facts, argv[0] == NULL ? NULL : argv + 1);
	facts_set_bool(m->facts, FACT_DNS_TROUBLE, dns_is_in_trouble(s->gate->dns));
	facts_set_int(m->facts, FACT_CLIENT_UNKNOWN_COMMANDS, s->unknown_commands);
	macros_take(s->ops, s->mta, s->gate->role, STAGE_MAIL, m->facts);
}

static struct answer refuse_for_now(struct session *s, const char *text)
{
	struct decision d = { .action = ACTION_DEFER };
	struct reply reply = plain_reply(421, "4.3.2", text);
	refuse_message(s, STAGE_MAIL, &d, &reply);
	return refuse(reply);
}

struct answer stage_mail(struct session *s, char *const *argv)
{
	int64_t start_us = clock_mono_us();
	stage_abort(s);
	bool is_current = refresh_snapshot(s);
	message_open(s);
	take_sender(s, argv);
	sending_begin(s);
	if (atomic_load(&s->gate->is_stopping))
		return refuse_for_now(s, "The mail filter is stopping, please connect again");
	if (!is_current)
		return refuse_for_now(s, "The policy here has changed, please connect again");
	if (s->held.is_set)
		return answer_held(s, STAGE_MAIL);
	probes_prefetch(s, STAGE_MAIL);
	return judge_message(s, STAGE_MAIL, start_us);
}

static struct answer refuse_recipient(struct session *s, struct record_recipient *r, const struct decision *d,
				      struct reply reply, const struct facts *facts)
{
	char id[DECISION_ID_LENGTH + 1];
	decision_id_make(id);
	struct str kept_id = str_dup(s->message_arena, str_of(id));
	r->reply = reply_with_id(s, s->message_arena, reply, kept_id, d->from.rule);
	r->from = d->from;
	sending_remember_recipient(s, facts, d, kept_id);
	recipient_record(s, d, r->reply, kept_id, facts);
	return refuse(r->reply);
}

struct decision judge_recipient(struct session *s, struct facts *recipient)
{
	struct message *m = s->message;
	struct decision d = sending_judge_recipient(s, recipient);
	if (!is_refusal(&d) && !m->judgement.is_accepted) {
		probes_run(s, STAGE_RCPT);
		d = policy_eval(s->snapshot->policy, STAGE_RCPT, recipient, NULL, 0, s->message_arena,
				s->gate->on_rule, s->gate->context);
		if (d.action == ACTION_ACCEPT)
			d.action = ACTION_CONTINUE; /* ends the rules for this recipient, not for the message */
		judgement_add(&m->judgement, &d, s->message_arena);
	}
	return is_refusal(&d) ? d : sending_take_recipient(s);
}

struct answer stage_rcpt(struct session *s, char *const *argv)
{
	int64_t start_us = clock_mono_us();
	struct message *m = s->message;
	if (m == NULL)
		return refuse(plain_reply(503, "5.5.1", "MAIL first"));
	bool is_local = facts_is_true(s->facts, FACT_CLIENT_LOCAL);
	if (m->recipient_count >= (size_t)s->snapshot->options->max_recipients) {
		struct reply reply = plain_reply(452, "4.5.3", "Too many recipients, send the rest separately");
		if (!is_local)
			return refuse(reply);
		m->limit_reply = reply;
		return go_on;
	}
	struct facts *facts;
	struct record_recipient *r = message_add_recipient(s, &facts);
	take_path(s->message_arena, facts, str_of(argv[0]), FACT_RCPT_TO, FACT_RCPT_DOMAIN);
	r->address = facts_text(facts, FACT_RCPT_TO);
	facts_set_int(m->facts, FACT_RCPT_COUNT, (int64_t)m->accepted_count + 1);
	macros_take(s->ops, s->mta, s->gate->role, STAGE_END, m->facts);
	/* Postfix takes a refused recipient of sendmail(1) mail as an error of its configuration: END decides. */
	struct decision d = { .action = ACTION_CONTINUE };
	if (!is_local)
		d = judge_recipient(s, facts);
	m->accepted_count += !is_refusal(&d);
	struct answer answer = is_refusal(&d) ? refuse_recipient(s, r, &d, d.reply, facts) : go_on;
	facts_set_int(m->facts, FACT_RCPT_COUNT, (int64_t)m->accepted_count);
	m->stage_us[STAGE_RCPT] += clock_mono_us() - start_us;
	return answer;
}

struct answer stage_data(struct session *s)
{
	int64_t start_us = clock_mono_us();
	struct message *m = s->message;
	if (m == NULL)
		return refuse(plain_reply(503, "5.5.1", "MAIL first"));
	m->has_data = true;
	macros_take(s->ops, s->mta, s->gate->role, STAGE_END, m->facts);
	return judge_message(s, STAGE_DATA, start_us);
}

/* ---- the message ---------------------------------------------------------------------------------------- */

struct answer stage_header(struct session *s, const char *c_name, const char *c_value)
{
	struct message *m = s->message;
	if (m == NULL || m->limit_reply.code != 0)
		return go_on;
	const struct options *options = s->snapshot->options;
	struct str name = str_of(c_name), value = str_of(c_value);
	m->has_data = true;
	m->bytes += (int64_t)(name.n + value.n) + 3;
	if (header_list_count(m->headers) >= (size_t)options->max_header_fields)
		m->limit_reply = plain_reply(552, "5.3.4", "The message has too many header fields");
	else if ((int64_t)(header_list_bytes(m->headers) + name.n + value.n) > options->max_header_bytes)
		m->limit_reply = plain_reply(552, "5.3.4", "The message header is too large");
	else
		header_list_add(m->headers, name, value);
	return go_on;
}

static struct str unfolded(struct session *s, struct str name)
{
	const struct header *h = header_list_find(s->message->headers, name, 0);
	return h == NULL ? STR_EMPTY : str_sub(header_unfold(s->message_arena, h->value), 0, 1024);
}

static void take_author(struct session *s)
{
	struct facts *facts = s->message->facts;
	struct author author = author_of(s->message_arena, s->message->headers);
	bool is_ok = author.status == AUTHOR_OK;
	facts_set_text(facts, FACT_FROM_STATUS, str_of(author_status_words[author.status]));
	facts_set_text_or_absent(facts, FACT_FROM_REASON, is_ok ? STR_EMPTY : str_of(author.why));
	facts_set_int(facts, FACT_FROM_COUNT, (int64_t)author.count);
	facts_set_text_or_absent(facts, FACT_FROM_ADDRESS, is_ok ? author.box.address.whole : STR_EMPTY);
	facts_set_text_or_absent(facts, FACT_FROM_DOMAIN, is_ok ? author.domain : STR_EMPTY);
	facts_set_text_or_absent(facts, FACT_FROM_NAME, is_ok ? str_sub(author.box.name, 0, 1024) : STR_EMPTY);
}

/* Fields that claim to be ours came from outside: nobody may trust them. Those beyond the room for removal make the
 * message unacceptable. */
static void take_forged_results(struct session *s)
{
	struct message *m = s->message;
	static const struct str name = { "Authentication-Results", 22 };
	size_t forged = 0;
	for (size_t i = 0; i < header_list_count(m->headers); i++) {
		const struct header *h = header_list_at(m->headers, i);
		if (str_eq_nocase(h->name, name) &&
		    authres_claims(s->message_arena, h->value, s->snapshot->options->authserv_id)) {
			if (forged < sizeof(m->forged) / sizeof(m->forged[0]))
				m->forged[forged] = h;
			forged++;
		}
	}
	facts_set_int(m->facts, FACT_AUTHRES_FORGED, (int64_t)forged);
	if (forged > sizeof(m->forged) / sizeof(m->forged[0]))
		m->limit_reply = plain_reply(550, "5.7.1", "Too many Authentication-Results fields in our name");
}

static void take_header_facts(struct session *s)
{
	struct message *m = s->message;
	size_t count = header_list_count(m->headers);
	struct str *names = arena_array(s->message_arena, count, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = str_lower(s->message_arena, str_sub(header_list_at(m->headers, i)->name, 0, 128));
	facts_set_list(m->facts, FACT_HEADER_NAMES, names, count);
	facts_set_int(m->facts, FACT_HEADER_COUNT, (int64_t)count);
	facts_set_int(m->facts, FACT_HEADER_BYTES, (int64_t)header_list_bytes(m->headers));
	facts_set_text_or_absent(m->facts, FACT_HEADER_SUBJECT, unfolded(s, STR("Subject")));
	facts_set_text_or_absent(m->facts, FACT_HEADER_MESSAGE_ID, unfolded(s, STR("Message-ID")));
}

struct answer stage_headers_end(struct session *s)
{
	int64_t start_us = clock_mono_us();
	struct message *m = s->message;
	if (m == NULL)
		return go_on;
	m->has_data = true;
	macros_take(s->ops, s->mta, s->gate->role, STAGE_END, m->facts);
	take_author(s);
	take_forged_results(s);
	take_header_facts(s);
	hygiene_take_header(s);
	if (m->limit_reply.code != 0)
		return go_on; /* END refuses: no step more is asked of the MTA for it */
	probes_prefetch(s, STAGE_HEADERS);
	struct bits asked = policy_facts_asked_after(s->snapshot->policy, STAGE_HEADERS, m->facts, s->message_arena);
	m->wants_lines = hygiene_wants_body(&asked);
	m->wants_body = m->dkim != NULL || m->wants_lines || bits_has(&asked, FACT_MESSAGE_BYTES);
	return judge_message(s, STAGE_HEADERS, start_us);
}

struct answer stage_body(struct session *s, const unsigned char *bytes, size_t count)
{
	struct message *m = s->message;
	if (m == NULL || m->limit_reply.code != 0)
		return (struct answer){ .kind = ANSWER_SKIP };
	m->bytes += (int64_t)count;
	hygiene_take_body(s, (struct str){ (const char *)bytes, count });
	if (m->bytes > s->snapshot->options->max_message_bytes)
		m->limit_reply = plain_reply(552, "5.3.4", "The message is too large");
	if (m->dkim != NULL)
		auth_dkim_verify_body(m->dkim, bytes, count);
	if (m->sign != NULL)
		auth_dkim_sign_body(m->sign, bytes, count);
	sending_body(s, bytes, count);
	return m->wants_body ? go_on : (struct answer){ .kind = ANSWER_SKIP };
}

struct answer stage_end(struct session *s)
{
	if (s->message == NULL)
		return refuse(plain_reply(503, "5.5.1", "MAIL first"));
	struct answer answer = finish_message(s);
	message_close(s);
	return answer;
}

void stage_abort(struct session *s)
{
	struct message *m = s->message;
	if (m == NULL)
		return;
	/* A client that only looked at the door left nothing to tell. */
	if (m->recipient_count > 0 || m->has_data) {
		struct decision none = { .action = ACTION_CONTINUE };
		message_record(s, m->has_data ? STAGE_DATA : STAGE_RCPT, "aborted", &none, (struct reply){ 0 });
	}
	message_close(s);
}
