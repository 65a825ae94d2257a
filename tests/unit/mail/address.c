#include "../test.h"

#include "base/arena.h"
#include "mail/address.h"

static void paths_come_apart(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		const char *path, *local, *domain, *whole;
	} rows[] = {
		{ "<>", "", "", "" },
		{ "<a@example.org>", "a", "example.org", "a@example.org" },
		{ "a@example.org", "a", "example.org", "a@example.org" },
		{ "<Postmaster>", "Postmaster", "", "Postmaster" },
		{ "<a+b=c!d%e/f#g@Example.ORG>", "a+b=c!d%e/f#g", "Example.ORG", "a+b=c!d%e/f#g@Example.ORG" },
		{ "<\"a b\"@example.org>", "a b", "example.org", "\"a b\"@example.org" },
		{ "<\"a\\\"\\\\\\b@c\"@example.org>", "a\"\\b@c", "example.org", "\"a\\\"\\\\\\b@c\"@example.org" },
		{ "<\"\"@example.org>", "", "example.org", "\"\"@example.org" },
		{ "<\">\"@example.org>", ">", "example.org", "\">\"@example.org" },
		{ "<a@[192.0.2.1]>", "a", "[192.0.2.1]", "a@[192.0.2.1]" },
		{ "<a@[IPv6:2001:db8::1]>", "a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]" },
		{ "<a@[ipv6:::ffff:192.0.2.1]>", "a", "[ipv6:::ffff:192.0.2.1]", "a@[ipv6:::ffff:192.0.2.1]" },
		{ "<a@[x-tag:anything]>", "a", "[x-tag:anything]", "a@[x-tag:anything]" },
		/* source routes are dropped */
		{ "<@relay.example:a@example.org>", "a", "example.org", "a@example.org" },
		{ "<@r1.example,@[192.0.2.9],@r2.example:a@example.org>", "a", "example.org", "a@example.org" },
		/* UTF-8 */
		{ "<\xc3\xbc@b\u00fccher.example>", "\xc3\xbc", "b\u00fccher.example", "\xc3\xbc@b\u00fccher.example" },
		/* no grammar has these; one meaning */
		{ "<a..b.@example.org>", "a..b.", "example.org", "a..b.@example.org" },
		{ "<.a@example.org.>", ".a", "example.org", ".a@example.org." },
		{ "<a@under_score.example>", "a", "under_score.example", "a@under_score.example" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address;
		if (!address_parse_path(a, str_of(rows[i].path), &address))
			fail_msg("refused: %s", rows[i].path);
		assert_str(address.local, rows[i].local);
		assert_str(address.domain, rows[i].domain);
		assert_str(address.whole, rows[i].whole);
	}
	arena_free(a);
}

static void what_is_no_path_is_refused(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct str rows[] = {
		STR(""), STR("<"), STR(">"), STR("<<>>"), STR("<a@b"), STR("a@b>"), STR("<a@b>>"), STR("<<a@b>>"),
		STR("<a@b> "), STR(" <a@b>"), STR("<a@b><c@d>"), STR("<a@b>x"), STR("< a@b>"), STR("<a@b >"),
		STR("<a@>"), STR("<@b>"), STR("<a@b@c>"), STR("<a b@c>"), STR("<a@b c>"), STR("<a,b@c>"), STR("<a@b,c@d>"),
		STR("<a@b..c>"), STR("<a@.b>"), STR("<a@b..>"), STR("<a@.>"), STR("<a(c)@b>"), STR("<a@b(c)>"),
		STR("<\"a@b>"), STR("<\"a\\\"@b>"), STR("<\"a\"b@c>"), STR("<a\"b\"@c>"), STR("<\"a\".\"b\"@c>"), STR("<\"a\tb\"@c>"),
		STR("<a@[192.0.2.1>"), STR("<a@192.0.2.1]>"), STR("<a@[192.0.2.256]>"), STR("<a@[2001:db8::1]>"),
		STR("<a@[IPv6:192.0.2.1]>"), STR("<a@[IPv6:]>"),
		STR("<a@[IPv6:192.0.2.1.1]>"), STR("<a@[]>"), STR("<a@[tag:]>"), STR("<a@[192.0.2.1].>"), STR("<a@[192.0.2.1]x>"),
		STR("<@r a@b>"), STR("<@r,a@b>"), STR("<@r:>"), STR("<@r,@:a@b>"), STR("<:a@b>"), STR("<r:a@b>"),
		STR("<a@b\0>"), STR("<a\0@b>"), STR("<a@b\r\n>"), STR("<a\x7f@b>"), STR("<\"\x01\"@b>"),
		STR("<\xff@b>"), STR("<a@\xc3>"),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address = { .local = STR("untouched") };
		if (address_parse_path(a, rows[i], &address))
			fail_msg("row %zu (%s) was taken", i, rows[i].p);
		assert_str(address.local, "untouched");
	}
	arena_free(a);
}

static struct str xs(struct arena *a, size_t n)
{
	char *p = arena_alloc(a, n + 1);
	memset(p, 'x', n);
	return (struct str){ p, n };
}

static void paths_are_bounded(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct address address;
	struct str good = xs(a, LOCAL_MAX_BYTES), long_local = xs(a, LOCAL_MAX_BYTES + 1);
	assert_true(address_parse_path(a, str_printf(a, "<%.*s@example.org>", STR_ARG(good)), &address));
	assert_false(address_parse_path(a, str_printf(a, "<%.*s@example.org>", STR_ARG(long_local)), &address));
	assert_true(address_parse_path(a, str_printf(a, "<%.*s@%.*s>", 200, good.p, 255, good.p), &address));
	assert_false(address_parse_path(a, str_printf(a, "<%.*s@%.*s>", 2, good.p, 256, long_local.p), &address));
	assert_false(address_parse_path(a, str_printf(a, "<@%.*s:%.*s@b>", 255, good.p, 255, good.p), &address));
	assert_false(address_parse_path(a, xs(a, 1000000), &address));
	arena_free(a);
}

static void lists_come_apart(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	/* expected: "name|local|domain" for each mailbox, with ';' between */
	const struct {
		const char *body, *expected;
		bool has_group;
	} rows[] = {
		{ " a@example.org", "|a|example.org", false },
		{ " Jane Doe <jane@example.org>", "Jane Doe|jane|example.org", false },
		{ " \"Doe, Jane\" <jane@example.org>", "\"Doe, Jane\"|jane|example.org", false },
		{ "Jane<jane@example.org>", "Jane|jane|example.org", false },
		{ "\"Jane\"<jane@example.org>", "\"Jane\"|jane|example.org", false },
		{ "<jane@example.org>", "|jane|example.org", false },
		{ "< \tjane@example.org >", "|jane|example.org", false },
		{ " John Q. Public <a@b>", "John Q. Public|a|b", false },
		{ " a@b (Jane (the real) \\) one)", "|a|b", false },
		{ " (x@y) Jane (a \"comment) Doe (z) <a@b> (<c@d>)", "Jane (a \"comment) Doe|a|b", false },
		{ " =?utf-8?Q?J=C3=BCrgen?= =?utf-8?B?PGFAYj4=?= <a@b>",
		  "=?utf-8?Q?J=C3=BCrgen?= =?utf-8?B?PGFAYj4=?=|a|b", false },
		{ " J\xc3\xbcrgen <\xc3\xbc@b\u00fccher.example>", "J\xc3\xbcrgen|\xc3\xbc|b\u00fccher.example",
		  false },
		{ "\n\tJane\n Doe\r\n <a@b>", "Jane Doe|a|b", false },
		{ " \"a@b\" <c@d>", "\"a@b\"|c|d", false },
		{ " \"<a@b>\" <c@d>", "\"<a@b>\"|c|d", false },
		{ " \"a@b\"@c", "|a@b|c", false },
		{ " \"a\\\"b c\"@d", "|a\"b c|d", false },
		{ " a@[192.0.2.1]", "|a|[192.0.2.1]", false },
		{ " a..b.@docomo.example", "|a..b.|docomo.example", false },
		{ " a@b, Jane <c@d>", "|a|b;Jane|c|d", false },
		{ " a@b,c@d", "|a|b;|c|d", false },
		/* obsolete empty elements, RFC 5322 4.4 */
		{ " , a@b ,, (x), c@d,", "|a|b;|c|d", false },
		{ " friends: a@b, Jane <c@d>;", "|a|b;Jane|c|d", true },
		{ " \"our friends\" (x): a@b; , c@d", "|a|b;|c|d", true },
		{ " one: ; , two: a@b;", "|a|b", true },
		{ " one: , a@b,, ;", "|a|b", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mailboxes m = mailboxes_parse(a, str_of(rows[i].body));
		if (m.status != MAILBOXES_OK)
			fail_msg("%s: status %d, %s", rows[i].body, m.status, m.why);
		struct str got = STR_EMPTY;
		for (size_t k = 0; k < m.count; k++)
			got = str_printf(a, "%.*s%s%.*s|%.*s|%.*s", STR_ARG(got), k == 0 ? "" : ";",
					 STR_ARG(m.list[k].name), STR_ARG(m.list[k].address.local),
					 STR_ARG(m.list[k].address.domain));
		assert_str(got, rows[i].expected);
		assert_int_equal(m.has_group, rows[i].has_group);
	}
	arena_free(a);
}

static void an_address_is_kept_as_written(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_str(mailboxes_parse(a, STR(" x < \"a b\"@Example.ORG >")).list[0].address.whole, "\"a b\"@Example.ORG");
	assert_str(mailboxes_parse(a, STR(" A@b (c)")).list[0].address.whole, "A@b");
	arena_free(a);
}

static void lists_without_anybody_are_empty(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const char *const rows[] = { "", " ", " \t", " (nobody)", " ,", " (a), (b) ,," };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(mailboxes_parse(a, str_of(rows[i])).status, MAILBOXES_EMPTY);
	struct mailboxes m = mailboxes_parse(a, STR(" undisclosed recipients:;"));
	assert_int_equal(m.status, MAILBOXES_EMPTY);
	assert_true(m.has_group);
	arena_free(a);
}

static void what_has_no_one_meaning_is_malformed(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		struct str body;
		const char *why;
	} rows[] = {
		{ STR(" a"), "a name without an address" },
		{ STR(" \"a\""), "a name without an address" },
		{ STR(" Doe, Jane <a@b>"), "a name without an address" },
		{ STR(" =?utf-8?B?YUBi?="), "a name without an address" },
		{ STR(" <>"), "no local part" },
		{ STR(" Jane <>"), "no local part" },
		{ STR(" <a>"), "no domain" },
		{ STR(" <a@>"), "domain of an address" },
		{ STR(" a@"), "domain of an address" },
		{ STR(" @b"), "'@' that is neither" },
		{ STR(" <@b>"), "no local part" },
		{ STR(" <@b,@c:d@e>"), "no local part" },
		{ STR(" @b:d@e"), "'@' that is neither" },
		{ STR(" a@b:c@d"), "text behind" },
		{ STR(" a@b <c@d>"), "text behind" },
		{ STR(" a@b<c@d>"), "text behind" },
		{ STR(" John a@b"), "'@' that is neither" },
		{ STR(" a@b c@d"), "text behind" },
		{ STR(" a@b@c"), "text behind" },
		{ STR(" a @b"), "'@' that is neither" },
		{ STR(" a@ b"), "domain of an address" },
		{ STR(" a(x)@b"), "'@' that is neither" },
		{ STR(" a@(x)b"), "domain of an address" },
		{ STR(" a@b(x).c"), "text behind" },
		{ STR(" a@b .c"), "text behind" },
		{ STR(" a@b."), "domain of an address" },
		{ STR(" a@.b"), "domain of an address" },
		{ STR(" a@b..c"), "domain of an address" },
		{ STR(" a@b!c"), "text behind" },
		{ STR(" a@b\\"), "text behind" },
		{ STR(" \"a\".b@c"), "'@' that is neither" },
		{ STR(" \"a\"b@c"), "'@' that is neither" },
		{ STR(" a\"b\"@c"), "'@' that is neither" },
		{ STR(" \"a\" \"b\"@c"), "'@' that is neither" },
		{ STR(" <a@b><c@d>"), "text behind" },
		{ STR(" <a@b> <c@d>"), "text behind" },
		{ STR(" <a@b> x"), "text behind" },
		{ STR(" <a@b>;"), "text behind" },
		{ STR(" x <a@b>>"), "text behind" },
		{ STR(" <<a@b>>"), "no local part" },
		{ STR(" <a@b"), "between angle brackets" },
		{ STR(" <a@b, c@d>"), "between angle brackets" },
		{ STR(" <a@b c>"), "between angle brackets" },
		{ STR(" <a@b(c)>"), "between angle brackets" },
		{ STR(" <(c)a@b>"), "no local part" },
		{ STR(" <Jane a@b>"), "no domain" },
		{ STR(" a@b>"), "text behind" },
		{ STR(" >a@b"), "special character" },
		{ STR(" [x] <a@b>"), "special character" },
		{ STR(" x; y <a@b>"), "a name without an address" },
		{ STR(" x\\y <a@b>"), "special character" },
		{ STR(" \"x <a@b>"), "quoted text is not closed" },
		{ STR(" \"x\\\" <a@b>"), "quoted text is not closed" },
		{ STR(" x\" <a@b>"), "quoted text is not closed" },
		{ STR(" (x <a@b>"), "comment" },
		{ STR(" a@b (x"), "comment" },
		{ STR(" a@b (x\\)"), "comment" },
		{ STR(" a@b x)"), "text behind" },
		{ STR(" ) a@b"), "special character" },
		{ STR(" g: a@b"), "group is not closed" },
		{ STR(" g: a@b; c@d"), "text behind" },
		{ STR(" g: h: a@b;;"), "no group can begin" },
		{ STR(" : a@b;"), "no group can begin" },
		{ STR(" g: a@b;;"), "text behind" },
		{ STR(" a@[192.0.2.1"), "domain of an address" },
		{ STR(" a@[1 2]"), "domain of an address" },
		{ STR(" =?utf-8?q?a?=@b"), "encoded-word" },
		{ STR(" \"=?utf-8?q?a?=\"@b"), "encoded-word" },
		{ STR(" x <=?utf-8?q?a=40b=3e?=@c>"), "encoded-word" },
		{ STR(" a@b\0"), "control characters" },
		{ STR(" a@b\0(.c)"), "control characters" },
		{ STR(" \"\x01\" <a@b>"), "control characters" },
		{ STR(" \x7f <a@b>"), "control characters" },
		{ STR(" a@b\r c@d"), "control characters" },
		{ STR(" a@b\r"), "control characters" },
		{ STR(" a@b\nc@d"), "control characters" },
		{ STR(" a@b\n"), "control characters" },
		{ STR(" a@b\r\n\r\n c@d"), "control characters" },
		{ STR(" a@b,\n \n c@d"), "control characters" },
		{ STR(" a@b\n \t"), "control characters" },
		{ STR(" J\xfcrgen <a@b>"), "not UTF-8" },
		{ STR(" \x83\\ <a@b>"), "not UTF-8" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mailboxes m = mailboxes_parse(a, rows[i].body);
		if (m.status != MAILBOXES_MALFORMED || strstr(m.why, rows[i].why) == NULL)
			fail_msg("row %zu%s: status %d, \"%s\", want \"%s\"", i, rows[i].body.p, m.status,
				 m.why == NULL ? "" : m.why, rows[i].why);
		assert_int_equal(m.count, 0);
		assert_null(m.list);
	}
	arena_free(a);
}

static struct str repeat(struct arena *a, const char *piece, size_t times)
{
	struct str one = str_of(piece);
	char *p = arena_alloc(a, one.n * times + 1);
	for (size_t i = 0; i < times; i++)
		memcpy(p + i * one.n, one.p, one.n);
	return (struct str){ p, one.n * times };
}

static void lists_are_bounded(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct mailboxes m = mailboxes_parse(a, repeat(a, "a@b,", MAILBOXES_MAX));
	assert_int_equal(m.status, MAILBOXES_OK);
	assert_int_equal(m.count, MAILBOXES_MAX);
	m = mailboxes_parse(a, repeat(a, "a@b,", MAILBOXES_MAX + 1));
	assert_int_equal(m.status, MAILBOXES_TOO_MANY);
	assert_int_equal(m.count, MAILBOXES_MAX);

	struct str open = repeat(a, "(", 32), close = repeat(a, ")", 32);
	assert_int_equal(mailboxes_parse(a, str_printf(a, "%.*s%.*s a@b", STR_ARG(open), STR_ARG(close))).status,
			 MAILBOXES_OK);
	assert_int_equal(mailboxes_parse(a, str_printf(a, "(%.*s%.*s) a@b", STR_ARG(open), STR_ARG(close))).status,
			 MAILBOXES_MALFORMED);

	struct str x = repeat(a, "x", LOCAL_MAX_BYTES + 1);
	assert_int_equal(mailboxes_parse(a, str_printf(a, "%.*s@b", STR_ARG(x))).status, MAILBOXES_MALFORMED);
	assert_int_equal(mailboxes_parse(a, str_printf(a, "<%.*s@b>", STR_ARG(x))).status, MAILBOXES_MALFORMED);
	assert_int_equal(mailboxes_parse(a, str_printf(a, "a@%.*s", STR_ARG(x))).status, MAILBOXES_MALFORMED);
	struct str pairs = repeat(a, "\\x", LOCAL_MAX_BYTES);
	m = mailboxes_parse(a, str_printf(a, "\"%.*s\"@b", STR_ARG(pairs)));
	assert_int_equal(m.status, MAILBOXES_MALFORMED);
	assert_string_equal(m.why, "an address is too long");
	arena_free(a);
}

/* Hostile bodies of 60 kB may not cost more memory than a small multiple of their size. */
static void memory_stays_in_proportion(void **state)
{
	(void)state;
	const char *const pieces[] = { "\"\"",   "\"",   "(",    "()", ",",         "<",   "x ",
				       "\"x\",", "a@b,", "g:;,", "\\", "\"\\\"\" ", "\n x" };
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct arena *a = arena_new();
		struct str body = repeat(a, pieces[i], 60000 / strlen(pieces[i]));
		size_t before = arena_used_bytes(a);
		mailboxes_parse(a, body);
		assert_true(arena_used_bytes(a) - before < 3 * body.n + 20000);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_come_apart),
		cmocka_unit_test(what_is_no_path_is_refused),
		cmocka_unit_test(paths_are_bounded),
		cmocka_unit_test(lists_come_apart),
		cmocka_unit_test(an_address_is_kept_as_written),
		cmocka_unit_test(lists_without_anybody_are_empty),
		cmocka_unit_test(what_has_no_one_meaning_is_malformed),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(memory_stays_in_proportion),
	};
	return RUN_TESTS(tests);
}
