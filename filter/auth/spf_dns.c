#include "auth/spf_dns.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "mail/domain.h"

void spf_end(struct spf_query *q, enum result result, const char *format, ...)
{
	enum { REASON_BYTES = 400 }; /* more than two shown texts need */
	va_list args;
	if (q->is_ended)
		return;
	q->is_ended = true;
	q->result = result;
	char *reason = arena_alloc(q->arena, REASON_BYTES);
	va_start(args, format);
	vsnprintf(reason, REASON_BYTES, format, args);
	va_end(args);
	q->reason = str_of(reason);
}

bool spf_begin_term(struct spf_query *q, const struct spf_term *t)
{
	if (q->is_ended)
		return false;
	if (++q->lookups <= LIMIT_TERMS)
		return true;
	spf_end(q, RESULT_PERMERROR, "more than %d terms need DNS, at %s", LIMIT_TERMS, spf_shown(q->arena, t->text));
	return false;
}

enum dns_type spf_address_type(struct ip client)
{
	return client.family == IP_V6 ? DNS_AAAA : DNS_A;
}

static const struct dns_answer *ask_quietly(struct spf_query *q, struct str name, enum dns_type type)
{
	return dns_ask(q->dns, name, type, q->deadline_mono_ms, q->arena);
}

const struct dns_answer *spf_ask(struct spf_query *q, struct str name, enum dns_type type)
{
	static const struct dns_answer ended = { .status = DNS_TIMEOUT };
	if (q->is_ended)
		return &ended;
	const struct dns_answer *answer = ask_quietly(q, name, type);
	if (dns_is_temporary(answer->status))
		spf_end(q, RESULT_TEMPERROR, "DNS: %s %s: %s", spf_shown(q->arena, name), dns_type_word(type),
			dns_status_words[answer->status]);
	return answer;
}

/* 4.6.4 speaks of terms whose query finds nothing, so a term counts once, by its own question. */
static void count_void(struct spf_query *q)
{
	if (++q->voids > LIMIT_VOIDS)
		spf_end(q, RESULT_PERMERROR, "more than %d terms name nothing in DNS", LIMIT_VOIDS);
}

const struct dns_answer *spf_ask_target(struct spf_query *q, struct str name, enum dns_type type)
{
	const struct dns_answer *answer = spf_ask(q, name, type);
	if (answer->status == DNS_NXDOMAIN || answer->status == DNS_NODATA)
		count_void(q);
	return answer;
}

static bool answer_has_ip(const struct dns_answer *answer, struct ip ip)
{
	for (size_t i = 0; i < answer->count; i++)
		if (ip_eq(answer->records[i].ip, ip))
			return true;
	return false;
}

/* RFC 7208 5.5: the names of the client that lead back to it. More than ten are ignored, and so are errors:
 * whoever owns the address could break other people's records otherwise. */
static void find_client_names(struct spf_query *q)
{
	if (q->knows_client_names)
		return;
	q->knows_client_names = true;
	struct ip client = q->values.client;
	enum dns_type type = spf_address_type(client);
	const struct dns_answer *ptr = ask_quietly(q, ip_reverse_name(q->arena, client), DNS_PTR);
	size_t count = ptr->count < LIMIT_HOSTS ? ptr->count : LIMIT_HOSTS;
	q->client_has_ptr = ptr->status != DNS_NXDOMAIN && ptr->status != DNS_NODATA;
	for (size_t i = 0; i < count; i++)
		dns_prefetch(q->dns, ptr->records[i].text, type);
	for (size_t i = 0; i < count; i++)
		if (answer_has_ip(ask_quietly(q, ptr->records[i].text, type), client))
			q->client_names[q->client_name_count++] = ptr->records[i].text;
}

bool spf_client_has_name_below(struct spf_query *q, struct str domain)
{
	find_client_names(q);
	if (!q->client_has_ptr)
		count_void(q);
	for (size_t i = 0; i < q->client_name_count; i++)
		if (domain_is_at_or_below(q->client_names[i], domain))
			return true;
	return false;
}

/* %{p} (7.3): the domain itself, else a name below it, else any. */
static struct str client_name_for(struct spf_query *q, struct str domain)
{
	find_client_names(q);
	struct str best = STR_EMPTY;
	int best_rank = 0;
	for (size_t i = 0; i < q->client_name_count; i++) {
		struct str name = q->client_names[i];
		int rank = str_eq_nocase(name, domain) ? 3 : domain_is_at_or_below(name, domain) ? 2 : 1;
		if (rank > best_rank) {
			best = name;
			best_rank = rank;
		}
	}
	return best;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static struct spf_macro_values values_for(struct spf_query *q, struct str text, struct str current)
{
	struct spf_macro_values v = q->values;
	v.current = current;
	if (spf_macro_uses(text, "p"))
		v.client_name = client_name_for(q, current);
	return v;
}

bool spf_target(struct spf_query *q, const struct spf_term *t, struct str current, struct str *name)
{
	*name = current;
	if (t->spec.n == 0)
		return true;
	if (!is_ascii(q->values.local) && spf_macro_uses(t->spec, "sl")) /* RFC 8616 4 */
		return false;
	struct spf_macro_values v = values_for(q, t->spec, current);
	return spf_macro_expand_domain(q->arena, t->spec, &v, name);
}

bool spf_fetch_record(struct spf_query *q, struct str domain, enum result if_missing, struct str *terms)
{
	struct str problem;
	const struct dns_answer *answer = spf_ask(q, domain, DNS_TXT);
	const char *name = spf_shown(q->arena, domain);
	size_t found = spf_record_select(answer, terms);
	if (q->is_ended)
		return false;
	if (found == 0)
		spf_end(q, if_missing, "%s has no SPF record", name);
	else if (found > 1) /* 4.5 */
		spf_end(q, RESULT_PERMERROR, "%s has %zu v=spf1 texts", name, found);
	else if (!spf_record_check(q->arena, *terms, &problem))
		spf_end(q, RESULT_PERMERROR, "record of %s: %.*s", name, STR_ARG(problem));
	return !q->is_ended;
}

struct str spf_explain(struct spf_query *q, const struct spf_term *exp, struct str current)
{
	struct str name, text = STR_EMPTY;
	if (exp->kind != TERM_EXP || !spf_target(q, exp, current, &name))
		return STR_EMPTY;
	const struct dns_answer *answer = ask_quietly(q, name, DNS_TXT);
	if (answer->count != 1) /* 6.2: as if there were no exp= */
		return STR_EMPTY;
	struct spf_macro_values v = values_for(q, answer->records[0].text, current);
	spf_macro_expand_explanation(q->arena, answer->records[0].text, &v, &text);
	return text;
}
