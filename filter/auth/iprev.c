#include "auth/iprev.h"

#include "base/arena.h"
#include "dns/dns.h"
#include "mail/domain.h"

/* As in RFC 7208 4.6.4: whoever owns the reverse zone must not choose how much work this is. */
enum { IPREV_NAMES_MAX = 10 };

static enum dns_type forward_type(enum ip_family family)
{
	return family == IP_V4 ? DNS_A : DNS_AAAA;
}

static size_t names_to_follow(const struct dns_answer *ptr)
{
	return ptr->count < IPREV_NAMES_MAX ? ptr->count : IPREV_NAMES_MAX;
}

static bool answer_has(const struct dns_answer *answer, struct ip ip)
{
	for (size_t i = 0; i < answer->count; i++)
		if (ip_eq(answer->records[i].ip, ip))
			return true;
	return false;
}

static const struct iprev_verdict *conclude(struct arena *a, enum result result, struct str name, struct str reason)
{
	struct iprev_verdict *v = ARENA_NEW(a, struct iprev_verdict);
	*v = (struct iprev_verdict){ .result = result, .name = name, .reason = reason };
	return v;
}

/* One name that leads back decides; without one a failed question leaves it open. */
static const struct iprev_verdict *follow_names(struct dns *dns, const struct dns_answer *ptr, struct ip client,
						int64_t deadline_mono_ms, struct arena *a)
{
	struct str open = STR_EMPTY;
	enum dns_status open_status = DNS_OK;
	enum dns_type type = forward_type(client.family);
	for (size_t i = 0; i < names_to_follow(ptr); i++)
		dns_prefetch(dns, ptr->records[i].text, type);
	for (size_t i = 0; i < names_to_follow(ptr); i++) {
		struct str name;
		if (!domain_normalize(a, ptr->records[i].text, &name))
			continue;
		const struct dns_answer *forward = dns_ask(dns, name, type, deadline_mono_ms, a);
		if (answer_has(forward, client))
			return conclude(a, RESULT_PASS, name, STR_EMPTY);
		if (dns_is_temporary(forward->status)) {
			open = name;
			open_status = forward->status;
		}
	}
	if (open.n > 0)
		return conclude(a, RESULT_TEMPERROR, STR_EMPTY,
				str_printf(a, "no answer for %s of %.*s (%s)", dns_type_word(type), STR_ARG(open),
					   dns_status_words[open_status]));
	return conclude(a, RESULT_FAIL, STR_EMPTY, STR("no reverse name leads back to the address"));
}

const struct iprev_verdict *iprev_check(struct dns *dns, struct ip client, int64_t deadline_mono_ms, struct arena *a)
{
	const struct dns_answer *ptr =
		dns_ask(dns, ip_reverse_name(a, client), DNS_PTR, deadline_mono_ms, a);
	if (dns_is_temporary(ptr->status))
		return conclude(a, RESULT_TEMPERROR, STR_EMPTY,
				str_printf(a, "no answer for the reverse name (%s)", dns_status_words[ptr->status]));
	/* RFC 8601 2.7.3 calls it permerror that nothing is published for the address. */
	if (ptr->status != DNS_OK)
		return conclude(a, RESULT_PERMERROR, STR_EMPTY, STR("the address has no reverse name"));
	return follow_names(dns, ptr, client, deadline_mono_ms, a);
}

static void prefetch_names(struct dns *dns, struct str reverse_name, enum dns_type type,
			   const struct dns_answer *ptr, void *context)
{
	(void)type;
	(void)context;
	enum dns_type forward = str_ends_nocase(reverse_name, STR(".in-addr.arpa")) ? DNS_A : DNS_AAAA;
	for (size_t i = 0; i < names_to_follow(ptr); i++)
		dns_prefetch(dns, ptr->records[i].text, forward);
}

void iprev_prefetch(struct dns *dns, struct ip client)
{
	if (client.family == IP_NONE)
		return;
	struct arena *a = arena_new();
	dns_prefetch_then(dns, ip_reverse_name(a, client), DNS_PTR, prefetch_names, NULL);
	arena_free(a);
}

void probe_iprev(struct probe_env *env)
{
	const struct fact_value *client = facts_get(env->facts, FACT_CLIENT_IP);
	if (client->state != FACT_VALUE) {
		facts_set_absent(env->facts, FACT_IPREV_RESULT);
		facts_set_absent(env->facts, FACT_IPREV_NAME);
		return;
	}
	const struct iprev_verdict *v = iprev_check(env->dns, client->ip, env->deadline_mono_ms, env->arena);
	env->results->iprev = v;
	facts_set_result(env->facts, FACT_IPREV_RESULT, v->result);
	facts_set_text_or_absent(env->facts, FACT_IPREV_NAME, v->name);
}
