#include "../test.h"

#include "base/arena.h"
#include "mail/header.h"
#include "mail/unsubscribe.h"

static const struct str one_click = { " List-Unsubscribe=One-Click", 27 };

/* NULL: no such field. */
static enum unsubscribe_status status_of(struct arena *a, const char *list, const char *post)
{
	struct header_list *headers = header_list_new(a);
	header_list_add(headers, STR("From"), STR(" a@example.org"));
	if (list != NULL)
		header_list_add(headers, STR("list-unsubscribe"), str_of(list));
	if (post != NULL)
		header_list_add(headers, STR("List-Unsubscribe-Post"), str_of(post));
	return unsubscribe_of(a, headers);
}

static void assert_status(struct arena *a, const char *list, const char *post, enum unsubscribe_status want)
{
	enum unsubscribe_status got = status_of(a, list, post);
	if (got != want)
		fail_msg("%s and %s: %s, want %s", list == NULL ? "nothing" : list, post == NULL ? "nothing" : post,
			 unsubscribe_status_words[got], unsubscribe_status_words[want]);
}

static void lists_with_one_https_address(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	static const char *const lists[] = {
		/* RFC 8058 8 */
		" <https://example.com/unsubscribe/opaquepart>",
		"\n <mailto:listrequest@example.com?subject=unsubscribe>,\n <https://example.com/unsubscribe.html?opaque=123456789>",
		"<https://example.com>",
		" <HTTPS://Example.COM:443/?a=%20&b=(c);d=[e]#f>",
		" <https://user@example.com:/x>",
		" <https://192.0.2.1/x>",
		" <https://[2001:db8::1]/x>",
		" <https://[2001:db8::1]:8443>",
		" (use this) <https://example.com/x> (or this), <mailto:x@example.com> (not both)",
		" <mailto:x@example.com?subject=a%20b> , <https://example.com/x>,<ftp://ftp.example.com/x>",
		/* folded inside the brackets: RFC 2369 2 */
		" <https://example.com/\n a/very/\r\n\tlong/path>",
		" < https://example.com/x >",
		" <tel:+1-201-555-0123>, <https://example.com/x>",
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_status(a, lists[i], one_click.p, UNSUBSCRIBE_OK);
		assert_status(a, lists[i], NULL, UNSUBSCRIBE_NO_POST);
		assert_status(a, lists[i], " List-Unsubscribe=Two-Clicks", UNSUBSCRIBE_MALFORMED);
	}
	arena_free(a);
}

static void lists_without_https(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	static const char *const lists[] = {
		NULL,
		" <mailto:x@example.com>",
		" <http://example.com/x>",
		" <mailto:x@example.com>, <http://example.com/https://example.com>",
		" <httpss://example.com/x>",
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_status(a, lists[i], one_click.p, UNSUBSCRIBE_NO_HTTPS);
		assert_status(a, lists[i], NULL, lists[i] == NULL ? UNSUBSCRIBE_NONE : UNSUBSCRIBE_NO_HTTPS);
	}
	arena_free(a);
}

static void what_is_no_list(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	static const char *const lists[] = {
		"", " ", " (nothing)", " NO", " https://example.com/x", " mailto:x@example.com",
		" <>", " < >", " <x>", " <:x>", " <https:>", " <mailto:>", " <1https://example.com/x>", " <://example.com/x>",
		" <https://example.com/x", " https://example.com/x>", " <<https://example.com/x>>", " <https://a.example/<x>>",
		" <https://example.com/x> <mailto:x@example.com>", " <https://example.com/x>; <mailto:x@example.com>",
		" <https://example.com/x>,", " ,<https://example.com/x>", " <https://example.com/x>,,<mailto:x@example.com>",
		" <https://example.com/x> unsubscribe", " unsubscribe <https://example.com/x>", " \"x\" <https://example.com/x>",
		" <https://example.com/x>, mailto:x@example.com", " <https://example.com/x> (not closed",
		/* no such address */
		" <https:example.com/x>", " <https:/example.com/x>", " <https://>", " <https:///x>", " <https://?x>", " <https://:443/>",
		" <https://@/x>", " <https://example.com:x/>", " <https://example.com:65536/>", " <https://example.com:443:443/>",
		" <https://-example.com/>", " <https://exa_mple..com/>", " <https://[2001:db8::1/x>", " <https://2001:db8::1]/x>",
		" <https://[]/x>", " <https://[/x>", " <https://[x]/x>", " <https://example.com/%>", " <https://example.com/%2>",
		" <https://example.com/%2g>", " <https://example.com/\x7f>", " <https://example.com/\\x>", " <https://example.com/\"x\">",
		" <https://example.com/{x}>", " <https://example.com/|>", " <https://example.com/^>", " <https://example.com/`>",
		" <https://b\xc3\xbc" "cher.example/>", " <https://example.com/\xc3\xbc>", " <https://example.com/\rx>",
		" <http:example.com/x>",
		/* RFC 8058 3.1: one, and nothing else of the web */
		" <https://example.com/x>, <https://example.com/y>", " <http://example.com/x>, <https://example.com/x>",
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_status(a, lists[i], one_click.p, UNSUBSCRIBE_MALFORMED);
		assert_status(a, lists[i], NULL, UNSUBSCRIBE_MALFORMED);
	}
	arena_free(a);
}

static void what_is_posted_is_exact(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	static const char list[] = " <https://example.com/x>";
	assert_status(a, list, "List-Unsubscribe=One-Click", UNSUBSCRIBE_OK);
	assert_status(a, list, "\n List-Unsubscribe=One-Click ", UNSUBSCRIBE_OK);
	static const char *const wrong[] = {
		"", " ", " One-Click", " List-Unsubscribe", " List-Unsubscribe=", " List-Unsubscribe=One-Clic",
		" List-Unsubscribe=One-Click1", " list-unsubscribe=one-click", " List-Unsubscribe = One-Click",
		" \"List-Unsubscribe=One-Click\"", " List-Unsubscribe=One-Click (comment)", " List-Unsubscribe=One-Click&x=y",
		" <List-Unsubscribe=One-Click>", " List-Unsubscribe=\n One-Click",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_status(a, list, wrong[i], UNSUBSCRIBE_MALFORMED);
	arena_free(a);
}

static void each_field_comes_once(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	for (int twice = 0; twice < 2; twice++) {
		struct header_list *headers = header_list_new(a);
		for (int i = 0; i < 2 - twice; i++)
			header_list_add(headers, STR("List-Unsubscribe"), STR(" <https://example.com/x>"));
		for (int i = 0; i < 1 + twice; i++)
			header_list_add(headers, STR("List-Unsubscribe-Post"), one_click);
		assert_int_equal(unsubscribe_of(a, headers), UNSUBSCRIBE_MALFORMED);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_with_one_https_address),
		cmocka_unit_test(lists_without_https),
		cmocka_unit_test(what_is_no_list),
		cmocka_unit_test(what_is_posted_is_exact),
		cmocka_unit_test(each_field_comes_once),
	};
	return RUN_TESTS(tests);
}
