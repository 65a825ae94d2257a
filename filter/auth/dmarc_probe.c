/* The probe: facts in, facts out. */
#include "auth/dmarc.h"
#include "base/arena.h"

static void set_facts(struct facts *f, const struct dmarc_verdict *v)
{
	bool has_record = v->record_domain.n > 0;
	facts_set_result(f, FACT_DMARC_RESULT, v->result);
	facts_set_text_or_absent(f, FACT_DMARC_POLICY, v->policy);
	facts_set_text_or_absent(f, FACT_DMARC_REASON, v->reason);
	facts_set_text_or_absent(f, FACT_DMARC_RECORD_DOMAIN, v->record_domain);
	facts_set_text_or_absent(f, FACT_DMARC_ORG_DOMAIN, v->org_domain);
	facts_set_bool(f, FACT_DMARC_SPF_ALIGNED, v->spf_aligned);
	facts_set_bool(f, FACT_DMARC_DKIM_ALIGNED, v->dkim_aligned);
	facts_set_text_or_absent(f, FACT_DMARC_ADKIM, v->adkim);
	facts_set_text_or_absent(f, FACT_DMARC_ASPF, v->aspf);
	facts_set_text_or_absent(f, FACT_DMARC_P, v->p);
	facts_set_text_or_absent(f, FACT_DMARC_SP, v->sp);
	facts_set_text_or_absent(f, FACT_DMARC_NP, v->np);
	facts_set_text_or_absent(f, FACT_DMARC_FO, v->fo);
	if (has_record)
		facts_set_bool(f, FACT_DMARC_TESTING, v->is_testing);
	else
		facts_set_absent(f, FACT_DMARC_TESTING);
	if (v->rua_count > 0)
		facts_set_list(f, FACT_DMARC_RUA, v->rua, v->rua_count);
	else
		facts_set_absent(f, FACT_DMARC_RUA);
}

/* RFC 9989 works on exactly one author domain; a message without one must never look authenticated. */
static const struct dmarc_verdict *refuse_author(struct probe_env *env)
{
	struct dmarc_verdict *v = ARENA_NEW(env->arena, struct dmarc_verdict);
	struct str status = facts_text(env->facts, FACT_FROM_STATUS);
	v->result = RESULT_PERMERROR;
	v->reason = str_eq(status, STR("several"))     ? STR("From names several authors")
		    : str_eq(status, STR("malformed")) ? STR("From is malformed")
						       : STR("there is no From");
	return v;
}

/* With the null sender SPF checked postmaster@HELO; a HELO name counts for nothing else (RFC 9989 4.4.2). */
static const struct spf_verdict *spf_identity(const struct probe_env *env)
{
	const struct auth_results *r = env->results;
	if (r->spf_mailfrom == NULL && facts_is_true(env->facts, FACT_MAIL_NULL))
		return r->spf_helo;
	return r->spf_mailfrom;
}

void probe_dmarc(struct probe_env *env)
{
	struct dmarc_check check = {
		.author_domain = facts_text(env->facts, FACT_FROM_DOMAIN),
		.spf = spf_identity(env),
		.dkim = env->results->dkim,
		.dkim_count = env->results->dkim_count,
		.log = env->log,
	};
	bool is_clear = str_eq(facts_text(env->facts, FACT_FROM_STATUS), STR("ok")) && check.author_domain.n > 0;
	env->results->dmarc = is_clear ? dmarc_evaluate(env->dns, &check, env->deadline_mono_ms, env->arena)
				       : refuse_author(env);
	set_facts(env->facts, env->results->dmarc);
}
