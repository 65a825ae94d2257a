/* sample page|json|style - what a gateway shows after a busy day, for the browser: no day passes in a test. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/clock.h"
#include "record/board.h"
#include "record/history.h"
#include "record/metrics.h"
#include "record/record.h"
#include "service/page.h"
#include "service/status.h"

enum { NOW_UNIX_S = 1795451400, DAY_S = 86400 };

static unsigned seed = 7;

static unsigned next(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

struct mail {
	const char *disposition, *workflow, *login, *rule, *from, *to, *text;
	enum stage stage;
	int code;
	const char *enhanced;
	enum result spf, dkim, dmarc;
};

static const struct mail kinds[] = {
	{ "accept", NULL, NULL, NULL, "orders@shop.example", "ann@example.com", "", STAGE_END, 0, "", RESULT_PASS, RESULT_PASS, RESULT_PASS },
	{ "accept", NULL, NULL, NULL, "list@lists.example", "ann@example.com", "", STAGE_END, 0, "", RESULT_PASS, RESULT_FAIL, RESULT_NONE },
	{ "accept", NULL, NULL, NULL, "bo@uni.example", "ann@example.com", "", STAGE_END, 0, "", RESULT_SOFTFAIL, RESULT_PASS, RESULT_PASS },
	{ "accept", "billing", "billing-app", NULL, "bounce+7@billing.example.com", "you@example.net", "", STAGE_END, 0, "", 0, 0, 0 },
	{ "accept", "newsletter", "news-app", NULL, "news@news.example.com", "him@example.org", "", STAGE_END, 0, "", 0, 0, 0 },
	{ "accept", "staff", "ann", NULL, "ann@example.com", "you@example.net", "", STAGE_END, 0, "", 0, 0, 0 },
	{ "reject", NULL, NULL, "dmarc-reject", "ceo@bank.example", "ann@example.com", "bank.example asks receivers to refuse unauthenticated mail",
	  STAGE_END, 550, "5.7.26", RESULT_FAIL, RESULT_NONE, RESULT_FAIL },
	{ "reject", NULL, NULL, "author-unclear", "x@\"><script>alert(1)</script>.example", "ann@example.com", "The From field must name one author <img src=x onerror=alert(2)>",
	  STAGE_END, 550, "5.7.1", RESULT_NONE, RESULT_NONE, RESULT_NONE },
	{ "defer", NULL, NULL, "dmarc-temperror", "info@slow.example", "ann@example.com", "DMARC cannot be checked now: no answer from DNS", STAGE_END, 451, "4.4.3",
	  RESULT_TEMPERROR, RESULT_NONE, RESULT_TEMPERROR },
	{ "reject", "newsletter", "news-app", "workflow:newsletter", "promo@other.example", "him@example.org", "newsletter may not write as promo@other.example", STAGE_MAIL, 550,
	  "5.7.1", 0, 0, 0 },
	{ "defer", "newsletter", "news-app", "workflow:newsletter", "news@news.example.com", "him@example.org", "The workflow newsletter has sent 2000 messages in 1h; try again in 214 s", STAGE_MAIL,
	  451, "4.7.1", 0, 0, 0 },
	{ "quarantine", NULL, NULL, "macro-attachments", "hr@odd.example", "ann@example.com", "", STAGE_END, 0, "", RESULT_NEUTRAL, RESULT_PERMERROR, RESULT_NONE },
};

static void add(struct board *b, const struct mail *m)
{
	struct arena *a = arena_new();
	struct facts *conn = facts_new(a, SCOPE_CONN, NULL), *f = facts_new(a, SCOPE_MSG, conn);
	struct record_recipient to = { .address = str_of(m->to) };
	char id[DECISION_ID_LENGTH + 1];
	struct ip ip;
	ip_parse(STR("198.51.100.23"), &ip);
	decision_id_make(id);
	facts_set_ip(conn, FACT_CLIENT_IP, ip);
	facts_set_result(conn, FACT_IPREV_RESULT, next(9) == 0 ? RESULT_FAIL : RESULT_PASS);
	facts_set_text(f, FACT_MESSAGE_QUEUE_ID, STR("4FQ1Zk0x2z"));
	facts_set_text(f, FACT_MAIL_FROM, str_of(m->from));
	facts_set_text(f, FACT_MAIL_DOMAIN, str_of(strchr(m->from, '@') + 1));
	if (m->login != NULL) {
		facts_set_text(f, FACT_AUTH_LOGIN, str_of(m->login));
		facts_set_text(f, FACT_WORKFLOW_NAME, str_of(m->workflow));
		facts_set_list(f, FACT_SIGN_DOMAINS, (struct str[]){ STR("example.com"), STR("example.com") }, 2);
	}
	if (m->code == 451 && m->login != NULL)
		facts_set_text(f, FACT_LIMIT_EXCEEDED, STR("workflow messages"));
	facts_set_result(f, FACT_SPF_RESULT, m->spf);
	facts_set_result(f, FACT_DKIM_RESULT, m->dkim);
	facts_set_result(f, FACT_DMARC_RESULT, m->dmarc);
	struct record r = {
		.id = str_of(id),
		.unix_ms = clock_unix_ms(),
		.stage = m->stage,
		.disposition = m->disposition,
		.facts = f,
		.decision = { .from = { .rule = m->rule } },
		.reply = { m->code, str_of(m->enhanced), str_of(m->text) },
		.recipients = &to,
		.recipient_count = 1,
		.dns_wait_us = 2000 + next(90000),
	};
	r.stage_us[m->stage] = 1500 + next(60000);
	metrics_take_record(b, &r);
	history_take_record(b, &r);
	arena_free(a);
}

static void live_a_day(struct board *b)
{
	for (int64_t t = NOW_UNIX_S - DAY_S + 60; t <= NOW_UNIX_S; t += 60) {
		int hour = (int)(t / 3600 % 24);
		unsigned busy = hour >= 7 && hour <= 18 ? 14 - (unsigned)(hour > 12 ? hour - 12 : 12 - hour) : 3;
		clock_set_unix_s(t);
		for (unsigned i = next(busy + 1) + busy / 2; i > 0; i--) {
			unsigned dice = next(100);
			add(b, &kinds[dice < 88 ? next(6) : 6 + next(6)]);
		}
	}
}

static void set_up(struct board *b)
{
	struct board_config config = { .generation = 12, .loaded_unix_s = NOW_UNIX_S - 9400, .is_last_good = true, .files = 6, .rules = 31,
				       .workflows = 3, .authserv_id = "mx.example.com" };
	struct board_key keys[] = {
		{ "billing-rsa", "b2026", "billing.example.com", "active", true, true, "" },
		{ "billing-rsa", "s20261120", "billing.example.com", "pending", false, true, "there is no record at s20261120._domainkey.billing.example.com" },
		{ "staff-ed", "e1", "example.com", "active", false, true, "there is no record at e1._domainkey.example.com" },
	};
	board_set_config(b, &config);
	board_set_keys(b, keys, 3);
	board_add_process(b, "inbound", STR("unix:/var/spool/postfix/gatepost/inbound.sock"));
	board_add_process(b, "submission", STR("unix:/var/spool/postfix/gatepost/submission.sock"));
	board_add_process(b, "http", STR("unix:/run/gatepost/control.sock"));
	for (size_t i = 0; i < 3; i++)
		board_set_process(b, i, PROCESS_SERVES, (pid_t)(4000 + i), i == 0);
	board_tell_process(b, 0, 17, 3, false, false);
	board_tell_process(b, 1, 4, 1, false, false);
	metrics_add(b, METRIC_RELOADS, OUTCOME_GOOD, 0, 0, 11);
	metrics_add(b, METRIC_DNS_QUESTIONS, SOURCE_CACHE, 0, 0, 61234);
	metrics_add(b, METRIC_DNS_QUESTIONS, SOURCE_SENT, 0, 0, 18201);
	metrics_add(b, METRIC_DNS_ANSWERS, DNS_OK, 0, 0, 14100);
	metrics_add(b, METRIC_DNS_ANSWERS, DNS_NXDOMAIN, 0, 0, 3301);
	metrics_add(b, METRIC_DNS_ANSWERS, DNS_NODATA, 0, 0, 600);
	metrics_add(b, METRIC_DNS_ANSWERS, DNS_TIMEOUT, 0, 0, 200);
	for (int i = 0; i < 500; i++)
		metrics_time(b, METRIC_DNS_SECONDS, 0, 500 + next(80000));
}

int main(int argc, char **argv)
{
	clock_set_unix_s(NOW_UNIX_S - DAY_S);
	struct board *b = board_new();
	struct buf out;
	set_up(b);
	live_a_day(b);
	struct status *s = status_new(b);
	buf_init(&out, 0);
	if (argc == 2 && strcmp(argv[1], "page") == 0)
		page_write(s, true, &out);
	else if (argc == 2 && strcmp(argv[1], "json") == 0)
		status_json(s, &out);
	else if (argc == 2 && strcmp(argv[1], "style") == 0)
		buf_add(&out, str_of(page_style));
	else
		return EX_USAGE;
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
	status_free(s);
	board_free(b);
	return EX_OK;
}
