#include "../test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/rand.h"
#include "record/record.h"
#include "record/schema.h"

/* A message from a stranger that DMARC refuses, with everything a record can hold. */
struct sample {
	struct arena *arena;
	struct facts *conn, *msg;
	struct auth_results auth;
	struct spf_verdict spf, helo;
	struct dkim_verdict dkim[2];
	struct dmarc_verdict dmarc;
	struct iprev_verdict iprev;
	struct policy_effect effects[3];
	struct policy_observed observed[1];
	struct record_recipient recipients[2];
	struct record record;
};

static const struct str rua[] = { { "mailto:dmarc@example.org", 24 } };

static void set_auth(struct sample *s)
{
	s->spf = (struct spf_verdict){ .result = RESULT_SOFTFAIL, .domain = STR("bounce.example.org"),
				       .identity = STR("mailfrom"), .mechanism = STR("~all"), .reason = STR("~all matched"), .lookups = 3 };
	s->helo = (struct spf_verdict){ .result = RESULT_NONE, .domain = STR("mx.example.net"),
					.identity = STR("helo") };
	s->dkim[0] = (struct dkim_verdict){ .result = RESULT_PASS, .domain = STR("example.net"), .selector = STR("s1"),
					    .algorithm = STR("rsa-sha256"), .signature = STR("abcdefgh"),
					    .key_bits = 2048, .covers_body = true };
	s->dkim[1] = (struct dkim_verdict){ .result = RESULT_FAIL, .domain = STR("example.org"), .selector = STR("s2"),
					    .identity = STR("@example.org"), .algorithm = STR("ed25519-sha256"),
					    .signature = STR("ijklmnop"), .reason = STR("the body was changed") };
	s->dmarc = (struct dmarc_verdict){ .result = RESULT_FAIL, .policy = STR("reject"),
					   .reason = STR("DKIM pass for example.net is not aligned"),
					   .record_domain = STR("example.org"), .org_domain = STR("example.org"),
					   .p = STR("reject"), .np = STR("reject"), .adkim = STR("s"),
					   .fo = STR("1"), .rua = rua, .rua_count = 1 };
	s->iprev = (struct iprev_verdict){ .result = RESULT_FAIL, .reason = STR("no reverse name leads back") };
	s->auth = (struct auth_results){ .spf_mailfrom = &s->spf, .spf_helo = &s->helo, .dkim = s->dkim,
					 .dkim_count = 2, .dkim_skipped = 1, .dmarc = &s->dmarc, .iprev = &s->iprev };
}

static void set_facts(struct sample *s)
{
	struct ip ip;
	assert_true(ip_parse(STR("192.0.2.1"), &ip));
	s->conn = facts_new(s->arena, SCOPE_CONN, NULL);
	s->msg = facts_new(s->arena, SCOPE_MSG, s->conn);
	facts_set_ip(s->conn, FACT_CLIENT_IP, ip);
	facts_set_text(s->conn, FACT_CLIENT_NAME, STR("mx.example.net"));
	facts_set_int(s->conn, FACT_CLIENT_PORT, 40000);
	facts_set_bool(s->conn, FACT_CLIENT_TRUSTED, false);
	facts_set_text(s->conn, FACT_HELO_NAME, STR("mx.example.net"));
	facts_set_result(s->conn, FACT_IPREV_RESULT, RESULT_FAIL);
	facts_set_absent(s->msg, FACT_AUTH_LOGIN);
	facts_set_text(s->msg, FACT_MAIL_FROM, STR("a@bounce.example.org"));
	facts_set_text(s->msg, FACT_MAIL_DOMAIN, STR("bounce.example.org"));
	facts_set_text(s->msg, FACT_FROM_STATUS, STR("ok"));
	facts_set_text(s->msg, FACT_FROM_ADDRESS, STR("ceo@example.org"));
	facts_set_text(s->msg, FACT_FROM_DOMAIN, STR("example.org"));
	facts_set_text(s->msg, FACT_MESSAGE_QUEUE_ID, STR("4bQ2rT0x1z"));
	facts_set_result(s->msg, FACT_SPF_RESULT, RESULT_SOFTFAIL);
	facts_set_text(s->msg, FACT_SPF_DOMAIN, s->spf.domain);
	facts_set_text(s->msg, FACT_SPF_IDENTITY, s->spf.identity);
	facts_set_text(s->msg, FACT_SPF_REASON, s->spf.reason);
	facts_set_int(s->msg, FACT_SPF_LOOKUPS, s->spf.lookups);
	facts_set_result(s->msg, FACT_SPF_HELO_RESULT, RESULT_NONE);
	facts_set_result(s->msg, FACT_DKIM_RESULT, RESULT_PASS);
	facts_set_result(s->msg, FACT_DMARC_RESULT, RESULT_FAIL);
	facts_set_text(s->msg, FACT_DMARC_POLICY, STR("reject"));
	facts_set_list(s->msg, FACT_DMARC_RUA, rua, 1);
	facts_set_text(s->msg, FACT_DMARC_REASON, s->dmarc.reason);
	facts_set_text(s->msg, FACT_DMARC_RECORD_DOMAIN, STR("example.org"));
	facts_set_text(s->msg, FACT_DMARC_P, STR("reject"));
	facts_set_text(s->msg, FACT_DMARC_ADKIM, STR("s"));
	facts_set_unknown(s->msg, FACT_HEADER_SUBJECT, STR("not looked at"));
}

static int setup(void **state)
{
	static const struct rule_place tagger = { "watch", "policies/30-watch.conf", 7 };
	struct sample *s = calloc(1, sizeof(*s));
	s->arena = arena_new();
	set_auth(s);
	set_facts(s);
	s->effects[0] = (struct policy_effect){ ACTION_TAG, STR_EMPTY, STR("spoof"), tagger };
	s->effects[1] = (struct policy_effect){ ACTION_LOG, STR_EMPTY, STR("seen example.org"), tagger };
	s->effects[2] = (struct policy_effect){ ACTION_ADD_HEADER, STR("X-Spoof"), STR("yes"), tagger };
	s->observed[0] = (struct policy_observed){ ACTION_REJECT, { 550, STR("5.7.23"), STR("SPF") },
						   { "spf-watch", "policies/30-watch.conf", 12 } };
	s->recipients[0] = (struct record_recipient){ .address = STR("b@Example.COM") };
	s->recipients[1] = (struct record_recipient){ .address = STR("gone@example.com"),
						      .reply = { 550, STR("5.1.1"), STR("no such user") },
						      .from = { "unknown-user", "policies/10.conf", 3 } };
	s->record = (struct record){
		.id = STR("1s7xk3m0000000ab"),
		.unix_ms = 1780315200123,
		.stage = STAGE_END,
		.disposition = "reject",
		.facts = s->msg,
		.auth = &s->auth,
		.decision = { .action = ACTION_REJECT, .from = { "dmarc-reject", "policies/20-inbound.conf", 42 },
			      .effects = s->effects, .effect_count = 3, .observed = s->observed, .observed_count = 1 },
		.reply = { 550, STR("5.7.26"), STR("example.org asks to refuse \"this\"") },
		.recipients = s->recipients,
		.recipient_count = 2,
		.stage_us = { [STAGE_CONNECT] = 120, [STAGE_END] = 3456 },
		.dns_wait_us = 2000,
		.generation = 3,
	};
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

static json_t *parsed(struct sample *s)
{
	struct str line = record_json(s->arena, &s->record);
	json_error_t error;
	assert_true(line.n <= RECORD_MAX_BYTES);
	for (size_t i = 0; i < line.n; i++)
		assert_true(char_is_printable(line.p[i]));
	json_t *root = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (root == NULL)
		fail_msg("%s at %d of %.*s", error.text, error.position, STR_ARG(line));
	return root;
}

/* One member as compact JSON, its path with dots and numbers. */
static void check(json_t *root, const char *path, const char *expected)
{
	const json_t *at = root;
	char *copy = strdup(path), *save = NULL;
	for (char *part = strtok_r(copy, ".", &save); part != NULL; part = strtok_r(NULL, ".", &save))
		at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part)) : json_object_get(at, part);
	free(copy);
	char *shown = at == NULL ? strdup("(missing)")
				 : json_dumps(at, JSON_COMPACT | JSON_ENCODE_ANY);
	if (strcmp(shown, expected) != 0)
		fail_msg("%s is %s, want %s", path, shown, expected);
	free(shown);
}

static void json_tells_the_decision(void **state)
{
	json_t *root = parsed(*state);
	check(root, "v", "1");
	check(root, "id", "\"1s7xk3m0000000ab\"");
	check(root, "time", "\"2026-06-01T12:00:00.123Z\"");
	check(root, "unix_ms", "1780315200123");
	check(root, "generation", "3");
	check(root, "stage", "\"end\"");
	check(root, "disposition", "\"reject\"");
	check(root, "reply", "{\"code\":550,\"enhanced\":\"5.7.26\","
			     "\"text\":\"example.org asks to refuse \\\"this\\\"\"}");
	check(root, "decision",
	      "{\"action\":\"reject\",\"rule\":\"dmarc-reject\",\"file\":\"policies/20-inbound.conf\",\"line\":42,"
	      "\"unknown\":false,\"tags\":[\"spoof\"],\"logs\":[\"seen example.org\"],"
	      "\"headers\":[{\"name\":\"X-Spoof\",\"value\":\"yes\",\"rule\":\"watch\"}],"
	      "\"observed\":[{\"rule\":\"spf-watch\",\"file\":\"policies/30-watch.conf\",\"line\":12,"
	      "\"action\":\"reject\",\"reply\":{\"code\":550,\"enhanced\":\"5.7.23\",\"text\":\"SPF\"}}]}");
	check(root, "recipients",
	      "{\"count\":2,\"list\":[{\"address\":\"b@Example.COM\"},"
	      "{\"address\":\"gone@example.com\",\"reply\":{\"code\":550,\"enhanced\":\"5.1.1\","
	      "\"text\":\"no such user\"},\"rule\":\"unknown-user\",\"file\":\"policies/10.conf\",\"line\":3}]}");
	check(root, "us", "{\"connect\":120,\"end\":3456,\"dns_wait\":2000}");
	check(root, "truncated", "(missing)");
	json_decref(root);
}

static void json_has_every_fact_under_its_name(void **state)
{
	json_t *root = parsed(*state);
	check(root, "client", "{\"ip\":\"192.0.2.1\",\"name\":\"mx.example.net\",\"port\":40000,\"trusted\":false}");
	check(root, "spf.result", "\"softfail\"");
	check(root, "dmarc.rua", "[\"mailto:dmarc@example.org\"]");
	check(root, "header", "{\"subject\":{\"unknown\":\"not looked at\"}}");
	json_decref(root);
}

/* One without text, without list, without object. */
static void json_leaves_out_what_is_absent(void **state)
{
	struct sample *s = *state;
	s->record.decision = (struct decision){ .action = ACTION_CONTINUE };
	s->record.reply = (struct reply){ 0 };
	s->record.recipient_count = 0;
	s->auth.dkim_count = s->auth.dkim_skipped = 0;
	facts_set_list(s->msg, FACT_HEADER_MISSING, NULL, 0);
	facts_set_text(s->msg, FACT_MAIL_FROM, STR_EMPTY);
	json_t *root = parsed(s);
	check(root, "decision", "{\"action\":\"continue\",\"unknown\":false}");
	check(root, "reply", "(missing)");
	check(root, "recipients", "{\"count\":0}");
	check(root, "auth", "(missing)");
	check(root, "tls", "(missing)");
	check(root, "header.missing", "(missing)");
	check(root, "dkim", "{\"result\":\"pass\"}");
	check(root, "mail.from", "\"\"");
	json_decref(root);
}

static void json_tells_what_authentication_found(void **state)
{
	struct sample *s = *state;
	json_t *root = parsed(s);
	check(root, "dkim.signatures.0",
	      "{\"domain\":\"example.net\",\"selector\":\"s1\",\"algorithm\":\"rsa-sha256\",\"signature\":\"abcdefgh\","
	      "\"result\":\"pass\",\"key_bits\":2048,\"testing\":false,\"covers_body\":true}");
	check(root, "dkim.signatures.1",
	      "{\"domain\":\"example.org\",\"selector\":\"s2\",\"identity\":\"@example.org\","
	      "\"algorithm\":\"ed25519-sha256\",\"signature\":\"ijklmnop\",\"result\":\"fail\","
	      "\"reason\":\"the body was changed\",\"key_bits\":0,\"testing\":false,\"covers_body\":false}");
	check(root, "dkim.skipped", "1");
	check(root, "spf", "{\"result\":\"softfail\",\"domain\":\"bounce.example.org\",\"identity\":\"mailfrom\","
			   "\"reason\":\"~all matched\",\"lookups\":3,\"helo_result\":\"none\",\"mechanism\":\"~all\","
			   "\"voids\":0,\"helo\":{\"domain\":\"mx.example.net\",\"lookups\":0,\"voids\":0}}");
	check(root, "iprev.reason", "\"no reverse name leads back\"");
	json_decref(root);
	s->auth.spf_helo = s->auth.spf_mailfrom; /* as with <> */
	root = parsed(s);
	check(root, "spf.helo", "(missing)");
	json_decref(root);
}

/* Members of our own must never meet a fact, nor a group of facts one of them. */
static void no_member_has_the_name_of_a_fact(void **state)
{
	(void)state;
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		struct str member = str_of(member_descs[i].path);
		for (enum fact_id id = 0; id < FACT_COUNT; id++) {
			struct str rest = str_of(fact_descs[id].name);
			if (!str_starts(rest, member))
				continue;
			rest = str_skip(rest, member.n);
			if (rest.n == 0 || rest.p[0] == '.')
				fail_msg("%s and %s", fact_descs[id].name, member_descs[i].path);
		}
	}
}

static void hostile_bytes_become_valid_json(void **state)
{
	struct sample *s = *state;
	facts_set_text(s->msg, FACT_HEADER_SUBJECT, STR("a\xff\"\\\n\0\x7f \xc3\xa4\xed\xa0\x80\xf0\x9f\x98\x80\xc3"));
	json_t *root = parsed(s);
	const json_t *subject = json_object_get(json_object_get(root, "header"), "subject");
	struct str got = { json_string_value(subject), json_string_length(subject) };
	struct str want = STR("a\xef\xbf\xbd\"\\\n\0\xef\xbf\xbd \xc3\xa4"
			      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd");
	assert_true(str_eq(got, want));
	json_decref(root);
}

static void a_record_stays_within_its_size(void **state)
{
	struct sample *s = *state;
	enum { MANY = 1500, HUGE_BYTES = 16384 };
	char *junk = malloc(HUGE_BYTES);
	memset(junk, 0xff, HUGE_BYTES);
	struct str huge = { junk, HUGE_BYTES };
	struct str *names = arena_array(s->arena, MANY, sizeof(*names));
	struct record_recipient *recipients = arena_array(s->arena, MANY, sizeof(*recipients));
	struct dkim_verdict *signatures = arena_array(s->arena, MANY, sizeof(*signatures));
	struct policy_effect *effects = arena_array(s->arena, MANY, sizeof(*effects));
	struct policy_observed *observed = arena_array(s->arena, MANY, sizeof(*observed));
	struct rule_place place = { str_to_c(s->arena, huge), str_to_c(s->arena, huge), 1 };
	for (size_t i = 0; i < MANY; i++) {
		names[i] = huge;
		recipients[i] = (struct record_recipient){ huge, { 550, huge, huge }, place };
		signatures[i] = (struct dkim_verdict){ RESULT_PASS, huge, huge, huge, huge, huge, 0, true, true, huge };
		effects[i] = (struct policy_effect){ ACTION_ADD_HEADER, huge, huge, place };
		observed[i] = (struct policy_observed){ ACTION_DEFER, { 450, huge, huge }, place };
	}
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		struct facts *f = fact_descs[id].scope == SCOPE_CONN ? s->conn : s->msg;
		enum fact_type type = fact_descs[id].type;
		if (fact_descs[id].scope == SCOPE_RCPT)
			continue;
		if (type == TYPE_LIST)
			facts_set_list(f, id, names, 20);
		else if (type == TYPE_STRING || type == TYPE_ADDRESS || type == TYPE_DOMAIN)
			facts_set_text(f, id, huge);
		else
			facts_set_unknown(f, id, huge);
	}
	s->spf = s->helo = (struct spf_verdict){ RESULT_FAIL, huge, huge, huge, huge, huge, 1, 1 };
	s->dmarc = (struct dmarc_verdict){ RESULT_FAIL, huge, huge, huge, huge, false, false, false, huge, huge,
					   huge, huge, huge, huge, huge, true, names, MANY };
	s->auth.dkim = signatures;
	s->auth.dkim_count = MANY;
	s->record.recipients = recipients;
	s->record.recipient_count = MANY;
	s->record.id = s->record.decision.reason = huge;
	s->record.reply = (struct reply){ 550, huge, huge };
	s->record.decision.from = place;
	s->record.decision.effects = effects;
	s->record.decision.observed = observed;
	s->record.decision.effect_count = s->record.decision.observed_count = MANY;
	json_t *root = parsed(s);
	check(root, "truncated", "true");
	check(root, "recipients.count", "1500");
	assert_true(record_text(s->arena, &s->record).n < 40000);
	json_decref(root);
	free(junk);
}

static void text_is_one_line_of_fields(void **state)
{
	struct sample *s = *state;
	assert_str(record_text(s->arena, &s->record),
		   "4bQ2rT0x1z: reject: stage=end client=mx.example.net[192.0.2.1] code=550 esc=5.7.26 "
		   "rule=dmarc-reject from=<a@bounce.example.org> author=example.org helo=mx.example.net rcpts=2 "
		   "spf=softfail dkim=pass dmarc=fail tags=spoof observed=spf-watch id=1s7xk3m0000000ab");
}

static void text_of_a_refused_connection_is_short(void **state)
{
	struct sample *s = *state;
	struct ip ip;
	assert_true(ip_parse(STR("2001:db8::1"), &ip));
	struct facts *f = facts_new(s->arena, SCOPE_CONN, NULL);
	facts_set_ip(f, FACT_CLIENT_IP, ip);
	facts_set_absent(f, FACT_CLIENT_NAME);
	struct record r = { .id = STR("x"), .stage = STAGE_CONNECT, .disposition = "defer", .facts = f,
			    .reply = { 421, STR("4.3.2"), STR("busy") } };
	assert_str(record_text(s->arena, &r),
		   "NOQUEUE: defer: stage=connect client=unknown[2001:db8::1] code=421 esc=4.3.2 rule=- id=x");
	s->record = r;
	json_t *root = parsed(s);
	check(root, "decision.rule", "(missing)");
	check(root, "spf", "(missing)");
	json_decref(root);
}

static void fields_cannot_be_forged(void **state)
{
	struct sample *s = *state;
	facts_set_text(s->msg, FACT_MAIL_FROM, STR("a b=c> client=x[198.51.100.1]\r\n\\x20\x01\xff@d"));
	facts_set_text(s->conn, FACT_CLIENT_NAME, STR("evil[198.51.100.2]"));
	facts_set_text(s->conn, FACT_HELO_NAME, STR("x id=1"));
	facts_set_text(s->msg, FACT_MESSAGE_QUEUE_ID, STR("Q: accept: x"));
	assert_str(record_text(s->arena, &s->record),
		   "Q:\\x20accept:\\x20x: reject: stage=end client=evil\\x5b198.51.100.2\\x5d[192.0.2.1] code=550 "
		   "esc=5.7.26 rule=dmarc-reject "
		   "from=<a\\x20b\\x3dc\\x3e\\x20client\\x3dx\\x5b198.51.100.1\\x5d\\x0d\\x0a\\x5cx20\\x01\\xff@d> "
		   "author=example.org helo=x\\x20id\\x3d1 rcpts=2 spf=softfail dkim=pass dmarc=fail tags=spoof "
		   "observed=spf-watch id=1s7xk3m0000000ab");
}

static struct str explained(struct sample *s, struct str json, bool expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(record_explain(json, out), expected);
	fclose(out);
	struct str copy = str_dup(s->arena, (struct str){ text, size });
	free(text);
	return copy;
}

static void a_record_explains_itself(void **state)
{
	struct sample *s = *state;
	facts_set_text(s->msg, FACT_HEADER_MESSAGE_ID, STR("<\x1b[2J\xc3\xa4@x>"));
	assert_str(explained(s, record_json(s->arena, &s->record), true),
		   "Record     1s7xk3m0000000ab of 2026-06-01T12:00:00.123Z, Gatepost " GATEPOST_VERSION
		   ", configuration 3\n"
		   "Decision   rejected at stage end: rule dmarc-reject (policies/20-inbound.conf:42)\n"
		   "Told       550 5.7.26 example.org asks to refuse \"this\"\n"
		   "Client     mx.example.net [192.0.2.1], HELO mx.example.net, no TLS, no login\n"
		   "Envelope   from <a@bounce.example.org>, 2 recipient(s)\n"
		   "Recipient  <b@Example.COM>: accepted\n"
		   "Recipient  <gone@example.com>: 550 5.1.1 no such user, by rule unknown-user (policies/10.conf:3)\n"
		   "Message    queue id 4bQ2rT0x1z, author ceo@example.org (From is ok), "
		   "Message-ID <\\x1b[2J\\xc3\\xa4@x>\n"
		   "iprev      fail: no reverse name leads back\n"
		   "SPF        softfail for bounce.example.org (envelope sender): ~all matched\n"
		   "SPF        none for mx.example.net (HELO): no record\n"
		   "DKIM       pass for d=example.net s=s1 a=rsa-sha256\n"
		   "DKIM       fail for d=example.org s=s2 a=ed25519-sha256: the body was changed\n"
		   "DMARC      fail: DKIM pass for example.net is not aligned\n"
		   "           record at _dmarc.example.org: p=reject sp=- np=- adkim=s aspf=r\n"
		   "           example.org asks for: reject\n"
		   "Tag        spoof\n"
		   "Log        seen example.org\n"
		   "Header     X-Spoof: yes\n"
		   "Observed   rule spf-watch (policies/30-watch.conf:12) would have said reject (550 5.7.23 SPF); "
		   "it only watches\n"
		   "To pass    sign with DKIM by d=example.org exactly,\n"
		   "           or send from a client that SPF allows, with an envelope sender in example.org or such a "
		   "domain\n"
		   "To change  rule dmarc-reject (policies/20-inbound.conf:42); `observe = true` there only watches, "
		   "`unless` makes exceptions\n");
}

static bool is_explained(struct sample *s, const char *line)
{
	struct str text = explained(s, record_json(s->arena, &s->record), true);
	return strstr(str_to_c(s->arena, text), line) != NULL;
}

static void a_workflow_is_told_and_explained(void **state)
{
	struct sample *s = *state;
	facts_set_text(s->msg, FACT_AUTH_LOGIN, STR("app"));
	facts_set_text(s->msg, FACT_WORKFLOW_NAME, STR("billing"));
	facts_set_text(s->msg, FACT_WORKFLOW_KIND, STR("bulk"));
	facts_set_text(s->msg, FACT_WORKFLOW_STATUS, STR("ok"));
	facts_set_text(s->msg, FACT_WORKFLOW_OWNER, STR("news"));
	assert_non_null(strstr(record_text(s->arena, &s->record).p, " login=app workflow=billing helo="));
	assert_true(is_explained(s, "\nWorkflow   billing (bulk): all that it asks for is met\n"));
	assert_true(is_explained(s, "\nWorkflow   news is the one that writes as ceo@example.org, and not the one of this "
				    "message\n"));
	assert_true(is_explained(s, "\nTo change  rule dmarc-reject (policies/20-inbound.conf:42); `observe = true`"));

	facts_set_text(s->msg, FACT_WORKFLOW_STATUS, STR("refused"));
	s->record.decision.from = (struct rule_place){ "workflow:billing", "policies/50.conf", 7 };
	assert_true(is_explained(s, "\nWorkflow   billing (bulk): not all that it asks for is met\n"));
	assert_true(is_explained(s, "\nTo change  the client does as it was told, or the policy asks for something else at "
				    "policies/50.conf:7\n"));

	facts_set_absent(s->msg, FACT_WORKFLOW_NAME);
	facts_set_text(s->msg, FACT_WORKFLOW_STATUS, STR("no_workflow"));
	s->record.decision.from.rule = "workflows";
	assert_true(is_explained(s, "\nWorkflow   none is for the login app\n"));
	assert_true(is_explained(s, "\nTo change  the client does as it was told"));
}

static void what_is_no_record_is_not_explained(void **state)
{
	struct sample *s = *state;
	static const char *const texts[] = { "", "{", "[]", "1", "{\"v\":2,\"id\":\"x\"}", "{\"v\":1}",
					     "{\"v\":1,\"id\":7}" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_str(explained(s, str_of(texts[i]), false), "");
	/* Parts of another shape than ours are passed over. */
	explained(s, STR("{\"v\":1,\"id\":\"x\",\"decision\":[],\"recipients\":{\"list\":[1,{}]},\"spf\":7,"
			 "\"dkim\":{\"signatures\":{}},\"dmarc\":{\"result\":null}}"), true);
}

static void ids_sort_by_time_and_differ(void **state)
{
	(void)state;
	char first[DECISION_ID_LENGTH + 1], second[DECISION_ID_LENGTH + 1], later[DECISION_ID_LENGTH + 1];
	clock_set_unix_s(1780315200);
	decision_id_make(first);
	decision_id_make(second);
	clock_set_unix_s(1780315201);
	decision_id_make(later);
	clock_set_unix_s(0);
	assert_int_equal(strlen(first), DECISION_ID_LENGTH);
	assert_int_equal(strspn(first, "0123456789abcdefghjkmnpqrstvwxyz"), DECISION_ID_LENGTH);
	assert_memory_equal(first, "1n1tx20", 7);
	assert_memory_equal(first, second, 7);
	assert_string_not_equal(first, second);
	assert_true(strcmp(first, later) < 0 && strcmp(second, later) < 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(json_tells_the_decision),
		T(json_has_every_fact_under_its_name),
		T(json_leaves_out_what_is_absent),
		T(json_tells_what_authentication_found),
		T(no_member_has_the_name_of_a_fact),
		T(hostile_bytes_become_valid_json),
		T(a_record_stays_within_its_size),
		T(text_is_one_line_of_fields),
		T(text_of_a_refused_connection_is_short),
		T(fields_cannot_be_forged),
		T(a_record_explains_itself),
		T(a_workflow_is_told_and_explained),
		T(what_is_no_record_is_not_explained),
		T(ids_sort_by_time_and_differ),
	};
	return RUN_TESTS(tests);
}
