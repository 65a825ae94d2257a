#include "../test.h"

#include "base/arena.h"
#include "mail/author.h"
#include "mail/header.h"

static struct author author_of_from(struct arena *a, struct str body)
{
	struct header_list *headers = header_list_new(a);
	header_list_add(headers, STR("Received"), STR(" from mx.example"));
	header_list_add(headers, STR("From"), body);
	header_list_add(headers, STR("Subject"), STR(" From: nobody@example.net"));
	return author_of(a, headers);
}

static void one_author_is_ok(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		const char *body, *domain, *whole, *name;
	} rows[] = {
		{ " a@example.org", "example.org", "a@example.org", "" },
		{ " Jane Doe <jane@Example.ORG>", "example.org", "jane@Example.ORG", "Jane Doe" },
		{ " \"Doe, Jane\"\n <jane@example.org> (at work)", "example.org", "jane@example.org", "\"Doe, Jane\"" },
		/* a comment is a comment, a quoted text is a name */
		{ " (ceo@bank.example) mallory@evil.example", "evil.example", "mallory@evil.example", "" },
		{ " mallory@evil.example (ceo@bank.example)", "evil.example", "mallory@evil.example", "" },
		{ " \"ceo@bank.example\" <mallory@evil.example>", "evil.example", "mallory@evil.example",
		  "\"ceo@bank.example\"" },
		{ " \"<ceo@bank.example>\" <mallory@evil.example>", "evil.example", "mallory@evil.example",
		  "\"<ceo@bank.example>\"" },
		{ " =?utf-8?B?PGNlb0BiYW5rLmV4YW1wbGU+?= <mallory@evil.example>", "evil.example",
		  "mallory@evil.example", "=?utf-8?B?PGNlb0BiYW5rLmV4YW1wbGU+?=" },
		/* both forms of an IDN are one domain */
		{ " x@b\u00fccher.example", "xn--bcher-kva.example", "x@b\u00fccher.example", "" },
		{ " x@XN--bcher-KVA.example", "xn--bcher-kva.example", "x@XN--bcher-KVA.example", "" },
		/* obsolete empty elements name nobody */
		{ " a@example.org,", "example.org", "a@example.org", "" },
		{ " \"john..doe\"@example.org", "example.org", "\"john..doe\"@example.org", "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct author author = author_of_from(a, str_of(rows[i].body));
		if (author.status != AUTHOR_OK)
			fail_msg("%s: %s: %s", rows[i].body, author_status_words[author.status], author.why);
		assert_str(author.domain, rows[i].domain);
		assert_str(author.box.address.whole, rows[i].whole);
		assert_str(author.box.name, rows[i].name);
		assert_int_equal(author.count, 1);
		assert_int_equal(author.fields, 1);
		assert_null(author.why);
	}
	arena_free(a);
}

static void no_one_author_is_told_apart(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		struct str body;
		enum author_status status;
		size_t count;
	} rows[] = {
		{ STR(""), AUTHOR_MISSING, 0 },
		{ STR(" "), AUTHOR_MISSING, 0 },
		{ STR(" (a@b.example)"), AUTHOR_MISSING, 0 },
		{ STR(" ,"), AUTHOR_MISSING, 0 },
		/* several */
		{ STR(" a@bank.example, b@evil.example"), AUTHOR_SEVERAL, 2 },
		{ STR(" a@bank.example, a@bank.example"), AUTHOR_SEVERAL, 2 },
		{ STR(" A <a@bank.example>, B <b@evil.example>"), AUTHOR_SEVERAL, 2 },
		{ STR(" ,a@bank.example,,b@evil.example"), AUTHOR_SEVERAL, 2 },
		/* groups */
		{ STR(" undisclosed:;"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo: mallory@evil.example;"), AUTHOR_MALFORMED, 1 },
		{ STR(" ceo: mallory@evil.example;, a@b.example"), AUTHOR_MALFORMED, 2 },
		/* a display name that looks like an address, several addresses in a row */
		{ STR(" ceo@bank.example <mallory@evil.example>"), AUTHOR_MALFORMED, 0 },
		{ STR(" <ceo@bank.example><mallory@evil.example>"), AUTHOR_MALFORMED, 0 },
		{ STR(" <ceo@bank.example> mallory@evil.example"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@bank.example mallory@evil.example"), AUTHOR_MALFORMED, 0 },
		{ STR(" <ceo@bank.example>(x)<mallory@evil.example>"), AUTHOR_MALFORMED, 0 },
		{ STR(" =?utf-8?B?PGNlb0BiYW5rLmV4YW1wbGU+?=, <mallory@evil.example>"), AUTHOR_MALFORMED, 0 },
		/* routes, several '@' */
		{ STR(" <@bank.example,@a.example:mallory@evil.example>"), AUTHOR_MALFORMED, 0 },
		{ STR(" <@bank.example:mallory@evil.example>"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@bank.example@evil.example"), AUTHOR_MALFORMED, 0 },
		{ STR(" \"ceo@bank.example\"@evil.example"), AUTHOR_MALFORMED, 1 },
		{ STR(" ceo\\@bank.example@evil.example"), AUTHOR_MALFORMED, 0 },
		/* comments and blanks inside an address */
		{ STR(" mallory@evil.example(.bank.example)x"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@bank.example(.evil.example)<a@b.example>"), AUTHOR_MALFORMED, 0 },
		{ STR(" <ceo@bank.example(.evil.example)>"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@(x)bank.example"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo @bank.example"), AUTHOR_MALFORMED, 0 },
		/* encoded-words as addresses */
		{ STR(" =?utf-8?Q?ceo=40bank.example?="), AUTHOR_MALFORMED, 0 },
		{ STR(" =?utf-8?Q?ceo=40bank.example=3E=00?=@evil.example"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@=?utf-8?Q?bank.example?="), AUTHOR_MALFORMED, 0 },
		/* NUL, controls, bare CR, other encodings */
		{ STR(" ceo@bank.example\0@evil.example"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@bank.example\x01"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@bank.example\r <mallory@evil.example>"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@bank.example,\n \n mallory@evil.example"), AUTHOR_MALFORMED, 0 },
		{ STR(" \"J\xfcrgen\" <a@example.org>"), AUTHOR_MALFORMED, 0 },
		/* not closed */
		{ STR(" \"CEO <ceo@bank.example>"), AUTHOR_MALFORMED, 0 },
		{ STR(" CEO <ceo@bank.example"), AUTHOR_MALFORMED, 0 },
		{ STR(" CEO ceo@bank.example>"), AUTHOR_MALFORMED, 0 },
		{ STR(" (ceo@bank.example"), AUTHOR_MALFORMED, 0 },
		/* no usable domain */
		{ STR(" ceo"), AUTHOR_MALFORMED, 0 },
		{ STR(" <ceo>"), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@"), AUTHOR_MALFORMED, 0 },
		{ STR(" root@localhost"), AUTHOR_MALFORMED, 1 },
		{ STR(" ceo@[192.0.2.1]"), AUTHOR_MALFORMED, 1 },
		{ STR(" ceo@-bank.example"), AUTHOR_MALFORMED, 1 },
		{ STR(" ceo@bank.example."), AUTHOR_MALFORMED, 0 },
		{ STR(" ceo@xn--0.example"), AUTHOR_MALFORMED, 1 },
		{ STR(" ceo@b\xe2\x84\x80nk.example"), AUTHOR_MALFORMED, 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct author author = author_of_from(a, rows[i].body);
		if (author.status != rows[i].status || author.count != rows[i].count)
			fail_msg("row %zu%s: %s, %zu mailboxes, %s", i, rows[i].body.p,
				 author_status_words[author.status], author.count,
				 author.why == NULL ? "" : author.why);
		assert_non_null(author.why);
		assert_int_equal(author.domain.n, 0);
		assert_int_equal(author.fields, 1);
	}
	arena_free(a);
}

static void too_many_authors_are_several(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct str body = STR_EMPTY;
	for (int i = 0; i < 100; i++)
		body = str_printf(a, "%.*s a%d@example.org,", STR_ARG(body), i);
	struct author author = author_of_from(a, body);
	assert_int_equal(author.status, AUTHOR_SEVERAL);
	assert_int_equal(author.count, MAILBOXES_MAX);
	arena_free(a);
}

/* Two header fields each; the first is From as it should be, unless its name is empty. */
static void second_fields_and_disguises_are_seen(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		const char *from;
		struct str name, value;
		enum author_status status;
		size_t fields;
	} rows[] = {
		{ "From", STR("To"), STR(" b@example.org"), AUTHOR_OK, 1 },
		{ "FROM", STR("To"), STR(" b@example.org"), AUTHOR_OK, 1 },
		{ "fRoM", STR("Sender"), STR(" b@example.org"), AUTHOR_OK, 1 },
		{ "To", STR("Sender"), STR(" b@example.org"), AUTHOR_MISSING, 0 },
		{ "From", STR("From"), STR(" a@example.org"), AUTHOR_SEVERAL, 2 },
		{ "From", STR("FROM"), STR(" b@example.org"), AUTHOR_SEVERAL, 2 },
		{ "From", STR("from"), STR(""), AUTHOR_SEVERAL, 2 },
		{ "From", STR("From"), STR(" broken"), AUTHOR_SEVERAL, 2 },
		{ "From", STR("From "), STR(" b@example.org"), AUTHOR_MALFORMED, 2 },
		{ "From", STR("From\t"), STR(" b@example.org"), AUTHOR_MALFORMED, 2 },
		{ "To", STR("From "), STR(" b@example.org"), AUTHOR_MALFORMED, 1 },
		{ "To", STR(" from"), STR(" b@example.org"), AUTHOR_MALFORMED, 1 },
		{ "To", STR("Fr om"), STR(" b@example.org"), AUTHOR_MALFORMED, 1 },
		{ "To", STR("From\0"), STR(" b@example.org"), AUTHOR_MALFORMED, 1 },
		{ "To", STR("From\r"), STR(" b@example.org"), AUTHOR_MALFORMED, 1 },
		{ "From", STR("\001From"), STR(" b@example.org"), AUTHOR_MALFORMED, 2 },
		{ "From", STR("From\xc2\xa0"), STR(" b@example.org"), AUTHOR_MALFORMED, 2 },
		{ "From", STR("F\xe2\x80\x8brom"), STR(" b@example.org"), AUTHOR_MALFORMED, 2 },
		{ "From", STR("\ufeffFROM"), STR(" b@example.org"), AUTHOR_MALFORMED, 2 },
		/* other fields are other fields */
		{ "From", STR("Resent-From"), STR(" b@example.org"), AUTHOR_OK, 1 },
		{ "From", STR("X-From"), STR(" b@example.org"), AUTHOR_OK, 1 },
		{ "From", STR("From-"), STR(" b@example.org"), AUTHOR_OK, 1 },
		{ "From", STR("Fro"), STR(" b@example.org"), AUTHOR_OK, 1 },
		{ "From", STR(""), STR(" b@example.org"), AUTHOR_OK, 1 },
		{ "From", STR(" "), STR(" b@example.org"), AUTHOR_OK, 1 },
		/* a field inside another field's value */
		{ "From", STR("Subject"), STR(" x\rFrom: b@example.org"), AUTHOR_MALFORMED, 2 },
		{ "From", STR("Subject"), STR(" x\r\nfrom : b@example.org"), AUTHOR_MALFORMED, 2 },
		{ "To", STR("Subject"), STR(" x\nFROM\t: b@example.org"), AUTHOR_MALFORMED, 1 },
		{ "From", STR("DKIM-Signature"), STR(" h=Date:\r\n From:To;\n\tFrom:"), AUTHOR_OK, 1 },
		{ "From", STR("Subject"), STR(" x\rFromage: b"), AUTHOR_OK, 1 },
		{ "From", STR("Subject"), STR(" x From: b\r"), AUTHOR_OK, 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct header_list *headers = header_list_new(a);
		header_list_add(headers, str_of(rows[i].from), STR(" a@example.org"));
		header_list_add(headers, rows[i].name, rows[i].value);
		struct author author = author_of(a, headers);
		if (author.status != rows[i].status || author.fields != rows[i].fields)
			fail_msg("row %zu: %s, %zu fields, %s", i, author_status_words[author.status], author.fields,
				 author.why == NULL ? "" : author.why);
	}
	arena_free(a);
}

static void mailboxes_of_all_fields_are_counted(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct header_list *headers = header_list_new(a);
	header_list_add(headers, STR("From"), STR(" a@example.org, b@example.org"));
	header_list_add(headers, STR("From "), STR(" c@example.org"));
	header_list_add(headers, STR("From"), STR(" broken"));
	struct author author = author_of(a, headers);
	assert_int_equal(author.status, AUTHOR_MALFORMED);
	assert_int_equal(author.fields, 3);
	assert_int_equal(author.count, 3);
	arena_free(a);
}

static void no_header_has_no_author(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct author author = author_of(a, header_list_new(a));
	assert_int_equal(author.status, AUTHOR_MISSING);
	assert_int_equal(author.fields, 0);
	assert_string_equal(author.why, "there is no From field");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_author_is_ok),
		cmocka_unit_test(no_one_author_is_told_apart),
		cmocka_unit_test(too_many_authors_are_several),
		cmocka_unit_test(second_fields_and_disguises_are_seen),
		cmocka_unit_test(mailboxes_of_all_fields_are_counted),
		cmocka_unit_test(no_header_has_no_author),
	};
	return RUN_TESTS(tests);
}
