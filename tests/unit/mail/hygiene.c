#include "../test.h"

#include "base/arena.h"
#include "fact/fact.h"
#include "mail/header.h"
#include "mail/hygiene.h"

static struct header_list *header_of(struct arena *a, const char *const *names)
{
	struct header_list *headers = header_list_new(a);
	for (; *names != NULL; names++)
		header_list_add(headers, str_of(*names), STR(" x"));
	return headers;
}

static void assert_names(const struct str *got, size_t count, const char *const *want)
{
	size_t i = 0;
	for (; want[i] != NULL; i++) {
		if (i == count)
			fail_msg("%s is not in the list", want[i]);
		assert_str(got[i], want[i]);
	}
	assert_int_equal(count, i);
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE ((const char *const[]){ NULL })

static void fields_that_come_too_often(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		const char *const *names, *const *duplicates;
	} rows[] = {
		{ NONE, NONE },
		{ NAMES("From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject",
			"Date"), NONE },
		/* as often as they like: RFC 5322 3.6 */
		{ NAMES("Received", "Comments", "Keywords", "Resent-From", "Resent-Date", "X-Y", "Received", "Comments",
			"Keywords", "Resent-From", "Resent-Date", "X-Y"), NONE },
		{ NAMES("Subject", "To", "subject", "TO", "Subject"), NAMES("To", "Subject") },
		{ NAMES("Message-Id", "Message-ID"), NAMES("Message-ID") },
		{ NAMES("Date", "Subject", "References", "In-Reply-To", "Message-ID", "Bcc", "Cc", "To", "Reply-To", "Sender",
			"From", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References",
			"Subject", "Date"),
		  NAMES("From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject",
			"Date") },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hygiene h = hygiene_of(a, header_of(a, rows[i].names));
		assert_names(h.duplicates, h.duplicate_count, rows[i].duplicates);
	}
	arena_free(a);
}

static void fields_that_are_not_there(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		const char *const *names, *const *missing;
	} rows[] = {
		{ NONE, NAMES("From", "Date", "Message-ID", "To/Cc", "Subject") },
		{ NAMES("subject", "DATE", "from", "message-id", "to"), NONE },
		{ NAMES("Subject", "Date", "From", "Message-ID", "Cc"), NONE },
		{ NAMES("Subject", "Date", "From", "Message-ID", "Bcc"), NAMES("To/Cc") },
		{ NAMES("Resent-From", "Resent-Date", "Resent-To", "To", "Subject"), NAMES("From", "Date", "Message-ID") },
		{ NAMES("From", "To", "Date", "Message-ID"), NAMES("Subject") },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hygiene h = hygiene_of(a, header_of(a, rows[i].names));
		assert_names(h.missing, h.missing_count, rows[i].missing);
	}
	arena_free(a);
}

static void assert_are_words(enum fact_id id, const struct str *names, size_t count)
{
	size_t word_count;
	const char *const *words = fact_words(id, &word_count);
	assert_int_equal(word_count, count);
	for (size_t i = 0; i < count; i++)
		assert_str(names[i], words[i]);
}

static void policies_may_name_what_can_be_found_and_nothing_else(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct hygiene h = hygiene_of(a, header_list_new(a));
	assert_are_words(FACT_HEADER_MISSING, h.missing, h.missing_count);
	size_t count;
	const char *const *words = fact_words(FACT_HEADER_DUPLICATES, &count);
	struct header_list *all = header_list_new(a);
	for (size_t i = 0; i < 2 * count; i++)
		header_list_add(all, str_of(words[i % count]), STR(""));
	h = hygiene_of(a, all);
	assert_are_words(FACT_HEADER_DUPLICATES, h.duplicates, h.duplicate_count);
	arena_free(a);
}

static void lines_and_bytes(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		struct str name, value;
		size_t longest;
		bool has_eight_bit, has_bare_cr, has_bare_lf;
	} rows[] = {
		{ STR("A"), STR(""), 2, false, false, false },
		{ STR("A"), STR(" b"), 4, false, false, false },
		{ STR("Subject"), STR(" one\n two\n\tthree"), 12, false, false, false },
		{ STR("Subject"), STR(" one\r\n two and three"), 14, false, false, false },
		{ STR("Subject"), STR("\n "), 8, false, false, false },
		{ STR("Subject"), STR(" \xc3\xa4"), 11, true, false, false },
		{ STR("Subject"), STR(" \x80"), 10, true, false, false },
		{ STR("Subject"), STR(" \x7f"), 10, false, false, false },
		{ STR("S\xfc"), STR(" x"), 5, true, false, false },
		{ STR("Subject"), STR(" a\rb"), 12, false, true, false },
		{ STR("Subject"), STR(" a\r"), 11, false, true, false },
		{ STR("Subject"), STR(" a\r\r\n b"), 11, false, true, false },
		{ STR("Subject"), STR(" a\nb"), 10, false, false, true },
		{ STR("Subject"), STR(" a\r\nb"), 10, false, false, true },
		{ STR("Subject"), STR(" a\n"), 10, false, false, true },
		{ STR("Subject"), STR(" a\n\n b"), 10, false, false, true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct header_list *headers = header_list_new(a);
		header_list_add(headers, rows[i].name, rows[i].value);
		struct hygiene h = hygiene_of(a, headers);
		if (h.longest_line != rows[i].longest || h.has_eight_bit != rows[i].has_eight_bit ||
		    h.has_bare_cr != rows[i].has_bare_cr || h.has_bare_lf != rows[i].has_bare_lf)
			fail_msg("row %zu: longest %zu, 8-bit %d, bare CR %d, bare LF %d", i, h.longest_line, h.has_eight_bit,
				 h.has_bare_cr, h.has_bare_lf);
		assert_true(str_eq(h.longest_field, rows[i].name));
		assert_true(str_eq(h.eight_bit_field, rows[i].has_eight_bit ? rows[i].name : STR_EMPTY));
	}
	arena_free(a);
}

static void the_field_is_named(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct header_list *headers = header_list_new(a);
	struct hygiene h = hygiene_of(a, headers);
	assert_int_equal(h.longest_line, 0);
	assert_str(h.longest_field, "");
	header_list_add(headers, STR("From"), STR(" a@example.org"));
	header_list_add(headers, STR("References"), STR(" <1@example.org>\n <2@example.org>"));
	header_list_add(headers, STR("Subject"), STR(" \xc3\xa4"));
	header_list_add(headers, STR("Comments"), STR(" \xc3\xa4\n and more of the same"));
	h = hygiene_of(a, headers);
	assert_str(h.longest_field, "References");
	assert_int_equal(h.longest_line, 27);
	assert_str(h.eight_bit_field, "Subject");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_that_come_too_often),
		cmocka_unit_test(fields_that_are_not_there),
		cmocka_unit_test(policies_may_name_what_can_be_found_and_nothing_else),
		cmocka_unit_test(lines_and_bytes),
		cmocka_unit_test(the_field_is_named),
	};
	return RUN_TESTS(tests);
}
