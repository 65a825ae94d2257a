/* A policy file: libconfig's text, rules, lists and tests; then what the rules decide on a plain message. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "policy/given.h"
#include "policy/workflow.h"

/* libconfig loses a text that stands where it finds a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig\n";
}

static void check_reply(const struct reply *reply, int class)
{
	BUG_IF(reply->code / 100 != class || reply->enhanced.n < 5 || reply->enhanced.p[0] != '0' + class);
	BUG_IF(reply->text.n == 0 || reply->text.n > REPLY_TEXT_MAX);
	for (size_t i = 0; i < reply->text.n; i++)
		BUG_IF(!char_is_printable(reply->text.p[i]));
}

static void check_decision(const struct decision *d, enum stage stage)
{
	const struct action_desc *action = &action_descs[d->action];
	BUG_IF(d->action != ACTION_CONTINUE && (!action->is_final || d->from.rule == NULL));
	BUG_IF(stage < action->first || stage > action->last);
	if (action->reply_class != 0)
		check_reply(&d->reply, action->reply_class);
	for (size_t i = 0; i < d->effect_count; i++)
		BUG_IF(action_descs[d->effects[i].action].is_final || d->effects[i].from.rule == NULL);
}

static void ignore_trace(void *context, const struct rule_trace *t)
{
	(void)context;
	BUG_IF(t->rule.rule == NULL || t->why.n == 0);
}

static void judge(const struct policy *p, struct arena *a)
{
	static const struct given nothing;
	struct given_facts facts = given_facts_new(a, &nothing);
	facts_set_result(facts.message, FACT_SPF_RESULT, RESULT_FAIL);
	facts_set_unknown(facts.message, FACT_DKIM_RESULT, STR("nobody answers"));
	for (enum stage stage = STAGE_CONNECT; stage < STAGE_COUNT; stage++) {
		const struct facts *about = stage == STAGE_RCPT ? facts.recipients[0] : facts.message;
		struct decision d = policy_eval(p, stage, about, (const struct facts *const *)facts.recipients,
						stage == STAGE_END ? facts.recipient_count : 0, a, ignore_trace, NULL);
		check_decision(&d, stage);
		/* Without a trace only rules that can hold are asked. */
		struct decision quick = policy_eval(p, stage, about, (const struct facts *const *)facts.recipients,
						    stage == STAGE_END ? facts.recipient_count : 0, a, NULL, NULL);
		BUG_IF(quick.action != d.action || quick.from.line != d.from.line || quick.effect_count != d.effect_count ||
		       quick.observed_count != d.observed_count);
	}
}

static void check_sending(const struct decision *d, const struct policy *p)
{
	if (d->action == ACTION_CONTINUE)
		return;
	BUG_IF(d->action != ACTION_REJECT && d->action != ACTION_DEFER);
	BUG_IF(d->from.rule == NULL || d->from.file == NULL || d->from.line <= 0);
	check_reply(&d->reply, d->action == ACTION_REJECT ? 5 : 4);
	BUG_IF(!policy_decides_at(p, STAGE_MAIL));
}

/* A message that brings all that a workflow can ask about; what a good policy holds must fit together. */
static void send(const struct policy *p, const struct workflow *w, struct arena *a)
{
	static const struct given nothing;
	struct given_facts facts = given_facts_new(a, &nothing);
	facts_set_text(facts.message, FACT_AUTH_LOGIN, STR("billing-app"));
	facts_set_text(facts.message, FACT_TLS_VERSION, STR("TLSv1.2"));
	header_list_add(facts.headers, STR("Reply-To"), STR(" a@example.org, (x) <b@example.org>"));
	header_list_add(facts.headers, STR("Sender"), STR(" a@example.org"));
	const struct workflow *found = workflow_match(p, facts.message, a);
	BUG_IF(found != NULL && policy_workflow_count(p) == 0);
	w = w == NULL ? found : w;
	workflow_trace(p, w, facts.message, a, ignore_trace, NULL);
	const struct limits *limits = limits_for(p, w, facts.message, a);
	BUG_IF(limits == NULL ? w != NULL : limits->place.rule == NULL);
	struct decision mail = workflow_judge(p, w, STAGE_MAIL, facts.message, NULL, a);
	struct decision headers = workflow_judge(p, w, STAGE_HEADERS, facts.message, facts.headers, a);
	check_sending(&mail, p);
	check_sending(&headers, p);
	bool is_good = w != NULL && mail.action == ACTION_CONTINUE && headers.action == ACTION_CONTINUE;
	BUG_IF(is_good && (!facts_is_true(facts.message, FACT_IDENTITY_FROM) ||
			   !facts_is_true(facts.message, FACT_IDENTITY_MAIL_FROM) ||
			   !facts_is_true(facts.message, FACT_IDENTITY_SENDER) ||
			   !facts_is_true(facts.message, FACT_IDENTITY_REPLY_TO)));
	BUG_IF(is_good && facts_get(facts.message, FACT_WORKFLOW_OWNER)->state == FACT_VALUE);
}

static void send_all(const struct policy *p, struct arena *a)
{
	send(p, NULL, a);
	for (size_t i = 0; i < policy_workflow_count(p); i++) {
		const struct workflow *w = policy_workflow_at(p, i);
		BUG_IF(w->place.rule == NULL || w->sign_count > WORKFLOW_SIGN_MAX || (w->signs_bounces && w->sign_count == 0));
		for (size_t k = 0; k < w->sign_count; k++)
			BUG_IF(w->sign[k].domain.n == 0 || w->sign[k].key.n == 0 || w->sign[k].key.p[0] == '.' ||
			       str_find(w->sign[k].key, '/') >= 0);
		send(p, w, a);
	}
}

static void load_and_judge(const char *path)
{
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	FILE *nowhere = fopen("/dev/null", "we");
	BUG_IF(nowhere == NULL);
	const struct policy *p = policy_load_files(a, &path, 1, diags);
	diags_print(diags, nowhere);
	if (diags_errors(diags) == 0) {
		judge(p, a);
		send_all(p, a);
		policy_run_tests(p, true, nowhere);
	}
	fclose(nowhere);
	diags_free(diags);
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd = memfd_create("policy", MFD_CLOEXEC);
	BUG_IF(fd < 0 || fchmod(fd, 0600) != 0);
	BUG_IF(size > 0 && write(fd, data, size) != (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	load_and_judge(path);
	close(fd);
	return 0;
}
