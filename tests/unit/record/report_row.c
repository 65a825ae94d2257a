#include "../test.h"

#include <jansson.h>

#include "auth/results.h"
#include "base/arena.h"
#include "mail/domain.h"
#include "record/member.h"
#include "record/record.h"

/* A message that DMARC fails and nobody refused. */
struct sample {
	struct arena *arena;
	struct facts *facts;
	struct auth_results auth;
	struct spf_verdict spf, helo;
	struct dkim_verdict dkim;
	struct dmarc_verdict dmarc;
	struct policy_effect tag;
	struct record_recipient recipients[3];
	struct record record;
};

static void set_facts(struct sample *s)
{
	struct facts *conn = facts_new(s->arena, SCOPE_CONN, NULL), *f = facts_new(s->arena, SCOPE_MSG, conn);
	struct ip ip;
	assert_true(ip_parse(STR("192.0.2.1"), &ip));
	facts_set_ip(conn, FACT_CLIENT_IP, ip);
	facts_set_text(f, FACT_MAIL_DOMAIN, STR("bounce.example.org"));
	facts_set_text(f, FACT_FROM_DOMAIN, STR("example.org"));
	facts_set_result(f, FACT_SPF_RESULT, RESULT_SOFTFAIL);
	facts_set_text(f, FACT_SPF_DOMAIN, STR("bounce.example.org"));
	facts_set_text(f, FACT_SPF_IDENTITY, STR("mailfrom"));
	facts_set_text(f, FACT_SPF_REASON, STR("~all matched"));
	facts_set_text(f, FACT_DMARC_RECORD_DOMAIN, STR("example.org"));
	facts_set_bool(f, FACT_DMARC_SPF_ALIGNED, false);
	facts_set_bool(f, FACT_DMARC_DKIM_ALIGNED, true);
	facts_set_text(f, FACT_DMARC_P, STR("reject"));
	facts_set_absent(f, FACT_DMARC_SP);
	facts_set_text(f, FACT_DMARC_NP, STR("quarantine"));
	facts_set_text(f, FACT_DMARC_FO, STR("1"));
	facts_set_text(f, FACT_DMARC_ADKIM, STR("s"));
	facts_set_absent(f, FACT_DMARC_ASPF);
	facts_set_bool(f, FACT_DMARC_TESTING, false);
	s->facts = f;
}

static int setup(void **state)
{
	struct sample *s = calloc(1, sizeof(*s));
	s->arena = arena_new();
	set_facts(s);
	s->spf = (struct spf_verdict){ .result = RESULT_SOFTFAIL, .identity = STR("mailfrom") };
	s->helo = (struct spf_verdict){ .result = RESULT_NONE, .identity = STR("helo") };
	s->dkim = (struct dkim_verdict){ .result = RESULT_FAIL, .domain = STR("example.org"), .selector = STR("s2"),
					 .reason = STR("the body was changed") };
	s->dmarc = (struct dmarc_verdict){ .result = RESULT_FAIL, .policy = STR("reject"), .p = STR("reject") };
	s->auth = (struct auth_results){ .spf_mailfrom = &s->spf, .spf_helo = &s->helo, .dkim = &s->dkim,
					 .dkim_count = 1, .dmarc = &s->dmarc };
	s->tag = (struct policy_effect){ .action = ACTION_TAG, .value = STR("spoof") };
	s->recipients[0].address = STR("b@Example.COM");
	s->recipients[1].address = STR("c@example.com");
	s->recipients[2] = (struct record_recipient){ STR("gone@example.net"), { 550, STR("5.1.1"), STR("no") },
						      { "unknown-user", "policies/10.conf", 3 } };
	s->record = (struct record){ .id = STR("1s7xk3m0000000ab"), .stage = STAGE_END, .disposition = "accept",
				     .facts = s->facts, .auth = &s->auth, .recipients = s->recipients,
				     .recipient_count = 3 };
	s->record.decision = (struct decision){ .action = ACTION_REJECT, .from = { "dmarc-reject", "20.conf", 42 },
						.effects = &s->tag, .effect_count = 1 };
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct sample *s = *state;
	arena_free(s->arena);
	free(s);
	return 0;
}

/* ---- a row of a report, made of nothing but the record: conf/README.md has the same table ------------------------ */

static json_t *or_null(const json_t *member)
{
	return member == NULL ? json_null() : json_incref((json_t *)(uintptr_t)member);
}

/* The domains of the recipients that were accepted, each once. */
static json_t *envelope_to(struct arena *a, const json_t *record)
{
	const json_t *one;
	size_t i;
	json_t *seen = json_object(), *list = json_array();
	json_array_foreach(member_at(record, "recipients.list"), i, one)
	{
		struct str address = str_of(member_text(one, "address")), domain;
		ptrdiff_t at = str_find_last(address, '@');
		if (member_at(one, "reply") != NULL || !domain_normalize(a, str_skip(address, (size_t)at + 1), &domain) ||
		    json_object_getn(seen, domain.p, domain.n) != NULL)
			continue;
		json_object_setn_new(seen, domain.p, domain.n, json_true());
		json_array_append_new(list, json_stringn(domain.p, domain.n));
	}
	json_decref(seen);
	return list;
}

static json_t *reasons(const json_t *record)
{
	const json_t *type;
	size_t i;
	json_t *list = json_array();
	json_array_foreach(member_at(record, "dmarc.overrides"), i, type)
	{
		bool is_ours = strcmp(json_string_value(type), "local_policy") == 0;
		json_array_append_new(list, json_pack("{s:O, s:o}", "type", type, "comment",
						      or_null(is_ours ? member_at(record, "decision.rule") : NULL)));
	}
	return list;
}

static const char *passed(const json_t *record, const char *aligned)
{
	return json_is_true(member_at(record, aligned)) ? "pass" : "fail";
}

/* Compact JSON; NULL if the record adds nothing to a report. */
static char *row(struct arena *a, const json_t *record)
{
	const json_t *dmarc = member_at(record, "dmarc"), *spf = member_at(record, "spf");
	if (member_at(dmarc, "disposition") == NULL)
		return NULL;
	json_t *row = json_pack(
		"{s:O, s:{s:O, s:s, s:s, s:o}, s:{s:O, s:o, s:o}, s:{s:O, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o},"
		" s:{s:{s:o, s:O, s:o}, s:o}}",
		"source_ip", member_at(record, "client.ip"),
		"evaluated", "disposition", member_at(dmarc, "disposition"), "dkim", passed(dmarc, "dkim_aligned"),
		"spf", passed(dmarc, "spf_aligned"), "reasons", reasons(record),
		"identifiers", "header_from", member_at(record, "from.domain"), "envelope_from",
		or_null(member_at(record, "mail.domain")), "envelope_to", envelope_to(a, record),
		"published", "domain", member_at(dmarc, "record_domain"), "discovery_method", "treewalk",
		"p", or_null(member_at(dmarc, "p")), "sp", or_null(member_at(dmarc, "sp")),
		"np", or_null(member_at(dmarc, "np")), "fo", or_null(member_at(dmarc, "fo")),
		"adkim", or_null(member_at(dmarc, "adkim")), "aspf", or_null(member_at(dmarc, "aspf")),
		"testing", or_null(member_at(dmarc, "testing")),
		"auth_results", "spf", "domain", or_null(member_at(spf, "domain")), "result", member_at(spf, "result"),
		"human_result", or_null(member_at(spf, "reason")),
		"dkim", or_null(member_at(record, "dkim.signatures")));
	assert_non_null(row);
	char *text = json_dumps(row, JSON_COMPACT);
	json_decref(row);
	return text;
}

static json_t *record_of(const struct sample *s)
{
	json_t *record = member_read_record(record_json(s->arena, &s->record));
	assert_non_null(record);
	return record;
}

static void a_record_has_all_of_a_row(void **state)
{
	struct sample *s = *state;
	json_t *record = record_of(s);
	char *text = row(s->arena, record);
	assert_string_equal(
		text, "{\"source_ip\":\"192.0.2.1\","
		      "\"evaluated\":{\"disposition\":\"reject\",\"dkim\":\"pass\",\"spf\":\"fail\",\"reasons\":[]},"
		      "\"identifiers\":{\"header_from\":\"example.org\",\"envelope_from\":\"bounce.example.org\","
		      "\"envelope_to\":[\"example.com\"]},"
		      "\"published\":{\"domain\":\"example.org\",\"discovery_method\":\"treewalk\",\"p\":\"reject\",\"sp\":null,"
		      "\"np\":\"quarantine\",\"fo\":\"1\",\"adkim\":\"s\",\"aspf\":null,\"testing\":false},"
		      "\"auth_results\":{\"spf\":{\"domain\":\"bounce.example.org\",\"result\":\"softfail\","
		      "\"human_result\":\"~all matched\"},\"dkim\":[{\"domain\":\"example.org\",\"selector\":\"s2\","
		      "\"result\":\"fail\",\"reason\":\"the body was changed\",\"key_bits\":0,\"testing\":false,"
		      "\"covers_body\":false}]}}");
	free(text);
	json_decref(record);
}

static void check_done(struct sample *s, const char *disposition, const char *expected_reasons)
{
	json_t *record = record_of(s), *list = reasons(record);
	char *text = json_dumps(list, JSON_COMPACT);
	assert_string_equal(member_text(record, "dmarc.disposition"), disposition);
	assert_string_equal(text, expected_reasons);
	free(text);
	json_decref(list);
	json_decref(record);
}

static void it_says_what_was_done_instead(void **state)
{
	struct sample *s = *state;
	check_done(s, "reject", "[]");
	s->record.decision.action = ACTION_ACCEPT;
	s->record.decision.from.rule = "mailing lists";
	check_done(s, "none", "[{\"type\":\"local_policy\",\"comment\":\"mailing lists\"}]");
	s->record.decision.action = ACTION_CONTINUE;
	s->record.decision.from.rule = NULL;
	check_done(s, "none", "[{\"type\":\"local_policy\",\"comment\":null}]");
	/* t=y made the policy milder, and a tag stands for the spam folder. */
	s->dmarc.is_testing = true;
	s->dmarc.policy = STR("quarantine");
	s->tag.value = STR("dmarc-quarantine");
	check_done(s, "quarantine", "[{\"type\":\"policy_test_mode\",\"comment\":null}]");
	s->tag.value = STR("spoof");
	s->dmarc.result = RESULT_PASS;
	check_done(s, "pass", "[]");
	s->record.decision.action = ACTION_REJECT;
	s->record.decision.from.rule = "blocked";
	check_done(s, "reject", "[{\"type\":\"local_policy\",\"comment\":\"blocked\"}]");
}

static void without_a_policy_there_is_no_row(void **state)
{
	struct sample *s = *state;
	static const enum result results[] = { RESULT_NONE, RESULT_TEMPERROR, RESULT_PERMERROR };
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		s->dmarc.result = results[i];
		json_t *record = record_of(s);
		assert_null(row(s->arena, record));
		json_decref(record);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_record_has_all_of_a_row),
		T(it_says_what_was_done_instead),
		T(without_a_policy_there_is_no_row),
	};
	return RUN_TESTS(tests);
}
