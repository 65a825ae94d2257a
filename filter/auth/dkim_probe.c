#include "auth/dkim.h"

#include "base/arena.h"

/* From the most telling to the least: what a message's signatures are worth together. */
static const enum result order[] = {
	RESULT_PASS, RESULT_TEMPERROR, RESULT_FAIL, RESULT_POLICY, RESULT_NEUTRAL, RESULT_PERMERROR,
};

static enum result best_result(const struct dkim_verdict *list, size_t count)
{
	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++)
		for (size_t i = 0; i < count; i++)
			if (list[i].result == order[o])
				return order[o];
	return RESULT_NONE;
}

static bool has_item(const struct str *items, size_t count, struct str item)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(items[i], item))
			return true;
	return false;
}

/* A domain answers for the whole message: a signature that leaves the end of the body open is not listed. */
static void set_pass_domains(struct probe_env *env, const struct dkim_verdict *list, size_t count)
{
	struct str *domains = arena_array(env->arena, count, sizeof(*domains));
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (list[i].result == RESULT_PASS && list[i].covers_body && !has_item(domains, n, list[i].domain))
			domains[n++] = list[i].domain;
	if (n == 0)
		facts_set_absent(env->facts, FACT_DKIM_PASS_DOMAINS);
	else
		facts_set_list(env->facts, FACT_DKIM_PASS_DOMAINS, domains, n);
}

static struct str first_reason(const struct dkim_verdict *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].result != RESULT_PASS)
			return list[i].reason;
	return STR_EMPTY;
}

void probe_dkim(struct probe_env *env)
{
	const struct dkim_verdict *list = NULL;
	size_t count = 0, skipped = 0;
	if (env->dkim != NULL)
		auth_dkim_verify_end(env->dkim, env->deadline_mono_ms, &list, &count, &skipped);
	env->results->dkim = list;
	env->results->dkim_count = count;
	env->results->dkim_skipped = skipped;
	facts_set_result(env->facts, FACT_DKIM_RESULT, best_result(list, count));
	facts_set_int(env->facts, FACT_DKIM_COUNT, (int64_t)(count + skipped));
	set_pass_domains(env, list, count);
	facts_set_text_or_absent(env->facts, FACT_DKIM_REASON, first_reason(list, count));
}
