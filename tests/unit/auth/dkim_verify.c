#include "../test.h"

#include <pthread.h>
#include <stdlib.h>

#include "auth/dkim.h"
#include "base/arena.h"
#include "base/clock.h"
#include "dns/dns.h"
#include "lib/dkim_run.h"
#include "mail/header.h"

struct fixture {
	struct arena *arena;
	struct dns *dns;
	struct auth_dkim *dkim;
};

static int set_up(void **state)
{
	static const struct dkim_limits limits = { .max_signatures = 10, .min_rsa_bits = 1024 };
	struct fixture *f = calloc(1, sizeof(*f));
	clock_set_unix_s(DKIM_RUN_NOW_S);
	f->arena = arena_new();
	f->dns = dkim_run_dns();
	f->dkim = auth_dkim_new(&limits);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(f->arena);
	auth_dkim_free(f->dkim);
	dns_close(f->dns);
	free(f);
	return 0;
}

/* --- the suite */

static struct str verdict_text(struct arena *a, const struct dkim_verdict *v)
{
	const char *empty = "-";
	return str_printf(a, "%s %s %s %s%s%s", result_words[v->result],
			  v->domain.n == 0 ? empty : str_to_c(a, v->domain),
			  v->selector.n == 0 ? empty : str_to_c(a, v->selector),
			  v->algorithm.n == 0 ? empty : str_to_c(a, v->algorithm), v->is_testing ? " testing" : "",
			  v->result == RESULT_PASS && !v->covers_body ? " partial" : "");
}

static bool contains(struct str text, struct str part)
{
	return part.n == 0 || memmem(text.p, text.n, part.p, part.n) != NULL;
}

/* One expected line: "result domain selector algorithm [marks] [| part of the reason]". */
static bool verdict_is(struct arena *a, const struct dkim_verdict *v, struct str expected)
{
	struct str words, reason;
	str_cut(expected, '|', &words, &reason);
	bool has_reason = (v->result == RESULT_PASS) == (v->reason.n == 0);
	return has_reason && str_eq(verdict_text(a, v), str_trim(words)) && contains(v->reason, str_trim(reason));
}

static void check_message(struct fixture *f, struct str name, const struct str *expected, size_t count, size_t chunk)
{
	struct arena *a = arena_new();
	struct str message = dkim_run_file(a, str_to_c(a, name));
	struct dkim_run run = dkim_run_message(f->dkim, f->dns, a, message, chunk);
	size_t skipped = 0;
	if (count > 0 && str_starts(expected[count - 1], STR("skipped "))) {
		skipped = strtoul(str_to_c(a, str_skip(expected[count - 1], 8)), NULL, 10);
		count--;
	}
	if (run.count != count || run.skipped != skipped || run.is_signed != (count > 0))
		fail_msg("%.*s: %zu verdicts and %zu skipped, want %zu and %zu", STR_ARG(name), run.count, run.skipped,
			 count, skipped);
	for (size_t i = 0; i < count; i++)
		if (!verdict_is(a, &run.list[i], expected[i]))
			fail_msg("%.*s: got %.*s | %.*s, want %.*s", STR_ARG(name),
				 STR_ARG(verdict_text(a, &run.list[i])), STR_ARG(run.list[i].reason),
				 STR_ARG(expected[i]));
	arena_free(a);
}

static size_t check_suite(struct fixture *f, size_t chunk)
{
	struct str rest = dkim_run_file(f->arena, "verdicts"), line, name = STR_EMPTY, expected[64];
	size_t count = 0, messages = 0;
	while (str_next(&rest, '\n', &line)) {
		if (str_starts(line, STR("\t"))) {
			assert_true(count < sizeof(expected) / sizeof(expected[0]));
			expected[count++] = str_trim(line);
			continue;
		}
		if (messages++ > 0)
			check_message(f, name, expected, count, chunk);
		name = line;
		count = 0;
	}
	check_message(f, name, expected, count, chunk);
	return messages;
}

static void every_message_of_the_suite_gets_its_verdicts(void **state)
{
	assert_true(check_suite(*state, SIZE_MAX) > 150);
}

static void the_size_of_body_chunks_does_not_matter(void **state)
{
	check_suite(*state, 1);
	check_suite(*state, 7);
}

/* --- one message, changed on the way */

static struct dkim_run run_file(struct fixture *f, const char *name)
{
	return dkim_run_message(f->dkim, f->dns, f->arena, dkim_run_file(f->arena, name), SIZE_MAX);
}

static enum result result_of(const struct dkim_run *run)
{
	assert_int_equal(run->count, 1);
	return run->list[0].result;
}

/* The message with each field's name or value replaced by change(); NULL fields are left out. */
static enum result result_with(struct fixture *f, const char *name, struct header (*change)(struct arena *, struct header))
{
	struct str body;
	const struct header_list *old = dkim_run_headers(f->arena, dkim_run_file(f->arena, name), &body);
	struct header_list *headers = header_list_new(f->arena);
	for (size_t i = 0; i < header_list_count(old); i++) {
		struct header h = change(f->arena, *header_list_at(old, i));
		header_list_add(headers, h.name, h.value);
	}
	struct dkim_run run = dkim_run(f->dkim, f->dns, f->arena, headers, body, SIZE_MAX);
	return result_of(&run);
}

static struct header fold_with_crlf(struct arena *a, struct header h)
{
	char *p = arena_alloc(a, 2 * h.value.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < h.value.n; i++) {
		if (h.value.p[i] == '\n')
			p[n++] = '\r';
		p[n++] = h.value.p[i];
	}
	h.value = (struct str){ p, n };
	return h;
}

static void folds_may_come_as_lf_or_crlf(void **state)
{
	assert_int_equal(result_with(*state, "simple-folded-headers.eml", fold_with_crlf), RESULT_PASS);
	assert_int_equal(result_with(*state, "relaxed-folded-headers.eml", fold_with_crlf), RESULT_PASS);
}

static struct header blank_after_names(struct arena *a, struct header h)
{
	h.name = str_printf(a, "%.*s ", STR_ARG(h.name));
	return h;
}

static struct header tab_after_names(struct arena *a, struct header h)
{
	h.name = str_printf(a, "%.*s\t", STR_ARG(h.name));
	return h;
}

static void blanks_before_the_colon_belong_to_no_name(void **state)
{
	assert_int_equal(result_with(*state, "c-relaxed-relaxed.eml", blank_after_names), RESULT_PASS);
	assert_int_equal(result_with(*state, "c-relaxed-relaxed.eml", tab_after_names), RESULT_PASS);
	assert_int_equal(result_with(*state, "c-simple-simple.eml", blank_after_names), RESULT_FAIL);
	/* the gate sees a signature under such a name, too */
	assert_int_equal(result_with(*state, "identity-ends-in-equals.eml", blank_after_names), RESULT_PERMERROR);
}

static enum result result_with_field_on_top(struct fixture *f, const char *name, struct str field, struct str value)
{
	struct str body;
	const struct header_list *old = dkim_run_headers(f->arena, dkim_run_file(f->arena, name), &body);
	struct header_list *headers = header_list_new(f->arena);
	header_list_add(headers, field, value);
	for (size_t i = 0; i < header_list_count(old); i++)
		header_list_add(headers, header_list_at(old, i)->name, header_list_at(old, i)->value);
	struct dkim_run run = dkim_run(f->dkim, f->dns, f->arena, headers, body, SIZE_MAX);
	return result_of(&run);
}

static void a_disguised_second_from_breaks_an_oversigned_one(void **state)
{
	static const char *const names[] = { "From", "FROM", "From ", "From\t", "From \t " };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(result_with_field_on_top(*state, "oversigned.eml", str_of(names[i]),
							  STR(" Eve <eve@example.net>")),
				 RESULT_FAIL);
	assert_int_equal(result_with_field_on_top(*state, "oversigned.eml", STR("X-From"), STR(" x")), RESULT_PASS);
	assert_int_equal(result_with_field_on_top(*state, "oversigned.eml", STR("F\xc3\xb6rm"), STR(" x")), RESULT_PASS);
}

static struct header nul_in_subject(struct arena *a, struct header h)
{
	if (str_eq(h.name, STR("Subject")))
		h.value = (struct str){ str_printf(a, "%.*s-evil", STR_ARG(h.value)).p, h.value.n + 5 };
	char *p = str_to_c(a, h.value);
	if (str_eq(h.name, STR("Subject")))
		p[h.value.n - 5] = '\0';
	h.value.p = p;
	return h;
}

static struct header nul_in_received(struct arena *a, struct header h)
{
	if (str_eq(h.name, STR("Received")))
		h.value = (struct str){ str_to_c(a, h.value), h.value.n + 1 };
	return h;
}

static void nothing_hides_behind_a_nul_in_a_signed_field(void **state)
{
	assert_int_equal(result_with(*state, "c-relaxed-relaxed.eml", nul_in_subject), RESULT_FAIL);
	assert_int_equal(result_with(*state, "c-simple-simple.eml", nul_in_subject), RESULT_FAIL);
	assert_int_equal(result_with(*state, "c-relaxed-relaxed.eml", nul_in_received), RESULT_PASS);
}

static enum result result_of_body(struct fixture *f, const char *name, struct str body)
{
	struct str old;
	const struct header_list *headers = dkim_run_headers(f->arena, dkim_run_file(f->arena, name), &old);
	struct dkim_run whole = dkim_run(f->dkim, f->dns, f->arena, headers, body, SIZE_MAX);
	struct dkim_run bytes = dkim_run(f->dkim, f->dns, f->arena, headers, body, 1);
	assert_int_equal(result_of(&whole), result_of(&bytes));
	return result_of(&whole);
}

static void a_body_without_final_line_end_gets_one(void **state)
{
	static const char *const names[] = { "relaxed-one-line.eml", "simple-one-line.eml" };
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(result_of_body(*state, names[i], STR("x\r\n")), RESULT_PASS);
		assert_int_equal(result_of_body(*state, names[i], STR("x")), RESULT_PASS);
		assert_int_equal(result_of_body(*state, names[i], STR("x\r")), RESULT_FAIL);
		assert_int_equal(result_of_body(*state, names[i], STR("x\n")), RESULT_FAIL);
		assert_int_equal(result_of_body(*state, names[i], STR("\rx\r\n")), RESULT_FAIL);
		assert_int_equal(result_of_body(*state, names[i], STR("\nx\r\n")), RESULT_FAIL);
		assert_int_equal(result_of_body(*state, names[i], STR("x\r\r\n")), RESULT_FAIL);
		assert_int_equal(result_of_body(*state, names[i], STR("")), RESULT_FAIL);
	}
}

/* Text behind an l= that was met, in one piece and in many. */
static struct dkim_verdict verdict_with_appended(struct fixture *f, const char *name, struct str appended, size_t chunk)
{
	struct str body;
	const struct header_list *headers = dkim_run_headers(f->arena, dkim_run_file(f->arena, name), &body);
	struct str longer = str_printf(f->arena, "%.*s%.*s", STR_ARG(body), STR_ARG(appended));
	struct dkim_run run = dkim_run(f->dkim, f->dns, f->arena, headers, longer, chunk);
	assert_int_equal(run.count, 1);
	return run.list[0];
}

static void stray_line_ends_break_only_what_covers_them(void **state)
{
	for (size_t chunk = 1; chunk < 300; chunk += 7) {
		struct dkim_verdict v = verdict_with_appended(*state, "length-appended.eml", STR("\n\n\rx\r\n\n"), chunk);
		assert_int_equal(v.result, RESULT_PASS);
		assert_false(v.covers_body);
		v = verdict_with_appended(*state, "c-relaxed-relaxed.eml", STR("\n\n\rx\r\n\n"), chunk);
		assert_int_equal(v.result, RESULT_FAIL);
		assert_str(v.reason, "the body has a CR or LF that ends no line");
	}
}

static void lines_without_end_are_not_kept(void **state)
{
	static const char *const names[] = { "c-relaxed-relaxed.eml", "c-simple-simple.eml" };
	struct fixture *f = *state;
	size_t line_bytes = 1024 * 1024 - 1;
	char *line = arena_alloc(f->arena, line_bytes + 2);
	memset(line, 'x', line_bytes);
	memcpy(line + line_bytes, "\r\n", 2);
	for (size_t i = 0; i < 2; i++) {
		struct dkim_verdict v = verdict_with_appended(f, names[i], (struct str){ line, line_bytes + 2 }, 65535);
		assert_int_equal(v.result, RESULT_POLICY);
		assert_str(v.reason, "the body has a line that is too long to verify");
		v = verdict_with_appended(f, names[i], (struct str){ line + 1, line_bytes + 1 }, 65535);
		assert_int_equal(v.result, RESULT_FAIL);
	}
	struct dkim_verdict v =
		verdict_with_appended(f, "length-appended.eml", (struct str){ line, line_bytes + 2 }, 65535);
	assert_int_equal(v.result, RESULT_PASS);
}

static void the_body_is_not_asked_for_without_need(void **state)
{
	struct fixture *f = *state;
	struct str message = dkim_run_file(f->arena, "tag-version.eml");
	struct dkim_run run = dkim_run_message(f->dkim, f->dns, f->arena, message, 10);
	assert_int_equal(run.body_taken, 10);
	assert_false(run_file(f, "unsigned.eml").is_signed);

	struct str body, appended;
	message = dkim_run_file(f->arena, "length-appended.eml");
	const struct header_list *headers = dkim_run_headers(f->arena, message, &body);
	appended = str_printf(f->arena, "%.*s%0100000d", STR_ARG(body), 0);
	run = dkim_run(f->dkim, f->dns, f->arena, headers, appended, 10);
	assert_true(run.body_taken < body.n + 10000);
	assert_int_equal(result_of(&run), RESULT_PASS);
	assert_false(run.list[0].covers_body);
}

/* --- limits */

static struct str forged_signature(struct arena *a, const char *names)
{
	return str_printf(a,
			  " v=1; a=rsa-sha256; d=example.org; s=r2048; h=%s; "
			  "bh=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=; b=QUJD",
			  names);
}

static void names_for_every_field_and_one_more_are_harmless(void **state)
{
	struct fixture *f = *state;
	struct str names = STR("from");
	for (int fields = 1; fields < 12; fields++) {
		struct header_list *headers = header_list_new(f->arena);
		struct str all = str_printf(f->arena, "%.*s:DKIM-Signature:from:from:to", STR_ARG(names));
		header_list_add(headers, STR("DKIM-Signature"), forged_signature(f->arena, all.p));
		for (int i = 0; i < fields; i++)
			header_list_add(headers, i == 0 ? STR("From") : str_printf(f->arena, "X-%d", i), STR(" a@b.c"));
		struct dkim_run run = dkim_run(f->dkim, f->dns, f->arena, headers, STR("x\r\n"), SIZE_MAX);
		assert_int_equal(result_of(&run), RESULT_FAIL);
		names = str_printf(f->arena, "%.*s:X-%d", STR_ARG(names), fields);
	}
}

static void work_per_message_is_bounded(void **state)
{
	static const struct dkim_limits limits = { .max_signatures = 50, .min_rsa_bits = 1024 };
	struct fixture *f = *state;
	struct auth_dkim *dkim = auth_dkim_new(&limits);
	struct arena *a = arena_new();
	struct header_list *headers = header_list_new(a);
	struct str names = str_printf(a, "From%01000d", 0);
	char *p = str_to_c(a, names);
	for (size_t i = 4; i < names.n; i++)
		p[i] = i % 2 == 0 ? ':' : 'x';
	for (int i = 0; i < 60; i++)
		header_list_add(headers, STR("DKIM-Signature"), forged_signature(a, p));
	for (int i = 0; i < 440; i++)
		header_list_add(headers, STR("x"), STR(" y"));
	struct dkim_run run = dkim_run(dkim, f->dns, a, headers, STR("x\r\n"), SIZE_MAX);
	assert_int_equal(run.count, 50);
	assert_int_equal(run.skipped, 10);
	assert_int_equal(run.list[0].result, RESULT_FAIL);
	assert_int_equal(run.list[10].result, RESULT_POLICY);
	assert_int_equal(run.list[49].result, RESULT_POLICY);

	headers = header_list_new(a);
	for (int i = 0; i < 50; i++)
		header_list_add(headers, STR("DKIM-Signature"), forged_signature(a, "from"));
	header_list_add(headers, STR("From"), str_printf(a, " %01000000d", 0));
	run = dkim_run(dkim, f->dns, a, headers, STR("x\r\n"), SIZE_MAX);
	assert_int_equal(run.list[30].result, RESULT_FAIL);
	assert_int_equal(run.list[40].result, RESULT_POLICY);
	arena_free(a);
	auth_dkim_free(dkim);
}

static void the_least_rsa_size_is_an_option(void **state)
{
	static const struct dkim_limits limits = { .max_signatures = 10, .min_rsa_bits = 2048 };
	struct fixture *f = *state;
	struct auth_dkim *dkim = auth_dkim_new(&limits);
	struct arena *a = arena_new();
	struct dkim_run run = dkim_run_message(dkim, f->dns, a, dkim_run_file(a, "key-size-r1024.eml"), SIZE_MAX);
	assert_int_equal(result_of(&run), RESULT_POLICY);
	assert_str(run.list[0].reason, "key r1024._domainkey.example.org: 1024 bits are too short, 2048 are needed");
	run = dkim_run_message(dkim, f->dns, a, dkim_run_file(a, "c-relaxed-relaxed.eml"), SIZE_MAX);
	assert_int_equal(result_of(&run), RESULT_PASS);
	arena_free(a);
	auth_dkim_free(dkim);
}

static void a_verification_outlives_its_settings(void **state)
{
	static const struct dkim_limits limits = { .max_signatures = 10, .min_rsa_bits = 1024 };
	struct fixture *f = *state;
	struct auth_dkim *dkim = auth_dkim_new(&limits);
	struct str body;
	const struct header_list *headers =
		dkim_run_headers(f->arena, dkim_run_file(f->arena, "several-good.eml"), &body);
	struct auth_dkim_verify *v = auth_dkim_verify_begin(dkim, f->dns, NULL, headers, f->arena);
	auth_dkim_free(dkim);
	auth_dkim_verify_body(v, (const unsigned char *)body.p, body.n);
	const struct dkim_verdict *list;
	size_t count, skipped;
	auth_dkim_verify_end(v, clock_mono_ms() + 2000, &list, &count, &skipped);
	assert_int_equal(count, 2);
	assert_int_equal(list[1].result, RESULT_PASS);
}

static void a_verification_may_be_given_up(void **state)
{
	struct fixture *f = *state;
	struct arena *a = arena_new();
	struct str body;
	const struct header_list *headers = dkim_run_headers(a, dkim_run_file(a, "several-good.eml"), &body);
	struct auth_dkim_verify *v = auth_dkim_verify_begin(f->dkim, f->dns, NULL, headers, a);
	assert_true(auth_dkim_verify_body(v, (const unsigned char *)"x", 1));
	arena_free(a);
}

/* --- what verdicts tell */

static void a_verdict_names_the_signature(void **state)
{
	struct dkim_run run = run_file(*state, "rfc8463.eml");
	assert_int_equal(run.count, 2);
	assert_str(run.list[0].identity, "@football.example.com");
	assert_str(run.list[0].signature, "/gCrinpc");
	assert_str(run.list[1].signature, "F45dVWDf");
	assert_int_equal(run.list[0].key_bits, 256);
	assert_int_equal(run.list[1].key_bits, 1024);
	run = run_file(*state, "identity-quoted.eml");
	assert_str(run.list[0].identity, "joe@example.org");
}

static void prefixes_of_b_are_unique_in_the_message(void **state)
{
	struct fixture *f = *state;
	static const char *const b[] = { "AAAAAAAAAABBBB", "AAAAAAAAAACCCC", "DDDDDDDDDD", "EEEE", "DDDDDDDDDD" };
	static const char *const prefix[] = { "AAAAAAAAAAB", "AAAAAAAAAAC", "DDDDDDDD", "EEEE", "DDDDDDDD" };
	struct header_list *headers = header_list_new(f->arena);
	for (size_t i = 0; i < 5; i++)
		header_list_add(headers, STR("DKIM-Signature"), str_printf(f->arena, " v=9; b=%s", b[i]));
	struct dkim_run run = dkim_run(f->dkim, f->dns, f->arena, headers, STR_EMPTY, SIZE_MAX);
	assert_int_equal(run.count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_str(run.list[i].signature, prefix[i]);
}

struct told {
	enum result result;
	int64_t count;
	const char *domains; /* NULL: absent */
	bool has_reason;
};

static void check_facts(struct fixture *f, const char *name, struct told want)
{
	struct str body;
	struct facts *conn = facts_new(f->arena, SCOPE_CONN, NULL), *facts = facts_new(f->arena, SCOPE_MSG, conn);
	struct auth_results results = { 0 };
	const struct header_list *headers = dkim_run_headers(f->arena, dkim_run_file(f->arena, name), &body);
	struct probe_env env = { .dns = f->dns, .arena = f->arena, .facts = facts, .headers = headers,
				 .results = &results, .deadline_mono_ms = clock_mono_ms() + 2000 };
	env.dkim = auth_dkim_verify_begin(f->dkim, f->dns, NULL, headers, f->arena);
	if (env.dkim != NULL)
		auth_dkim_verify_body(env.dkim, (const unsigned char *)body.p, body.n);
	probe_dkim(&env);
	const struct fact_value *domains = facts_get(facts, FACT_DKIM_PASS_DOMAINS);
	assert_int_equal(facts_get(facts, FACT_DKIM_RESULT)->result, want.result);
	assert_int_equal(facts_get(facts, FACT_DKIM_COUNT)->number, want.count);
	assert_int_equal(results.dkim_count + results.dkim_skipped, want.count);
	assert_int_equal(domains->state, want.domains == NULL ? FACT_ABSENT : FACT_VALUE);
	if (want.domains != NULL)
		assert_str(fact_value_print(f->arena, FACT_DKIM_PASS_DOMAINS, domains), want.domains);
	assert_int_equal(facts_get(facts, FACT_DKIM_REASON)->state, want.has_reason ? FACT_VALUE : FACT_ABSENT);
}

static void facts_sum_the_verdicts_up(void **state)
{
	check_facts(*state, "unsigned.eml", (struct told){ RESULT_NONE, 0, NULL, false });
	check_facts(*state, "several-good.eml", (struct told){ RESULT_PASS, 2, "example.org", false });
	check_facts(*state, "several-dead-first.eml", (struct told){ RESULT_PASS, 4, "example.org", true });
	check_facts(*state, "several-12.eml", (struct told){ RESULT_PASS, 12, "example.org", false });
	check_facts(*state, "changed-body.eml", (struct told){ RESULT_FAIL, 1, NULL, true });
	check_facts(*state, "key-servfail.eml", (struct told){ RESULT_TEMPERROR, 1, NULL, true });
	check_facts(*state, "several-covering-unread.eml", (struct told){ RESULT_NEUTRAL, 2, NULL, true });
}

static void a_partly_signed_body_answers_for_no_domain(void **state)
{
	check_facts(*state, "length-whole.eml", (struct told){ RESULT_PASS, 1, "example.org", false });
	check_facts(*state, "length-appended.eml", (struct told){ RESULT_PASS, 1, NULL, false });
	check_facts(*state, "length-zero-any-body.eml", (struct told){ RESULT_PASS, 1, NULL, false });
}

/* --- threads */

static void *verify_often(void *state)
{
	struct fixture *f = state;
	static const char *const names[] = { "several-good.eml", "rfc8463.eml", "key-bare.eml", "key-size-r4096.eml" };
	for (int round = 0; round < 50; round++) {
		struct arena *a = arena_new();
		const char *name = names[round % 4];
		struct dkim_run run = dkim_run_message(f->dkim, f->dns, a, dkim_run_file(a, name), 100);
		for (size_t i = 0; i < run.count; i++)
			if (run.list[i].result != RESULT_PASS)
				abort();
		arena_free(a);
	}
	return NULL;
}

static void threads_verify_at_the_same_time(void **state)
{
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify_often, *state), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_of_the_suite_gets_its_verdicts),
		cmocka_unit_test(the_size_of_body_chunks_does_not_matter),
		cmocka_unit_test(folds_may_come_as_lf_or_crlf),
		cmocka_unit_test(blanks_before_the_colon_belong_to_no_name),
		cmocka_unit_test(a_disguised_second_from_breaks_an_oversigned_one),
		cmocka_unit_test(nothing_hides_behind_a_nul_in_a_signed_field),
		cmocka_unit_test(a_body_without_final_line_end_gets_one),
		cmocka_unit_test(stray_line_ends_break_only_what_covers_them),
		cmocka_unit_test(lines_without_end_are_not_kept),
		cmocka_unit_test(the_body_is_not_asked_for_without_need),
		cmocka_unit_test(names_for_every_field_and_one_more_are_harmless),
		cmocka_unit_test(work_per_message_is_bounded),
		cmocka_unit_test(the_least_rsa_size_is_an_option),
		cmocka_unit_test(a_verification_outlives_its_settings),
		cmocka_unit_test(a_verification_may_be_given_up),
		cmocka_unit_test(a_verdict_names_the_signature),
		cmocka_unit_test(prefixes_of_b_are_unique_in_the_message),
		cmocka_unit_test(facts_sum_the_verdicts_up),
		cmocka_unit_test(a_partly_signed_body_answers_for_no_domain),
		cmocka_unit_test(threads_verify_at_the_same_time),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
