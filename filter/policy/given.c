#include "policy/given.h"

#include "base/fail.h"
#include "mail/domain.h"
#include "policy/fact_name.h"

static const char *const stranger[FACT_COUNT] = {
#define GIVEN(id, value) [FACT_##id] = value,
#include "policy/given_table.def"
#undef GIVEN
};

/* False after a diagnostic. */
static bool is_right(struct loader *l, const config_setting_t *s, struct str text, const char *wrong)
{
	if (wrong != NULL)
		diag_error(l->diags, lc_place(l->arena, s), "\"%.*s\" %s", STR_ARG(text), wrong);
	return wrong == NULL;
}

static bool text_value(struct loader *l, const config_setting_t *s, enum fact_id id, struct str *out)
{
	if (!lc_text(s, l->diags, out))
		return false;
	*out = str_dup(l->arena, *out);
	const char *wrong = NULL;
	struct str domain;
	if (fact_descs[id].type == TYPE_DOMAIN && !str_starts(*out, STR("["))) {
		if (domain_normalize(l->arena, *out, &domain))
			*out = domain;
		else
			wrong = "is no domain name";
	} else {
		wrong = fact_word_check(l->arena, id, *out, false);
	}
	return is_right(l, s, *out, wrong);
}

static bool list_value(struct loader *l, const config_setting_t *s, enum fact_id id, struct fact_value *v)
{
	const struct str *items;
	if (!lc_texts(l->arena, s, l->diags, &items, &v->list.count))
		return false;
	struct str *copies = arena_array(l->arena, v->list.count, sizeof(*copies));
	bool is_good = true;
	for (size_t i = 0; i < v->list.count; i++) {
		copies[i] = str_dup(l->arena, items[i]);
		is_good &= is_right(l, s, copies[i], fact_word_check(l->arena, id, copies[i], false));
	}
	v->list.items = copies;
	return is_good;
}

static bool ip_value(struct loader *l, const config_setting_t *s, struct ip *out)
{
	struct str text;
	if (!lc_text(s, l->diags, &text))
		return false;
	if (ip_parse(text, out))
		return true;
	diag_error(l->diags, lc_place(l->arena, s), "\"%.*s\" is no address", STR_ARG(text));
	return false;
}

static bool take_value(struct loader *l, const config_setting_t *s, enum fact_id id, struct fact_value *v)
{
	struct str word;
	switch (fact_descs[id].type) {
	case TYPE_RESULT:
		return text_value(l, s, id, &word) && result_parse(word, &v->result);
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		return text_value(l, s, id, &v->text);
	case TYPE_IP:
		return ip_value(l, s, &v->ip);
	case TYPE_INT:
		return lc_int(s, l->diags, &v->number);
	case TYPE_BOOL:
		return lc_bool(s, l->diags, &v->truth);
	case TYPE_LIST:
		return list_value(l, s, id, v);
	}
	BUG_IF(true);
}

static void take_recipients(struct loader *l, const config_setting_t *s, struct given *g)
{
	struct fact_value v;
	if (!list_value(l, s, FACT_RCPT_TO, &v))
		return;
	if (v.list.count == 0)
		diag_error(l->diags, lc_place(l->arena, s), "a message has at least one recipient");
	for (size_t i = 0; i < v.list.count; i++)
		VEC_PUSH(l->arena, &g->recipients, v.list.items[i]);
}

/* A line of the header. What the facts tell of it is given beside it: from.address, header.subject. */
static void take_fields(struct loader *l, const config_setting_t *s, struct given *g)
{
	const struct str *lines;
	size_t count;
	if (s == NULL || !lc_texts(l->arena, s, l->diags, &lines, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct header h;
		if (!str_cut(str_dup(l->arena, lines[i]), ':', &h.name, &h.value) || str_trim(h.name).n == 0)
			diag_error(l->diags, lc_place(l->arena, s), "\"%.*s\" is no header field: \"Name: value\"",
				   STR_ARG(lines[i]));
		else
			VEC_PUSH(l->arena, &g->fields, h);
	}
}

static bool is_of_workflow(enum fact_id id)
{
	struct str name = str_of(fact_descs[id].name);
	return str_starts(name, STR("workflow.")) || str_starts(name, STR("identity."));
}

static void take_given(struct loader *l, const config_setting_t *s, enum fact_id id, void *context)
{
	struct given *g = context;
	g->names_workflow |= is_of_workflow(id);
	if (id == FACT_RCPT_TO)
		take_recipients(l, s, g);
	else if (take_value(l, s, id, &g->values[id]))
		g->values[id].state = FACT_VALUE;
}

static void take_state(struct loader *l, const config_setting_t *group, const char *member, struct fact_value v,
		       struct given *g)
{
	const config_setting_t *s = config_setting_get_member(group, member);
	const struct str *names;
	size_t count;
	if (s == NULL || !lc_texts(l->arena, s, l->diags, &names, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		enum fact_id id = fact_name_parse(l, s, names[i]);
		if (id == FACT_COUNT)
			continue;
		g->names_workflow |= is_of_workflow(id);
		if (id == FACT_RCPT_TO || g->values[id].state != FACT_UNSET)
			diag_error(l->diags, lc_place(l->arena, s), "%s has a value", fact_descs[id].name);
		else
			g->values[id] = v;
	}
}

void given_parse(struct loader *l, const config_setting_t *s, struct given *g)
{
	static const char *const others[] = { "unknown", "lacks", "fields" };
	if (!lc_is_group(s, l->diags))
		return;
	facts_walk(l, s, others, 3, take_given, g);
	take_fields(l, config_setting_get_member(s, "fields"), g);
	take_state(l, s, "lacks", (struct fact_value){ .state = FACT_ABSENT }, g);
	take_state(l, s, "unknown", (struct fact_value){ .state = FACT_UNKNOWN, .reason = STR("the test says so") }, g);
}

/* The facts of a test while they are put together. */
struct filling {
	struct arena *arena;
	struct fact_value values[FACT_COUNT];
};

static void split_list(struct arena *a, struct str text, struct fact_value *v)
{
	VEC(struct str) items = { NULL, 0, 0 };
	struct str item;
	while (str_next(&text, ' ', &item))
		VEC_PUSH(a, &items, item);
	v->list.items = items.items;
	v->list.count = items.count;
}

/* Gives the fact this value, written as text, unless it has one. Empty means absent. */
static void put(struct filling *f, enum fact_id id, struct str text)
{
	struct fact_value *v = &f->values[id];
	bool is_good = true;
	if (v->state != FACT_UNSET)
		return;
	v->state = text.n == 0 ? FACT_ABSENT : FACT_VALUE;
	if (text.n == 0)
		return;
	switch (fact_descs[id].type) {
	case TYPE_RESULT:
		is_good = result_parse(text, &v->result);
		break;
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		v->text = text;
		break;
	case TYPE_IP:
		is_good = ip_parse(text, &v->ip);
		break;
	case TYPE_INT:
		is_good = str_to_i64(text, &v->number);
		break;
	case TYPE_BOOL:
		v->truth = str_eq(text, STR("true"));
		is_good = v->truth || str_eq(text, STR("false"));
		break;
	case TYPE_LIST:
		split_list(f->arena, text, v);
		break;
	}
	BUG_IF(!is_good); /* the table below or a line here is wrong */
}

static bool has(const struct filling *f, enum fact_id id)
{
	return f->values[id].state == FACT_VALUE;
}

static bool is_true(const struct filling *f, enum fact_id id)
{
	return has(f, id) && f->values[id].truth;
}

/* The value of a text that is already there, else the stranger's. */
static struct str text_of(const struct filling *f, enum fact_id id)
{
	const struct fact_value *v = &f->values[id];
	return v->state == FACT_VALUE ? v->text : v->state == FACT_UNSET ? str_of(stranger[id]) : STR_EMPTY;
}

static struct str domain_of(struct arena *a, struct str address)
{
	ptrdiff_t at = str_find_last(address, '@');
	struct str domain = STR_EMPTY;
	if (at >= 0)
		domain_normalize(a, str_skip(address, (size_t)at + 1), &domain);
	return domain;
}

static struct str author_at(struct arena *a, struct str domain)
{
	return str_printf(a, "author@%.*s", STR_ARG(domain));
}

static void follow_client(struct filling *f)
{
	if (is_true(f, FACT_CLIENT_LOCAL)) { /* what Postfix invents for mail from sendmail(1) */
		put(f, FACT_CLIENT_IP, STR("127.0.0.1"));
		put(f, FACT_CLIENT_NAME, STR("localhost"));
		put(f, FACT_LISTENER_PORT, STR("0"));
	}
	if (f->values[FACT_CLIENT_NAME].state == FACT_ABSENT)
		put(f, FACT_IPREV_RESULT, STR("fail"));
	put(f, FACT_CLIENT_PTR, text_of(f, FACT_CLIENT_NAME));
	put(f, FACT_IPREV_NAME, text_of(f, FACT_CLIENT_NAME));
	if (has(f, FACT_AUTH_LOGIN))
		put(f, FACT_AUTH_METHOD, STR("PLAIN"));
	if (has(f, FACT_TLS_VERSION)) {
		put(f, FACT_TLS_CIPHER, STR("TLS_AES_256_GCM_SHA384"));
		put(f, FACT_TLS_BITS, STR("256"));
	}
	if (has(f, FACT_WORKFLOW_NAME)) {
		put(f, FACT_WORKFLOW_STATUS, STR("ok"));
		put(f, FACT_WORKFLOW_KIND, STR("transactional"));
	}
}

static void follow_mail(struct filling *f)
{
	if (is_true(f, FACT_MAIL_NULL) && f->values[FACT_MAIL_FROM].state == FACT_UNSET)
		f->values[FACT_MAIL_FROM] = (struct fact_value){ .state = FACT_VALUE, .text = STR_EMPTY };
	if (has(f, FACT_MAIL_DOMAIN))
		put(f, FACT_MAIL_FROM, author_at(f->arena, f->values[FACT_MAIL_DOMAIN].text));
	struct str from = text_of(f, FACT_MAIL_FROM);
	put(f, FACT_MAIL_DOMAIN, domain_of(f->arena, from));
	put(f, FACT_MAIL_NULL, from.n == 0 ? STR("true") : STR("false"));
	put(f, FACT_SPF_IDENTITY, from.n == 0 ? STR("helo") : STR("mailfrom"));
	put(f, FACT_SPF_DOMAIN, text_of(f, from.n == 0 ? FACT_HELO_NAME : FACT_MAIL_DOMAIN));
}

/* Without exactly one author there is no author domain (mail/author.h), and DMARC is a permerror (auth/dmarc.h). */
static void follow_author(struct filling *f)
{
	struct str status = text_of(f, FACT_FROM_STATUS);
	if (!str_eq(status, STR("ok"))) {
		put(f, FACT_FROM_ADDRESS, STR_EMPTY);
		put(f, FACT_FROM_COUNT, str_eq(status, STR("several")) ? STR("2") : STR("0"));
		put(f, FACT_DMARC_RESULT, STR("permerror"));
	}
	if (has(f, FACT_FROM_DOMAIN))
		put(f, FACT_FROM_ADDRESS, author_at(f->arena, f->values[FACT_FROM_DOMAIN].text));
	put(f, FACT_FROM_DOMAIN, domain_of(f->arena, text_of(f, FACT_FROM_ADDRESS)));
	put(f, FACT_DMARC_ORG_DOMAIN, text_of(f, FACT_FROM_DOMAIN));
}

static void follow_header(struct filling *f)
{
	bool has_from = !str_eq(text_of(f, FACT_FROM_STATUS), STR("missing"));
	bool has_date = !str_eq(text_of(f, FACT_DATE_STATUS), STR("missing"));
	if (!has_from || !has_date)
		put(f, FACT_HEADER_MISSING, has_from ? STR("Date") : has_date ? STR("From") : STR("From Date"));
	if (!str_eq(text_of(f, FACT_DATE_STATUS), STR("ok")))
		put(f, FACT_DATE_SKEW_S, STR_EMPTY);
	if (is_true(f, FACT_HEADER_EIGHT_BIT))
		put(f, FACT_HEADER_EIGHT_BIT_FIELD, STR("Subject"));
}

static void follow_results(struct filling *f)
{
	const struct fact_value *dkim = &f->values[FACT_DKIM_RESULT], *dmarc = &f->values[FACT_DMARC_RESULT];
	if (has(f, FACT_DKIM_RESULT) && dkim->result != RESULT_NONE)
		put(f, FACT_DKIM_COUNT, STR("1"));
	if (has(f, FACT_DKIM_RESULT) && dkim->result == RESULT_PASS)
		put(f, FACT_DKIM_PASS_DOMAINS, text_of(f, FACT_FROM_DOMAIN));
	if (has(f, FACT_DMARC_RESULT) && (dmarc->result == RESULT_PASS || dmarc->result == RESULT_FAIL)) {
		put(f, FACT_DMARC_POLICY, STR("none"));
		put(f, FACT_DMARC_RECORD_DOMAIN, text_of(f, FACT_FROM_DOMAIN));
	}
}

static void set_fact(struct facts *facts, enum fact_id id, const struct fact_value *v)
{
	switch (v->state) {
	case FACT_UNSET:
		return;
	case FACT_ABSENT:
		facts_set_absent(facts, id);
		return;
	case FACT_UNKNOWN:
		facts_set_unknown(facts, id, v->reason);
		return;
	case FACT_VALUE:
		break;
	}
	switch (fact_descs[id].type) {
	case TYPE_RESULT:
		facts_set_result(facts, id, v->result);
		break;
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		facts_set_text(facts, id, v->text);
		break;
	case TYPE_IP:
		facts_set_ip(facts, id, v->ip);
		break;
	case TYPE_INT:
		facts_set_int(facts, id, v->number);
		break;
	case TYPE_BOOL:
		facts_set_bool(facts, id, v->truth);
		break;
	case TYPE_LIST:
		facts_set_list(facts, id, v->list.items, v->list.count);
		break;
	}
}

static void set_scope(struct facts *facts, enum fact_scope scope, const struct filling *f)
{
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		if (fact_descs[id].scope == scope)
			set_fact(facts, id, &f->values[id]);
}

static struct facts *recipient_new(struct filling f, const struct facts *message, struct str address)
{
	struct facts *facts = facts_new(f.arena, SCOPE_RCPT, message);
	f.values[FACT_RCPT_TO] = (struct fact_value){ .state = FACT_VALUE, .text = address };
	put(&f, FACT_RCPT_DOMAIN, domain_of(f.arena, address));
	set_scope(facts, SCOPE_RCPT, &f);
	return facts;
}

struct given_facts given_facts_new(struct arena *a, const struct given *g)
{
	struct filling f = { .arena = a };
	struct given_facts out = { .connection = facts_new(a, SCOPE_CONN, NULL) };
	out.message = facts_new(a, SCOPE_MSG, out.connection);
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		f.values[id] = g->values[id];
	follow_client(&f);
	follow_mail(&f);
	follow_author(&f);
	follow_header(&f);
	follow_results(&f);
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		if (fact_descs[id].scope != SCOPE_RCPT)
			put(&f, id, str_of(stranger[id]));
	set_scope(out.connection, SCOPE_CONN, &f);
	set_scope(out.message, SCOPE_MSG, &f);

	struct str one = str_of(stranger[FACT_RCPT_TO]);
	const struct str *addresses = g->recipients.count == 0 ? &one : g->recipients.items;
	out.recipient_count = g->recipients.count == 0 ? 1 : g->recipients.count;
	out.recipients = arena_array(a, out.recipient_count, sizeof(*out.recipients));
	for (size_t i = 0; i < out.recipient_count; i++)
		out.recipients[i] = recipient_new(f, out.message, addresses[i]);
	out.headers = header_list_new(a);
	for (size_t i = 0; i < g->fields.count; i++)
		header_list_add(out.headers, g->fields.items[i].name, g->fields.items[i].value);
	return out;
}

void given_print_stranger(FILE *out)
{
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		if (stranger[id] != NULL)
			fprintf(out, "%s = %s\n", fact_descs[id].name, stranger[id]);
}
