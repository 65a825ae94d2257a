#include "auth/spf.h"

#include "auth/spf_dns.h"
#include "auth/spf_walk.h"
#include "base/arena.h"
#include "base/clock.h"
#include "fact/facts.h"
#include "mail/domain.h"
#include "option/options.h"

enum { SENDER_BYTES_MAX = 1000, HELO_BYTES_MAX = 1000 };

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* The domain is what follows the last '@', and nothing else: a path that other software may read in two
 * ways names no domain here. */
static bool split_sender(struct str sender, struct str *local, struct str *domain)
{
	ptrdiff_t at = str_find_last(sender, '@');
	if (at < 0 || sender.n > SENDER_BYTES_MAX || has_control(sender))
		return false;
	*local = str_sub(sender, 0, (size_t)at);
	*domain = str_skip(sender, (size_t)at + 1);
	bool is_quoted = local->n >= 2 && local->p[0] == '"' && local->p[local->n - 1] == '"';
	if (local->n == 0) /* RFC 7208 4.3 */
		*local = STR("postmaster");
	return is_quoted || str_find(*local, '@') < 0;
}

/* RFC 7208 4.3 */
static bool has_domain(struct arena *a, struct str written, struct str *domain)
{
	struct str name;
	if (written.n > SENDER_BYTES_MAX || !domain_normalize(a, written, &name) || domain_labels(name) < 2)
		return false;
	*domain = name;
	return true;
}

static struct str reason_for(struct arena *a, struct ip client, const struct spf_walk_end *end)
{
	char ip[IP_TEXT_MAX];
	const char *is = "";
	ip_print(client, ip);
	if (end->mechanism.n == 0)
		return str_printf(a, "no term matches %s", ip);
	switch (end->result) {
	case RESULT_PASS:
		is = "is permitted";
		break;
	case RESULT_FAIL:
		is = "is not permitted";
		break;
	case RESULT_SOFTFAIL:
		is = "is probably not permitted";
		break;
	case RESULT_NEUTRAL:
	case RESULT_NONE:
	case RESULT_POLICY:
	case RESULT_TEMPERROR:
	case RESULT_PERMERROR:
	case RESULT_COUNT:
		is = "is neither permitted nor denied";
		break;
	}
	return STR_CONCAT(a, str_of(ip), STR(" "), str_of(is), STR(": "), end->mechanism);
}

static void check_host(struct dns *dns, const struct spf_check *check, int64_t deadline_mono_ms, struct str local,
		       struct spf_verdict *v, struct arena *a)
{
	int64_t own_deadline = clock_mono_ms() + LIMIT_TIME_MS;
	struct spf_query q = {
		.dns = dns,
		.arena = a,
		.deadline_mono_ms = deadline_mono_ms < own_deadline ? deadline_mono_ms : own_deadline,
		.values = { .sender = STR_CONCAT(a, local, STR("@"), v->domain),
			    .local = local, .domain = v->domain,
			    .helo = str_sub(check->helo, 0, HELO_BYTES_MAX), .our_name = check->our_name,
			    .client = check->client },
	};
	struct spf_walk_end end = spf_walk(&q, v->domain);
	v->result = end.result;
	v->mechanism = end.mechanism;
	v->reason = q.is_ended ? q.reason : reason_for(a, check->client, &end);
	v->lookups = q.lookups;
	v->voids = q.voids;
	if (v->result == RESULT_FAIL)
		v->explanation = spf_explain(&q, &end.exp, end.domain);
}

static struct spf_verdict *verdict_new(struct arena *a, const char *identity)
{
	struct spf_verdict *v = ARENA_NEW(a, struct spf_verdict);
	*v = (struct spf_verdict){ .result = RESULT_NONE, .domain = STR_EMPTY, .identity = str_of(identity),
				   .mechanism = STR_EMPTY, .reason = STR_EMPTY, .explanation = STR_EMPTY };
	return v;
}

const struct spf_verdict *spf_check_helo(struct dns *dns, const struct spf_check *check, int64_t deadline_mono_ms,
					 struct arena *a)
{
	struct spf_verdict *v = verdict_new(a, "helo");
	if (check->client.family == IP_NONE)
		v->reason = STR("no client address");
	else if (!has_domain(a, check->helo, &v->domain))
		v->reason = STR("the HELO name is no domain name of two labels or more");
	else
		check_host(dns, check, deadline_mono_ms, STR("postmaster"), v, a);
	return v;
}

const struct spf_verdict *spf_check_mailfrom(struct dns *dns, const struct spf_check *check, int64_t deadline_mono_ms,
					     struct arena *a)
{
	if (check->mail_from.n == 0) /* RFC 7208 2.4 */
		return spf_check_helo(dns, check, deadline_mono_ms, a);
	struct spf_verdict *v = verdict_new(a, "mailfrom");
	struct str local, domain;
	if (check->client.family == IP_NONE)
		v->reason = STR("no client address");
	else if (!split_sender(check->mail_from, &local, &domain))
		v->reason = STR("the sender is no address");
	else if (!has_domain(a, domain, &v->domain))
		v->reason = STR("the sender's domain is no domain name of two labels or more");
	else
		check_host(dns, check, deadline_mono_ms, local, v, a);
	return v;
}

static const struct spf_verdict *verdict_none(struct arena *a, const char *identity, struct str reason)
{
	struct spf_verdict *v = verdict_new(a, identity);
	v->reason = reason;
	return v;
}

static void set_facts(struct facts *facts, const struct spf_verdict *v, const struct spf_verdict *helo)
{
	facts_set_result(facts, FACT_SPF_RESULT, v->result);
	facts_set_text_or_absent(facts, FACT_SPF_DOMAIN, v->domain);
	facts_set_text(facts, FACT_SPF_IDENTITY, v->identity);
	facts_set_text_or_absent(facts, FACT_SPF_REASON, v->reason);
	facts_set_text_or_absent(facts, FACT_SPF_EXPLANATION, v->explanation);
	facts_set_int(facts, FACT_SPF_LOOKUPS, v->lookups);
	facts_set_result(facts, FACT_SPF_HELO_RESULT, helo->result);
}

void probe_spf(struct probe_env *env)
{
	const struct fact_value *ip = facts_get(env->facts, FACT_CLIENT_IP);
	struct spf_check check = {
		.helo = facts_text(env->facts, FACT_HELO_NAME),
		.mail_from = facts_text(env->facts, FACT_MAIL_FROM),
		.our_name = env->options->authserv_id,
	};
	const struct spf_verdict *helo, *mailfrom;
	if (ip->state != FACT_VALUE || facts_is_true(env->facts, FACT_CLIENT_LOCAL)) {
		struct str reason = STR("the message did not come from another host");
		helo = verdict_none(env->arena, "helo", reason);
		mailfrom = check.mail_from.n == 0 ? helo : verdict_none(env->arena, "mailfrom", reason);
	} else {
		struct str local, domain;
		check.client = ip->ip;
		/* Both identities in one wave */
		spf_prefetch(env->dns, check.helo, check.client);
		if (split_sender(check.mail_from, &local, &domain))
			spf_prefetch(env->dns, domain, check.client);
		helo = spf_check_helo(env->dns, &check, env->deadline_mono_ms, env->arena);
		mailfrom = check.mail_from.n == 0
				   ? helo
				   : spf_check_mailfrom(env->dns, &check, env->deadline_mono_ms, env->arena);
	}
	env->results->spf_helo = helo;
	env->results->spf_mailfrom = mailfrom;
	set_facts(env->facts, mailfrom, helo);
}
