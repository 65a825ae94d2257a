/* The client against a small filter made with libmilter itself, in a child process. */
#include "../test.h"

#include <libmilter/mfapi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/milter_client.h"

static char folder[] = "/tmp/gatepost-milter-client-XXXXXX";
static char address[128];
static pid_t filter_pid;

/* --- the filter: what it does is asked for by what the client says --- */

static sfsistat filter_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3,
				 unsigned long *p0, unsigned long *p1, unsigned long *p2, unsigned long *p3)
{
	(void)f1, (void)f2, (void)f3;
	char macros[] = "i {client_ptr}";
	smfi_setsymlist(ctx, SMFIM_CONNECT, macros);
	*p0 = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | (f0 & SMFIF_SETSYMLIST);
	*p1 = SMFIP_NOUNKNOWN | SMFIP_NR_HDR | SMFIP_HDR_LEADSPC | SMFIP_SKIP;
	*p2 = *p3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat filter_helo(SMFICTX *ctx, char *name)
{
	char code[] = "550", enhanced[] = "5.7.1", text[] = "100%% no", macro[] = "{client_ptr}";
	const char *ptr = smfi_getsymval(ctx, macro);
	if (strcmp(name, "reply") == 0) {
		smfi_setreply(ctx, code, enhanced, text);
		return SMFIS_REJECT;
	}
	if (strcmp(name, "ptr") == 0)
		return ptr != NULL && strcmp(ptr, "ptr.example.org") == 0 ? SMFIS_CONTINUE : SMFIS_REJECT;
	if (strcmp(name, "several") == 0) {
		smfi_setmlreply(ctx, "451", "4.3.0", "one", "two", NULL);
		return SMFIS_TEMPFAIL;
	}
	return strcmp(name, "hang") == 0 ? (sleep(30), SMFIS_CONTINUE) : SMFIS_CONTINUE;
}

static sfsistat filter_mail(SMFICTX *ctx, char **args)
{
	(void)ctx;
	if (strcmp(args[0], "<plain@example.org>") == 0)
		return args[1] != NULL && strcmp(args[1], "SIZE=7") == 0 ? SMFIS_TEMPFAIL : SMFIS_REJECT;
	return SMFIS_CONTINUE;
}

static sfsistat filter_header(SMFICTX *ctx, char *name, char *value)
{
	(void)name;
	free(smfi_getpriv(ctx));
	smfi_setpriv(ctx, strdup(value));
	return SMFIS_NOREPLY;
}

static sfsistat filter_body(SMFICTX *ctx, unsigned char *bytes, size_t count)
{
	(void)ctx, (void)bytes;
	return count < 65535 ? SMFIS_CONTINUE : SMFIS_SKIP;
}

static sfsistat filter_end(SMFICTX *ctx)
{
	char saw[] = "X-Saw", first[] = "X-First", value[] = "one\n two", gone[] = "X-Gone", reason[] = "held";
	char *kept = smfi_getpriv(ctx);
	smfi_addheader(ctx, saw, kept);
	smfi_progress(ctx);
	smfi_insheader(ctx, 0, first, value);
	smfi_chgheader(ctx, gone, 2, NULL);
	smfi_quarantine(ctx, reason);
	free(kept);
	smfi_setpriv(ctx, NULL);
	return SMFIS_ACCEPT;
}

static void filter_run(void)
{
	char name[] = "test";
	struct smfiDesc filter = {
		.xxfi_name = name, .xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
		.xxfi_helo = filter_helo, .xxfi_envfrom = filter_mail, .xxfi_header = filter_header,
		.xxfi_body = filter_body, .xxfi_eom = filter_end, .xxfi_negotiate = filter_negotiate,
	};
	smfi_setconn(address);
	if (smfi_register(filter) != MI_SUCCESS || smfi_opensocket(1) != MI_SUCCESS)
		_exit(1);
	smfi_main();
	_exit(0);
}

static int start(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(address, sizeof(address), "unix:%s/socket", folder);
	filter_pid = fork();
	if (filter_pid == 0)
		filter_run();
	for (int i = 0; i < 500 && access(address + strlen("unix:"), F_OK) != 0; i++)
		usleep(10000);
	return filter_pid > 0 ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	kill(filter_pid, SIGKILL);
	waitpid(filter_pid, NULL, 0);
	unlink(address + strlen("unix:"));
	return rmdir(folder);
}

static struct milter_client *client_ready(int timeout_ms)
{
	struct milter_client *c = milter_client_new(timeout_ms);
	if (!milter_client_dial(c, address) || !milter_client_negotiate(c))
		fail_msg("%s", milter_client_failure(c));
	return c;
}

static enum milter_answer_kind connect_from(struct milter_client *c, const char *address_text)
{
	struct ip ip;
	assert_true(ip_parse(str_of(address_text), &ip));
	return milter_client_connect(c, "mx.example.org", ip, 4711).kind;
}

/* --- claims --- */

static void negotiation_is_honoured(void **state)
{
	(void)state;
	struct milter_client *c = client_ready(5000);
	assert_string_equal(milter_client_symlist(c, SMFIM_CONNECT), "i {client_ptr}");
	assert_int_equal(connect_from(c, "192.0.2.1"), MILTER_CONTINUE);
	assert_int_equal(milter_client_unknown(c, "WHAT").kind, MILTER_NOT_SENT);
	milter_client_free(c);
}

static void macros_arrive_where_the_filter_asked_for_them(void **state)
{
	(void)state;
	struct milter_client *c = client_ready(5000);
	milter_client_macro(c, "{client_ptr}", "ptr.example.org");
	connect_from(c, "2001:db8::1");
	assert_int_equal(milter_client_helo(c, "ptr").kind, MILTER_CONTINUE);
	milter_client_free(c);
}

static void replies_come_with_their_parts(void **state)
{
	(void)state;
	struct milter_client *c = client_ready(5000);
	struct milter_answer a = milter_client_helo(c, "reply");
	assert_int_equal(a.kind, MILTER_REPLY);
	assert_int_equal(a.code, 550);
	assert_str(a.enhanced, "5.7.1");
	assert_str(a.text, "100% no");
	a = milter_client_helo(c, "several");
	assert_int_equal(a.code, 451);
	assert_str(a.text, "one\ntwo");
	struct str args[] = { STR("<plain@example.org>"), STR("SIZE=7") };
	a = milter_client_mail(c, args, 1);
	assert_true(a.kind == MILTER_REPLY && a.is_plain && a.code == 550);
	a = milter_client_mail(c, args, 2);
	assert_true(a.kind == MILTER_REPLY && a.is_plain && a.code == 451);
	milter_client_free(c);
}

static struct milter_answer send_message(struct milter_client *c, size_t body_bytes)
{
	struct str from = STR("<a@example.org>");
	char *body = calloc(1, body_bytes + 1);
	memset(body, 'x', body_bytes);
	assert_true(milter_goes_on(milter_client_mail(c, &from, 1)));
	assert_int_equal(milter_client_header(c, STR("Subject"), STR(" two\n lines")).kind, MILTER_NO_REPLY);
	assert_true(milter_goes_on(milter_client_headers_end(c)));
	assert_true(milter_goes_on(milter_client_body(c, (struct str){ body, body_bytes })));
	free(body);
	return milter_client_end(c);
}

static void edits_are_collected_in_order(void **state)
{
	(void)state;
	struct milter_client *c = client_ready(5000);
	for (int message = 0; message < 2; message++) {
		assert_int_equal(send_message(c, 10).kind, MILTER_ACCEPT);
		assert_int_equal(milter_client_edit_count(c), 4);
		const struct milter_edit *e = milter_client_edit_at(c, 0);
		assert_int_equal(e->kind, EDIT_ADD_HEADER);
		assert_str(e->value, " two\n lines");
		e = milter_client_edit_at(c, 1);
		assert_int_equal(e->kind, EDIT_INSERT_HEADER);
		assert_int_equal(e->index, 0);
		assert_str(e->value, "one\n two");
		e = milter_client_edit_at(c, 2);
		assert_int_equal(e->kind, EDIT_CHANGE_HEADER);
		assert_int_equal(e->index, 2);
		assert_str(e->value, "");
		assert_int_equal(milter_client_edit_at(c, 3)->kind, EDIT_QUARANTINE);
	}
	milter_client_free(c);
}

static void a_large_body_goes_in_chunks_until_skipped(void **state)
{
	(void)state;
	struct milter_client *c = client_ready(5000);
	assert_int_equal(send_message(c, 5000000).kind, MILTER_ACCEPT);
	milter_client_free(c);
}

static void the_next_session_may_use_the_same_socket(void **state)
{
	(void)state;
	struct milter_client *c = client_ready(5000);
	assert_true(milter_goes_on(milter_client_helo(c, "x")));
	assert_true(milter_client_abort(c));
	assert_true(milter_client_quit_next(c));
	assert_int_equal(send_message(c, 1).kind, MILTER_ACCEPT);
	assert_true(milter_client_quit(c));
	assert_int_equal(milter_client_helo(c, "x").kind, MILTER_BROKEN);
	milter_client_free(c);
}

static void waiting_is_bounded(void **state)
{
	(void)state;
	struct milter_client *c = client_ready(200);
	assert_int_equal(milter_client_helo(c, "hang").kind, MILTER_BROKEN);
	assert_non_null(strstr(milter_client_failure(c), "timeout"));
	milter_client_free(c);
}

static void what_was_not_offered_may_not_be_wanted(void **state)
{
	(void)state;
	struct milter_client *c = milter_client_new(5000);
	assert_true(milter_client_dial(c, address));
	milter_client_offer(c, SMFIF_ADDHDRS, 0);
	assert_false(milter_client_negotiate(c)); /* libmilter closes: it cannot have what it needs */
	milter_client_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(negotiation_is_honoured),
		cmocka_unit_test(macros_arrive_where_the_filter_asked_for_them),
		cmocka_unit_test(replies_come_with_their_parts),
		cmocka_unit_test(edits_are_collected_in_order),
		cmocka_unit_test(a_large_body_goes_in_chunks_until_skipped),
		cmocka_unit_test(the_next_session_may_use_the_same_socket),
		cmocka_unit_test(waiting_is_bounded),
		cmocka_unit_test(what_was_not_offered_may_not_be_wanted),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
