#include "zone.h"

#include <dlfcn.h>
#include <opendmarc/dmarc.h>

#include "auth/dmarc.h"
#include "mail/domain.h"

static const char zone_text[] =
	"_dmarc.relaxed.example     TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.sub.relaxed.example TXT \"v=DMARC1; p=quarantine\"\n"
	"_dmarc.strict.example      TXT \"v=DMARC1; p=reject; adkim=s; aspf=s\"\n"
	"_dmarc.own.relaxed.example TXT \"v=DMARC1; p=none; psd=n\"\n"
	/* Policies of subdomains. */
	"_dmarc.sp.example          TXT \"v=DMARC1; p=none; sp=quarantine; np=reject\"\n"
	"real.sp.example            A   192.0.2.1\n"
	"broken.sp.example          A   SERVFAIL\n"
	"_dmarc.np.example          TXT \"v=DMARC1; p=none; np=reject\"\n"
	"real.np.example            MX  10 mx.np.example\n"
	"_dmarc.testing.example     TXT \"v=DMARC1; p=reject; sp=quarantine; np=none; t=y\"\n"
	"real.testing.example       A   192.0.2.1\n"
	/* Records without effect. */
	"_dmarc.nothing.example     TXT \"v=DMARC1; p=foo\"\n"
	"_dmarc.reports.example     TXT \"v=DMARC1; p=foo; rua=mailto:r@reports.example\"\n"
	"_dmarc.twice.example       TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.twice.example       TXT \"v=DMARC1; p=reject\"\n"
	/* Public suffixes: one that says so, one that does not, and very short names. */
	"_dmarc.bank                TXT \"v=DMARC1; p=quarantine; sp=reject; psd=y\"\n"
	"_dmarc.own.bank            TXT \"v=DMARC1; p=none\"\n"
	"some.bank                  A   192.0.2.1\n"
	"_dmarc.x.com               TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.me.co.uk            TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.you.co.uk           TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.z                   TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.xn--bcher-kva.example TXT \"v=DMARC1; p=reject\"\n"
	/* Trouble. */
	"_dmarc.fails.example       TXT SERVFAIL\n"
	"_dmarc.late.example        TXT TIMEOUT\n"
	"_dmarc.fine.fails.example  TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.exact.fails.example TXT \"v=DMARC1; p=reject; adkim=s\"\n"
	"_dmarc.border.exact.fails.example TXT \"v=DMARC1; p=none; psd=n\"\n"
	"_dmarc.fails.relaxed.example TXT BOGUS\n"
	"_dmarc.same.example        TXT \"v=DMARC1; p=none; sp=reject; np=reject\"\n"
	"broken.same.example        A   SERVFAIL\n";

static int setup(void **state)
{
	static struct zone zone;
	zone_open(&zone, zone_text);
	*state = &zone;
	return 0;
}

static int teardown(void **state)
{
	zone_close(*state);
	return 0;
}

/* "pass mail.example": the verdict's two words that matter. */
static void split(const char *text, enum result *result, struct str *domain)
{
	struct str word;
	str_cut(str_of(text), ' ', &word, domain);
	assert_true(result_parse(word, result));
}

struct row {
	const char *author;
	const char *spf;     /* "pass domain", NULL: not checked */
	const char *dkim[3]; /* the same; "part domain": a pass that leaves a part of the body unsigned */
	const char *expected; /* result, policy or "-", what is aligned: s, d, sd or "-" */
};

static const struct dmarc_verdict *evaluate(struct zone *z, const struct row *row)
{
	struct spf_verdict spf = { 0 };
	struct dkim_verdict dkim[3] = { 0 };
	struct dmarc_check check = { .author_domain = str_of(row->author), .dkim = dkim };
	if (row->spf != NULL) {
		split(row->spf, &spf.result, &spf.domain);
		check.spf = &spf;
	}
	for (; check.dkim_count < 3 && row->dkim[check.dkim_count] != NULL; check.dkim_count++) {
		struct dkim_verdict *d = &dkim[check.dkim_count];
		struct str text = str_of(row->dkim[check.dkim_count]);
		d->covers_body = !str_starts(text, STR("part "));
		if (d->covers_body)
			split(text.p, &d->result, &d->domain);
		else
			*d = (struct dkim_verdict){ .result = RESULT_PASS, .domain = str_skip(text, 5) };
	}
	return dmarc_evaluate(z->dns, &check, zone_deadline(), z->arena);
}

static void check_rows(struct zone *z, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct dmarc_verdict *v = evaluate(z, &rows[i]);
		struct str got = str_printf(z->arena, "%s %.*s %s%s%s", result_words[v->result],
					    STR_ARG(v->policy.n > 0 ? v->policy : STR("-")),
					    v->spf_aligned ? "s" : "", v->dkim_aligned ? "d" : "",
					    v->spf_aligned || v->dkim_aligned ? "" : "-");
		if (!str_eq(got, str_of(rows[i].expected)))
			fail_msg("%s, SPF %s, DKIM %s: got \"%.*s\", want \"%s\" (%.*s)", rows[i].author,
				 rows[i].spf != NULL ? rows[i].spf : "-",
				 rows[i].dkim[0] != NULL ? rows[i].dkim[0] : "-", STR_ARG(got), rows[i].expected,
				 STR_ARG(v->reason));
	}
}

#define CHECK(z, rows) check_rows((z), (rows), sizeof(rows) / sizeof((rows)[0]))

static void alignment_is_by_organizational_domain_or_exact(void **state)
{
	static const struct row rows[] = {
		{ "relaxed.example", "pass relaxed.example", { "pass relaxed.example" }, "pass reject sd" },
		{ "relaxed.example", "pass bounce.relaxed.example", { NULL }, "pass reject s" },
		{ "relaxed.example", NULL, { "pass a.b.relaxed.example" }, "pass reject d" },
		{ "sub.relaxed.example", NULL, { "pass relaxed.example" }, "pass quarantine d" },
		{ "sub.relaxed.example", "pass beside.relaxed.example", { NULL }, "pass quarantine s" },
		{ "relaxed.example", "pass relaxed.example.evil.example", { NULL }, "fail reject -" },
		{ "relaxed.example", NULL, { "pass evilrelaxed.example" }, "fail reject -" },
		{ "relaxed.example", "pass example", { "pass other.example" }, "fail reject -" },
		{ "relaxed.example", NULL, { "pass other.example", "pass relaxed.example" }, "pass reject d" },
		{ "relaxed.example", NULL, { "pass relaxed.example", "fail relaxed.example" }, "pass reject d" },
		/* psd=n draws a border on both sides. */
		{ "own.relaxed.example", "pass relaxed.example", { "pass sub.relaxed.example" }, "fail none -" },
		{ "relaxed.example", "pass own.relaxed.example", { "pass a.own.relaxed.example" }, "fail reject -" },
		{ "own.relaxed.example", NULL, { "pass a.own.relaxed.example" }, "pass none d" },
		{ "strict.example", "pass strict.example", { NULL }, "pass reject s" },
		{ "strict.example", "pass mail.strict.example", { "pass mail.strict.example" }, "fail reject -" },
		{ "mail.strict.example", "pass strict.example", { "pass mail.strict.example" }, "pass reject d" },
	};
	CHECK(*state, rows);
}

static void only_a_pass_counts(void **state)
{
	static const struct row rows[] = {
		{ "relaxed.example", NULL, { NULL }, "fail reject -" },
		{ "relaxed.example", "softfail relaxed.example", { "fail relaxed.example" }, "fail reject -" },
		{ "relaxed.example", "neutral relaxed.example", { "policy relaxed.example" }, "fail reject -" },
		{ "relaxed.example", "permerror relaxed.example", { "permerror relaxed.example" }, "fail reject -" },
		{ "relaxed.example", "none relaxed.example", { "neutral relaxed.example" }, "fail reject -" },
		{ "relaxed.example", "pass ", { "pass " }, "fail reject -" },
		/* Anyone can write below what l= covers. */
		{ "relaxed.example", NULL, { "part relaxed.example" }, "fail reject -" },
		{ "relaxed.example", NULL, { "part relaxed.example", "pass relaxed.example" }, "pass reject d" },
	};
	CHECK(*state, rows);
}

static void the_policy_depends_on_where_the_record_is(void **state)
{
	static const struct row rows[] = {
		{ "sp.example", NULL, { NULL }, "fail none -" },
		{ "real.sp.example", NULL, { NULL }, "fail quarantine -" },
		{ "gone.sp.example", NULL, { NULL }, "fail reject -" },
		{ "a.real.sp.example", NULL, { NULL }, "fail reject -" },
		{ "broken.sp.example", NULL, { NULL }, "temperror - -" },
		{ "broken.same.example", NULL, { NULL }, "fail reject -" }, /* np= makes no difference */
		{ "broken.sp.example", NULL, { "pass sp.example" }, "pass - d" },
		{ "gone.sp.example", NULL, { "pass sp.example" }, "pass reject d" },
		{ "real.np.example", NULL, { NULL }, "fail none -" },
		{ "gone.np.example", NULL, { NULL }, "fail reject -" },
		{ "a.b.c.relaxed.example", NULL, { NULL }, "fail reject -" },
		/* t=y: one step milder. */
		{ "testing.example", NULL, { NULL }, "fail quarantine -" },
		{ "real.testing.example", NULL, { NULL }, "fail none -" },
		{ "gone.testing.example", NULL, { NULL }, "fail none -" },
	};
	CHECK(*state, rows);
}

static void without_a_usable_record_there_is_no_dmarc(void **state)
{
	static const struct row rows[] = {
		{ "unknown.example", "pass unknown.example", { "pass unknown.example" }, "none - -" },
		{ "twice.example", "pass twice.example", { NULL }, "none - -" },
		{ "nothing.example", "pass nothing.example", { NULL }, "none - -" },
		{ "sub.nothing.example", NULL, { NULL }, "none - -" },
		{ "reports.example", NULL, { NULL }, "fail none -" },
		{ "sub.reports.example", NULL, { "pass reports.example" }, "pass none d" },
	};
	CHECK(*state, rows);
}

static void public_suffixes_never_align(void **state)
{
	static const struct row rows[] = {
		{ "own.bank", "pass bank", { "pass other.bank" }, "fail none -" },
		{ "some.bank", "pass bank", { "pass own.bank" }, "fail reject -" },
		{ "some.bank", "pass mail.some.bank", { "pass some.bank" }, "pass reject sd" },
		{ "a.some.bank", NULL, { "pass b.some.bank" }, "pass reject d" },
		{ "bank", NULL, { "pass some.bank" }, "fail quarantine -" },
		{ "bank", NULL, { "pass bank" }, "pass quarantine d" },
		{ "me.co.uk", "pass co.uk", { "pass you.co.uk", "pass they.co.uk", "pass uk" }, "fail reject -" },
		{ "x.com", "pass com", { "pass y.com", "pass q.com", "pass example.com" }, "fail reject -" },
		{ "x.com", NULL, { "pass m.x.com" }, "pass reject d" },
		{ "y.com", "pass x.com", { "pass com" }, "none - -" },
		{ "z", NULL, { "pass com" }, "fail reject -" },
		{ "z", NULL, { "pass z" }, "pass reject d" },
		{ "a.z", NULL, { "pass b.z" }, "pass reject d" }, /* a record without psd=y makes it no suffix */
	};
	CHECK(*state, rows);
}

static void both_forms_of_an_international_name_are_one(void **state)
{
	struct zone *z = *state;
	struct str author;
	assert_true(domain_normalize(z->arena, STR("B\xc3\xbc""cher.example"), &author));
	const struct row row = { str_to_c(z->arena, author), NULL, { "pass xn--bcher-kva.example" }, "pass reject d" };
	check_rows(z, &row, 1);
}

static void what_might_have_aligned_is_a_temperror(void **state)
{
	static const struct row rows[] = {
		/* The author domain's own record decides everything. */
		{ "fails.example", "pass fails.example", { "pass fails.example" }, "temperror - -" },
		{ "late.example", NULL, { NULL }, "temperror - -" },
		/* No record of its own: it may be the one that cannot be had. */
		{ "sub.fails.example", NULL, { "pass sub.fails.example" }, "temperror - -" },
		/* A record of its own, trouble above: matters only to what is neither equal nor elsewhere. */
		{ "fine.fails.example", NULL, { NULL }, "fail reject -" },
		{ "fine.fails.example", "pass fine.fails.example", { NULL }, "pass reject s" },
		{ "fine.fails.example", NULL, { "pass elsewhere.com" }, "fail reject -" },
		{ "fine.fails.example", NULL, { "pass beside.fails.example" }, "temperror reject -" },
		{ "fine.fails.example", NULL, { "pass fails.example" }, "temperror reject -" },
		{ "fine.fails.example", "pass exact.fails.example", { NULL }, "temperror reject -" },
		/* What may be there would be the same for both. */
		{ "fine.fails.example", NULL, { "pass a.fine.fails.example" }, "pass reject d" },
		{ "a.exact.fails.example", "pass exact.fails.example", { NULL }, "temperror - -" },
		{ "fine.fails.example", "fail a.fine.fails.example", { "fail fails.example" }, "fail reject -" },
		{ "exact.fails.example", "pass a.exact.fails.example", { NULL }, "pass reject s" },
		{ "exact.fails.example", "pass border.exact.fails.example", { NULL }, "temperror reject -" },
		{ "exact.fails.example", NULL, { "pass a.exact.fails.example" }, "fail reject -" },
		/* Trouble on the way from the other domain. */
		{ "relaxed.example", NULL, { "pass fails.relaxed.example" }, "temperror reject -" },
		{ "relaxed.example", NULL, { "pass fails.relaxed.example", "pass relaxed.example" }, "pass reject d" },
		{ "relaxed.example", "pass relaxed.example", { "pass fails.relaxed.example" }, "pass reject s" },
		/* SPF or DKIM themselves could not tell. */
		{ "relaxed.example", "temperror a.relaxed.example", { NULL }, "temperror reject -" },
		{ "relaxed.example", "temperror elsewhere.com", { NULL }, "fail reject -" },
		{ "relaxed.example", "temperror relaxed.example", { "pass relaxed.example" }, "pass reject d" },
		{ "relaxed.example", "fail relaxed.example", { "temperror relaxed.example" }, "temperror reject -" },
		{ "relaxed.example", NULL, { "temperror relaxed.example", "fail relaxed.example" },
		  "temperror reject -" },
		{ "relaxed.example", NULL, { "temperror ", "temperror other.example" }, "fail reject -" },
		{ "strict.example", "temperror a.strict.example", { "temperror a.strict.example" }, "fail reject -" },
		{ "strict.example", "temperror strict.example", { NULL }, "temperror reject -" },
		{ "unknown.example", "temperror unknown.example", { NULL }, "none - -" },
	};
	CHECK(*state, rows);
}

static void a_verdict_tells_what_was_found(void **state)
{
	struct zone *z = *state;
	const struct dmarc_verdict *v = evaluate(z, &(struct row){ .author = "gone.sp.example" });
	assert_str(v->record_domain, "sp.example");
	assert_str(v->org_domain, "sp.example");
	assert_str(v->p, "none");
	assert_str(v->sp, "quarantine");
	assert_str(v->np, "reject");
	assert_true(v->is_nonexistent);
	assert_str(v->reason, "no SPF; no DKIM signature");
	v = evaluate(z, &(struct row){ "some.bank", "pass bank", { "fail some.bank", "part some.bank" }, NULL });
	assert_str(v->record_domain, "bank");
	assert_str(v->org_domain, "some.bank");
	assert_str(v->psd, "y");
	assert_false(v->is_nonexistent);
	assert_str(v->reason, "SPF pass for bank is not aligned; "
			      "DKIM pass for some.bank leaves a part of the body unsigned");
	v = evaluate(z, &(struct row){ .author = "reports.example", .spf = "pass reports.example" });
	assert_int_equal(v->rua_count, 1);
	assert_str(v->rua[0], "mailto:r@reports.example");
	assert_str(v->reason, "aligned: SPF");
	v = evaluate(z, &(struct row){ .author = "a.late.example" });
	assert_str(v->reason, "no answer for _dmarc.late.example (timeout)");
	v = evaluate(z, &(struct row){ .author = "relaxed.example", .spf = "temperror relaxed.example" });
	assert_str(v->reason, "SPF for relaxed.example ended in temperror");
}

/* Relaxed alignment of names beside each other costs nothing but the author's own walk. */
static void questions_are_few(void **state)
{
	struct zone *z = *state;
	evaluate(z, &(struct row){ "relaxed.example", "pass elsewhere.com", { "pass other.example" }, NULL });
	assert_int_equal(zone_questions(z), 2);
	evaluate(z, &(struct row){ "relaxed.example", "pass b.relaxed.example", { "pass a.b.relaxed.example" }, NULL });
	assert_int_equal(zone_questions(z), 4);
	evaluate(z, &(struct row){ "a.b.c.d.e.f.g.strict.example", NULL, { "pass strict.example" }, NULL });
	assert_int_equal(zone_questions(z), 4 + 8 - 1);
}

static void prefetch_leaves_no_question_to_ask(void **state)
{
	struct zone *z = *state;
	dmarc_prefetch(z->dns, STR_EMPTY);
	assert_int_equal(zone_questions(z), 0);
	dmarc_prefetch(z->dns, STR("a.b.relaxed.example"));
	unsigned questions = zone_questions(z);
	assert_int_equal(questions, 4);
	evaluate(z, &(struct row){ "a.b.relaxed.example", "pass relaxed.example", { NULL }, NULL });
	assert_int_equal(zone_questions(z), questions);
}

/* ---- the library ---------------------------------------------------------------------------------------- */

static int lie; /* what the library is made to answer; 0: its own answer */

OPENDMARC_STATUS_T opendmarc_get_policy_to_enforce(DMARC_POLICY_T *context)
{
	union {
		void *object;
		OPENDMARC_STATUS_T (*function)(DMARC_POLICY_T *);
	} real = { dlsym(RTLD_NEXT, "opendmarc_get_policy_to_enforce") };
	return lie != 0 ? lie : real.function(context);
}

static void a_library_that_disagrees_makes_a_temperror(void **state)
{
	struct zone *z = *state;
	const struct row pass = { "relaxed.example", "pass relaxed.example", { NULL }, "temperror reject s" };
	const struct row fail = { "relaxed.example", NULL, { NULL }, "temperror reject -" };
	lie = DMARC_POLICY_NONE;
	check_rows(z, &pass, 1);
	check_rows(z, &fail, 1);
	lie = DMARC_PARSE_ERROR_NO_ALLOC;
	check_rows(z, &fail, 1);
	lie = 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(alignment_is_by_organizational_domain_or_exact),
		T(only_a_pass_counts),
		T(the_policy_depends_on_where_the_record_is),
		T(without_a_usable_record_there_is_no_dmarc),
		T(public_suffixes_never_align),
		T(both_forms_of_an_international_name_are_one),
		T(what_might_have_aligned_is_a_temperror),
		T(a_verdict_tells_what_was_found),
		T(questions_are_few),
		T(prefetch_leaves_no_question_to_ask),
		T(a_library_that_disagrees_makes_a_temperror),
	};
	return RUN_TESTS(tests);
}
