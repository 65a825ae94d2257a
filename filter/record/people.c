#include "record/people.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"

enum { IPV4_KEPT_BITS = 24, IPV6_KEPT_BITS = 48, NAMED_MAX = 8 };

/* What a text may hold, and what it becomes. */
struct named {
	struct str text, instead;
};

struct hider {
	struct arena *arena;
	enum addresses how;
	struct named named[NAMED_MAX];
	size_t count;
};

/* ---- texts ---------------------------------------------------------------------------------------------- */

static bool is_in_word(char c)
{
	return char_is_alnum(c) || c == '-' || c == '@' || c == '_';
}

static bool ends_word(struct str rest)
{
	bool is_joint = rest.n > 1 && (rest.p[0] == '.' || rest.p[0] == ':') && char_is_alnum(rest.p[1]);
	return rest.n == 0 || (!is_in_word(rest.p[0]) && !is_joint);
}

static const struct named *named_at(const struct hider *h, struct str text, size_t at)
{
	if (at > 0 && (is_in_word(text.p[at - 1]) || text.p[at - 1] == '.'))
		return NULL;
	struct str here = str_skip(text, at);
	for (size_t i = 0; i < h->count; i++)
		if (str_starts_nocase(here, h->named[i].text) && ends_word(str_skip(here, h->named[i].text.n)))
			return &h->named[i];
	return NULL;
}

static struct str hidden(const struct hider *h, struct str text)
{
	struct buf b;
	buf_init(&b, 0);
	for (size_t i = 0; i < text.n;) {
		const struct named *n = named_at(h, text, i);
		if (n == NULL)
			buf_add_char(&b, text.p[i]);
		else
			buf_add(&b, n->instead);
		i += n == NULL ? 1 : n->text.n;
	}
	struct str done = hide_addresses(h->arena, h->how, buf_str(&b));
	buf_fini(&b);
	return done;
}

/* A local recipient has no @. */
static struct str hidden_address(const struct hider *h, struct str address)
{
	return address.n > 0 && str_find(address, '@') < 0 ? STR("*") : hidden(h, address);
}

static struct reply hidden_reply(const struct hider *h, struct reply reply)
{
	reply.text = hidden(h, reply.text);
	return reply;
}

/* ---- who it is about ------------------------------------------------------------------------------------ */

static struct ip network_of(struct ip ip)
{
	size_t kept = (ip.family == IP_V4 ? IPV4_KEPT_BITS : IPV6_KEPT_BITS) / 8;
	memset(ip.b + kept, 0, sizeof(ip.b) - kept);
	return ip;
}

/* "*.example.net" of a host; what has two labels names none, and one label may be a person's own. */
static struct str host_domain(struct arena *a, struct str name)
{
	struct str host, domain, rest;
	if (name.n == 0 || name.p[0] == '[' || !str_cut(name, '.', &host, &domain))
		return STR("*");
	return str_cut(domain, '.', &host, &rest) ? str_printf(a, "*.%.*s", STR_ARG(domain)) : name;
}

static struct str login_domain(struct arena *a, struct str login)
{
	ptrdiff_t at = str_find_last(login, '@');
	return at < 0 ? STR("*") : str_printf(a, "*%.*s", STR_ARG(str_skip(login, (size_t)at)));
}

static void add_named(struct hider *h, struct str text, struct str instead)
{
	BUG_IF(h->count == NAMED_MAX);
	if (text.n > 0)
		h->named[h->count++] = (struct named){ text, instead };
}

static const enum fact_id hosts[] = { FACT_CLIENT_NAME, FACT_CLIENT_PTR, FACT_IPREV_NAME, FACT_HELO_NAME };

static struct hider hider_for(struct arena *a, enum addresses how, const struct facts *f)
{
	struct hider h = { .arena = a, .how = how };
	char ip[IP_TEXT_MAX], network[IP_TEXT_MAX];
	struct str login = facts_text(f, FACT_AUTH_LOGIN);
	const struct fact_value *client = facts_get(f, FACT_CLIENT_IP);
	bool is_nothing_kept = how == ADDRESSES_NONE;
	add_named(&h, login, is_nothing_kept ? STR("*") : login_domain(a, login));
	if (client->state == FACT_VALUE) {
		struct str kept = str_of(is_nothing_kept ? "*" : ip_print(network_of(client->ip), network));
		add_named(&h, str_dup(a, str_of(ip_print(client->ip, ip))), str_dup(a, kept));
	}
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		add_named(&h, facts_text(f, hosts[i]), host_domain(a, facts_text(f, hosts[i])));
	return h;
}

/* ---- facts ---------------------------------------------------------------------------------------------- */

/* Names nothing but people and their hosts. */
static bool is_about_people(enum fact_id id)
{
	bool is_host = false;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		is_host = is_host || id == hosts[i];
	return is_host || fact_descs[id].type == TYPE_ADDRESS || id == FACT_CLIENT_IP || id == FACT_AUTH_LOGIN ||
	       id == FACT_AUTH_AUTHOR;
}

/* Domains of mail, and where an @ is no person's. SPF may have looked at a host's name. */
static bool is_about_nobody(enum fact_id id)
{
	bool is_domain = fact_descs[id].type == TYPE_DOMAIN && id != FACT_SPF_DOMAIN && !is_about_people(id);
	return is_domain || id == FACT_HEADER_MESSAGE_ID || id == FACT_DMARC_RUA;
}

static struct str text_for(const struct hider *h, enum fact_id id, struct str text)
{
	if (is_about_nobody(id))
		return text;
	return fact_descs[id].type == TYPE_ADDRESS ? hidden_address(h, text) : hidden(h, text);
}

static void copy_value(const struct hider *h, struct facts *to, enum fact_id id, const struct fact_value *v)
{
	switch (fact_descs[id].type) {
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		facts_set_text(to, id, text_for(h, id, v->text));
		return;
	case TYPE_IP:
		facts_set_ip(to, id, network_of(v->ip));
		return;
	case TYPE_INT:
		facts_set_int(to, id, v->number);
		return;
	case TYPE_BOOL:
		facts_set_bool(to, id, v->truth);
		return;
	case TYPE_RESULT:
		facts_set_result(to, id, v->result);
		return;
	case TYPE_LIST: {
		struct str *items = arena_array(h->arena, v->list.count, sizeof(*items));
		for (size_t i = 0; i < v->list.count; i++)
			items[i] = text_for(h, id, v->list.items[i]);
		facts_set_list(to, id, items, v->list.count);
		return;
	}
	}
	BUG_IF(true);
}

static void copy_fact(const struct hider *h, struct facts *to, enum fact_id id, const struct fact_value *v)
{
	switch (v->state) {
	case FACT_UNSET:
		return;
	case FACT_ABSENT:
		facts_set_absent(to, id);
		return;
	case FACT_UNKNOWN:
		facts_set_unknown(to, id, hidden(h, v->reason));
		return;
	case FACT_VALUE:
		if (h->how == ADDRESSES_NONE && is_about_people(id))
			facts_set_absent(to, id);
		else
			copy_value(h, to, id, v);
		return;
	}
	BUG_IF(true);
}

static const struct facts *hidden_facts(const struct hider *h, const struct facts *from)
{
	struct facts *of[SCOPE_RCPT + 1];
	of[SCOPE_CONN] = facts_new(h->arena, SCOPE_CONN, NULL);
	of[SCOPE_MSG] = facts_new(h->arena, SCOPE_MSG, of[SCOPE_CONN]);
	of[SCOPE_RCPT] = facts_new(h->arena, SCOPE_RCPT, of[SCOPE_MSG]);
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		copy_fact(h, of[fact_descs[id].scope], id, facts_get(from, id));
	return of[SCOPE_RCPT];
}

/* ---- what was decided and found ------------------------------------------------------------------------- */

static struct decision hidden_decision(const struct hider *h, struct decision d)
{
	struct policy_effect *effects = arena_array(h->arena, d.effect_count, sizeof(*effects));
	struct policy_observed *observed = arena_array(h->arena, d.observed_count, sizeof(*observed));
	for (size_t i = 0; i < d.effect_count; i++) {
		effects[i] = d.effects[i];
		effects[i].value = hidden(h, effects[i].value);
	}
	for (size_t i = 0; i < d.observed_count; i++) {
		observed[i] = d.observed[i];
		observed[i].reply = hidden_reply(h, observed[i].reply);
	}
	d.reply = hidden_reply(h, d.reply);
	d.reason = hidden(h, d.reason);
	d.effects = effects;
	d.observed = observed;
	return d;
}

static const struct spf_verdict *hidden_spf(const struct hider *h, const struct spf_verdict *v)
{
	if (v == NULL)
		return NULL;
	struct spf_verdict *copy = ARENA_NEW(h->arena, struct spf_verdict);
	*copy = *v;
	copy->domain = hidden(h, v->domain);
	copy->mechanism = hidden(h, v->mechanism);
	copy->reason = hidden(h, v->reason);
	copy->explanation = hidden(h, v->explanation);
	return copy;
}

static const struct dkim_verdict *hidden_signatures(const struct hider *h, const struct dkim_verdict *list, size_t count)
{
	struct dkim_verdict *copies = arena_array(h->arena, count, sizeof(*copies));
	for (size_t i = 0; i < count; i++) {
		copies[i] = list[i];
		copies[i].identity = hidden(h, list[i].identity);
		copies[i].reason = hidden(h, list[i].reason);
	}
	return copies;
}

static const struct auth_results *hidden_results(const struct hider *h, const struct auth_results *r)
{
	if (r == NULL)
		return NULL;
	struct auth_results *copy = ARENA_NEW(h->arena, struct auth_results);
	*copy = *r;
	copy->spf_helo = hidden_spf(h, r->spf_helo);
	copy->spf_mailfrom = r->spf_mailfrom == r->spf_helo ? copy->spf_helo : hidden_spf(h, r->spf_mailfrom);
	copy->dkim = hidden_signatures(h, r->dkim, r->dkim_count);
	if (r->iprev != NULL) {
		struct iprev_verdict *iprev = ARENA_NEW(h->arena, struct iprev_verdict);
		*iprev = *r->iprev;
		iprev->name = hidden(h, iprev->name);
		iprev->reason = hidden(h, iprev->reason);
		copy->iprev = iprev;
	}
	return copy;
}

static const struct record_recipient *hidden_recipients(const struct hider *h, const struct record_recipient *list,
							size_t count)
{
	struct record_recipient *copies = arena_array(h->arena, count, sizeof(*copies));
	for (size_t i = 0; i < count; i++) {
		copies[i] = list[i];
		copies[i].address = h->how == ADDRESSES_NONE ? STR("*") : hidden_address(h, list[i].address);
		copies[i].reply = hidden_reply(h, list[i].reply);
	}
	return copies;
}

const struct record *record_for_keeping(struct arena *a, enum addresses how, const struct record *r)
{
	if (how == ADDRESSES_FULL)
		return r;
	const struct hider h = hider_for(a, how, r->facts);
	struct record *copy = ARENA_NEW(a, struct record);
	*copy = *r;
	copy->facts = hidden_facts(&h, r->facts);
	copy->auth = hidden_results(&h, r->auth);
	copy->decision = hidden_decision(&h, r->decision);
	copy->reply = hidden_reply(&h, r->reply);
	copy->recipients = hidden_recipients(&h, r->recipients, r->recipient_count);
	return copy;
}
