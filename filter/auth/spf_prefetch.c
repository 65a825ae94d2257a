#include "auth/spf.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "auth/spf_dns.h"
#include "base/arena.h"
#include "base/fail.h"
#include "mail/domain.h"

/* Shared by the questions of one prefetch; the last one to be answered frees it. */
struct prefetch {
	_Atomic unsigned refs;
	_Atomic int terms_left; /* over all includes, as in the check (RFC 7208 4.6.4) */
	struct ip client;
};

static dns_follow follow_record, follow_mx;

static void put(struct prefetch *p)
{
	if (atomic_fetch_sub(&p->refs, 1) == 1)
		free(p);
}

static void ask_then(struct dns *dns, struct str name, enum dns_type type, dns_follow *follow, struct prefetch *p)
{
	atomic_fetch_add(&p->refs, 1);
	dns_prefetch_then(dns, name, type, follow, p);
}

static void ask_for_term(struct dns *dns, const struct spf_term *t, struct str name, struct prefetch *p)
{
	switch (t->kind) {
	case TERM_INCLUDE:
	case TERM_REDIRECT:
		ask_then(dns, name, DNS_TXT, follow_record, p);
		break;
	case TERM_A:
		dns_prefetch(dns, name, spf_address_type(p->client));
		break;
	case TERM_MX:
		ask_then(dns, name, DNS_MX, follow_mx, p);
		break;
	case TERM_EXISTS:
		dns_prefetch(dns, name, DNS_A);
		break;
	case TERM_PTR: /* discouraged by the RFC and slow by nature: the check asks, if it gets there */
	case TERM_ALL:
	case TERM_IP4:
	case TERM_IP6:
	case TERM_EXP:
	case TERM_UNKNOWN_MODIFIER:
		break;
	}
}

/* False when the check would not go on behind this term. */
static bool follow_term(struct dns *dns, const struct spf_term *t, struct str domain, struct prefetch *p)
{
	if (spf_term_matches_without_dns(t, p->client))
		return false;
	if (!spf_term_needs_dns(t))
		return true;
	if (atomic_fetch_sub(&p->terms_left, 1) <= 0)
		return false;
	if (str_find(t->spec, '%') < 0) /* macros wait for the check, which knows the sender */
		ask_for_term(dns, t, t->spec.n > 0 ? t->spec : domain, p);
	return true;
}

static void follow_record(struct dns *dns, struct str domain, enum dns_type type, const struct dns_answer *answer,
			  void *context)
{
	(void)type;
	struct prefetch *p = context;
	struct arena *a = arena_new();
	struct str terms, problem;
	if (spf_record_select(answer, &terms) == 1 && spf_record_check(a, terms, &problem)) {
		struct spf_term t, redirect = { .kind = TERM_ALL };
		bool goes_on = true;
		while (goes_on && spf_record_next(&terms, &t)) {
			if (t.kind == TERM_REDIRECT)
				redirect = t;
			else
				goes_on = follow_term(dns, &t, domain, p);
		}
		if (goes_on && redirect.kind == TERM_REDIRECT)
			follow_term(dns, &redirect, domain, p);
	}
	arena_free(a);
	put(p);
}

static void follow_mx(struct dns *dns, struct str name, enum dns_type type, const struct dns_answer *answer,
		      void *context)
{
	(void)name, (void)type;
	struct prefetch *p = context;
	for (size_t i = 0; i < answer->count && i < LIMIT_HOSTS; i++)
		dns_prefetch(dns, answer->records[i].text, spf_address_type(p->client));
	put(p);
}

void spf_prefetch(struct dns *dns, struct str domain, struct ip client)
{
	struct arena *a = arena_new();
	struct str name;
	if (client.family != IP_NONE && domain_normalize(a, domain, &name) && domain_labels(name) > 1) {
		struct prefetch *p = fail_if_null(calloc(1, sizeof(*p)));
		atomic_init(&p->refs, 1);
		atomic_init(&p->terms_left, LIMIT_TERMS);
		p->client = client;
		ask_then(dns, name, DNS_TXT, follow_record, p);
		put(p);
	}
	arena_free(a);
}
