/* The session behind a made-up MTA that can refuse what is asked of it. What needs no such MTA is in tests/suites. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "config/resolver.h"
#include "config/snapshot.h"
#include "dns/dns.h"
#include "record/record.h"
#include "session/session.h"

struct fixture {
	char folder[64];
	struct gate gate;
	struct session *session;
	struct diags *diags;
	struct arena *arena;
	struct str disposition; /* of the last record */
	struct buf edits;       /* what the MTA was asked, a line each */
	bool refuses_insert, refuses_delete, refuses_quarantine;
	const char *login, *verify;
};

static const char *macro(void *mta, const char *name)
{
	struct fixture *f = mta;
	if (strcmp(name, "{auth_authen}") == 0)
		return f->login;
	if (strcmp(name, "{verify}") == 0)
		return f->verify;
	if (strcmp(name, "{cert_subject}") == 0)
		return "CN=client";
	return NULL;
}

static bool insert_header(void *mta, int index, const char *name, const char *value)
{
	struct fixture *f = mta;
	buf_printf(&f->edits, "insert %d %s %.7s\n", index, name, value);
	return !f->refuses_insert;
}

static bool add_header(void *mta, const char *name, const char *value)
{
	struct fixture *f = mta;
	return buf_printf(&f->edits, "add %s %s\n", name, value);
}

static bool delete_header(void *mta, const char *name, int nth)
{
	struct fixture *f = mta;
	buf_printf(&f->edits, "delete %s %d\n", name, nth);
	return !f->refuses_delete;
}

static bool quarantine(void *mta, const char *reason)
{
	struct fixture *f = mta;
	buf_printf(&f->edits, "hold %.4s\n", reason);
	return !f->refuses_quarantine;
}

static const struct mta_ops ops = { macro, insert_header, add_header, delete_header, quarantine };

static void take_record(void *context, const struct record *r)
{
	struct fixture *f = context;
	f->disposition = str_of(r->disposition);
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
	FILE *file = fopen(str_printf(f->arena, "%s/%s", f->folder, name).p, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* Loads and publishes a policy file; sessions see it from their next MAIL on. */
static void publish(struct fixture *f, const char *policy)
{
	write_file(f, "policies/policy.conf", policy);
	struct snapshot *s = snapshot_load(str_printf(f->arena, "%s/gatepost.conf", f->folder).p, NULL, f->diags);
	if (s == NULL)
		diags_print(f->diags, stderr);
	assert_non_null(s);
	snapshot_publish(s);
}

static void open_session(struct fixture *f)
{
	f->session = session_new(&f->gate, &ops, f);
	struct ip client;
	assert_true(ip_parse(STR("192.0.2.7"), &client));
	stage_connect(f->session, "mx.example.org", client, 4711);
	assert_int_equal(stage_helo(f->session, "mx.example.org").kind, ANSWER_CONTINUE);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	f->arena = arena_new();
	f->diags = diags_new();
	buf_init(&f->edits, 0);
	strcpy(f->folder, "/tmp/gatepost-session-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	write_file(f, "zone", "example.org TXT \"v=spf1 -all\"\n");
	write_file(f, "gatepost.conf", "authserv_id = \"mx.test\";\ndns = { zone_file = \"zone\"; };\n");
	assert_int_equal(mkdir(str_printf(f->arena, "%s/policies", f->folder).p, 0700), 0);
	f->gate.snapshot = snapshot_get;
	f->gate.on_record = take_record;
	f->gate.context = f;
	publish(f, "rules = ();\n");
	const struct snapshot *first = snapshot_get();
	f->gate.dns = resolver_open(first->options, NULL, f->diags);
	snapshot_put(first);
	assert_non_null(f->gate.dns);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	session_free(f->session);
	snapshot_publish(NULL);
	dns_close(f->gate.dns);
	static const char *const files[] = { "zone", "gatepost.conf", "policies/policy.conf", "policies" };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		remove(str_printf(f->arena, "%s/%s", f->folder, files[i]).p);
	assert_int_equal(rmdir(f->folder), 0);
	buf_fini(&f->edits);
	diags_free(f->diags);
	arena_free(f->arena);
	free(f);
	return 0;
}

static struct answer mail(struct fixture *f)
{
	char path[] = "<ann@example.org>";
	return stage_mail(f->session, (char *[]){ path, NULL });
}

static struct answer rcpt(struct fixture *f)
{
	char path[] = "<bob@example.com>";
	return stage_rcpt(f->session, (char *[]){ path, NULL });
}

static struct answer message(struct fixture *f, const char *const *results, size_t count)
{
	stage_header(f->session, "From", " ann@example.org");
	for (size_t i = 0; i < count; i++)
		stage_header(f->session, "Authentication-Results", results[i]);
	stage_headers_end(f->session);
	stage_body(f->session, (const unsigned char *)"hello\r\n", 7);
	return stage_end(f->session);
}

static struct answer whole(struct fixture *f)
{
	open_session(f);
	assert_int_equal(mail(f).kind, ANSWER_CONTINUE);
	assert_int_equal(rcpt(f).kind, ANSWER_CONTINUE);
	return message(f, NULL, 0);
}

static void assert_reply(struct answer a, int code, const char *enhanced)
{
	assert_int_equal(a.kind, ANSWER_REPLY);
	assert_int_equal(a.reply.code, code);
	assert_str(a.reply.enhanced, enhanced);
}

static void a_message_is_accepted_with_our_results_on_top(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(whole(f).kind, ANSWER_ACCEPT);
	assert_str(buf_str(&f->edits), "insert 0 Authentication-Results mx.test\n");
	assert_str(f->disposition, "accept");
}

static void an_insert_that_the_mta_refuses_defers(void **state)
{
	struct fixture *f = *state;
	f->refuses_insert = true;
	assert_reply(whole(f), 451, "4.3.0");
	assert_str(f->disposition, "defer");
}

static void a_hold_that_the_mta_refuses_defers(void **state)
{
	struct fixture *f = *state;
	publish(f, "rules = ( { name = \"hold\"; when = { mail = { valid = true; }; }; then = { action = \"quarantine\"; }; } );");
	f->refuses_quarantine = true;
	assert_reply(whole(f), 451, "4.3.0");
	assert_str(f->disposition, "defer");
}

static const char *const mixed[] = { " mx.test; spf=pass", " other.example; spf=pass", " MX.test 1; dmarc=pass" };

static void forged_results_go_from_the_highest_down(void **state)
{
	struct fixture *f = *state;
	open_session(f);
	mail(f);
	rcpt(f);
	assert_int_equal(message(f, mixed, 3).kind, ANSWER_ACCEPT);
	assert_str(buf_str(&f->edits), "delete Authentication-Results 3\n"
				       "delete Authentication-Results 1\n"
				       "insert 0 Authentication-Results mx.test\n");
}

static void forged_results_that_the_mta_keeps_defer(void **state)
{
	struct fixture *f = *state;
	f->refuses_delete = true;
	open_session(f);
	mail(f);
	rcpt(f);
	assert_reply(message(f, mixed, 3), 451, "4.3.0");
	assert_str(buf_str(&f->edits), "delete Authentication-Results 3\n");
}

static void commands_out_of_order_are_refused(void **state)
{
	struct fixture *f = *state;
	open_session(f);
	assert_reply(rcpt(f), 503, "5.5.1");
	assert_reply(stage_data(f->session), 503, "5.5.1");
	assert_reply(message(f, mixed, 3), 503, "5.5.1");
	assert_int_equal(f->disposition.n, 0);
}

static void a_new_policy_holds_from_the_next_mail_on(void **state)
{
	struct fixture *f = *state;
	open_session(f);
	assert_int_equal(mail(f).kind, ANSWER_CONTINUE);
	publish(f, "rules = ( { name = \"no\"; when = { client = { ip = \"192.0.2.7\"; }; };\n"
		   "            then = { action = \"reject\"; reply = \"550 5.7.1 No\"; }; } );");
	assert_int_equal(rcpt(f).kind, ANSWER_CONTINUE);
	assert_int_equal(message(f, NULL, 0).kind, ANSWER_ACCEPT);
	struct session_needs without_helo_reply = *session_agreed(f->session);
	assert_false(without_helo_reply.reply[STAGE_HELO]);
	/* A refusal of the client is told at HELO, which this connection agreed not to wait for */
	assert_reply(mail(f), 421, "4.3.2");
	session_free(f->session);
	f->session = session_new(&f->gate, &ops, f);
	struct ip client;
	ip_parse(STR("192.0.2.7"), &client);
	stage_connect(f->session, NULL, client, 0);
	assert_reply(stage_helo(f->session, "mx.example.org"), 550, "5.7.1");
	assert_reply(mail(f), 550, "5.7.1");
}

static void while_stopping_messages_in_flight_finish_and_no_others_begin(void **state)
{
	struct fixture *f = *state;
	open_session(f);
	mail(f);
	assert_int_equal(atomic_load(&f->gate.messages), 1);
	atomic_store(&f->gate.is_stopping, true);
	rcpt(f);
	assert_int_equal(message(f, NULL, 0).kind, ANSWER_ACCEPT);
	assert_int_equal(atomic_load(&f->gate.messages), 0);
	assert_reply(mail(f), 421, "4.3.2");
	assert_int_equal(atomic_load(&f->gate.messages), 0);
}

static const char login_is_refused[] =
	"rules = ( { name = \"login\"; when = { has = [ \"auth.login\" ]; }; then = { action = \"reject\"; }; },\n"
	"          { name = \"cert\"; when = { has = [ \"tls.cert_subject\" ]; };\n"
	"            then = { action = \"defer\"; }; } );";

static void an_inbound_listener_reads_no_login_and_no_certificate(void **state)
{
	struct fixture *f = *state;
	publish(f, login_is_refused);
	f->login = "ann";
	f->gate.role = ROLE_INBOUND;
	open_session(f);
	assert_int_equal(mail(f).kind, ANSWER_CONTINUE);
	session_free(f->session);
	f->gate.role = ROLE_BOTH;
	open_session(f);
	struct answer a = mail(f);
	assert_reply(a, 550, "5.7.1");
	assert_non_null(strstr(a.reply.text.p, "rule login")); /* whoever logged in is told the rule */
}

static void a_certificate_counts_only_where_the_mta_verified_it(void **state)
{
	struct fixture *f = *state;
	publish(f, login_is_refused);
	f->verify = "FAIL";
	open_session(f);
	assert_int_equal(mail(f).kind, ANSWER_CONTINUE);
	f->verify = "OK";
	struct answer a = mail(f);
	assert_reply(a, 451, "4.7.1");
	assert_null(strstr(a.reply.text.p, "rule cert")); /* strangers are not */
}

static void a_mail_without_a_path_is_a_bounce(void **state)
{
	struct fixture *f = *state;
	publish(f, "rules = ( { name = \"null\"; when = { mail = { null = true; valid = true; }; };\n"
		   "            then = { action = \"reject\"; }; } );");
	open_session(f);
	char path[] = "";
	assert_reply(stage_mail(f->session, (char *[]){ path, NULL }), 550, "5.7.1");
	assert_int_equal(mail(f).kind, ANSWER_CONTINUE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_accepted_with_our_results_on_top),
		TEST(an_insert_that_the_mta_refuses_defers),
		TEST(a_hold_that_the_mta_refuses_defers),
		TEST(forged_results_go_from_the_highest_down),
		TEST(forged_results_that_the_mta_keeps_defer),
		TEST(commands_out_of_order_are_refused),
		TEST(a_new_policy_holds_from_the_next_mail_on),
		TEST(while_stopping_messages_in_flight_finish_and_no_others_begin),
		TEST(an_inbound_listener_reads_no_login_and_no_certificate),
		TEST(a_certificate_counts_only_where_the_mta_verified_it),
		TEST(a_mail_without_a_path_is_a_bounce),
	};
	return RUN_TESTS(tests);
}
