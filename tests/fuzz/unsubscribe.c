/* A List-Unsubscribe field; behind the first NUL, if there is one, a List-Unsubscribe-Post. */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/fail.h"
#include "mail/header.h"
#include "mail/unsubscribe.h"

static enum unsubscribe_status status_of(struct arena *a, struct str list, const struct str *post)
{
	struct header_list *headers = header_list_new(a);
	header_list_add(headers, STR("List-Unsubscribe"), list);
	if (post != NULL)
		header_list_add(headers, STR("List-Unsubscribe-Post"), *post);
	return unsubscribe_of(a, headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, list, post, one_click = STR(" List-Unsubscribe=One-Click");
	struct arena *a = arena_new();
	bool has_post = str_cut(text, '\0', &list, &post);
	list = str_trim(list);
	enum unsubscribe_status alone = status_of(a, list, NULL), whole = status_of(a, list, &one_click);
	BUG_IF(alone == UNSUBSCRIBE_NONE || alone == UNSUBSCRIBE_OK);
	BUG_IF((alone == UNSUBSCRIBE_NO_POST) != (whole == UNSUBSCRIBE_OK));
	BUG_IF(alone != UNSUBSCRIBE_NO_POST && alone != whole);
	if (has_post) {
		enum unsubscribe_status given = status_of(a, list, &post);
		BUG_IF(given != whole && given != UNSUBSCRIBE_MALFORMED);
	}
	if (whole == UNSUBSCRIBE_OK || whole == UNSUBSCRIBE_NO_HTTPS) {
		/* A list stays one with an address more at either end, and is none with a comma alone. */
		struct str front = str_printf(a, "<mailto:x@example.com>,%.*s", STR_ARG(list));
		struct str back = str_printf(a, "%.*s,<mailto:x@example.com>", STR_ARG(list));
		BUG_IF(status_of(a, front, &one_click) != whole || status_of(a, back, &one_click) != whole);
		BUG_IF(status_of(a, str_printf(a, "%.*s,", STR_ARG(list)), &one_click) != UNSUBSCRIBE_MALFORMED);
		/* One https address at most. */
		back = str_printf(a, "%.*s,<https://example.com/>", STR_ARG(list));
		enum unsubscribe_status more = status_of(a, back, &one_click);
		BUG_IF(more != UNSUBSCRIBE_MALFORMED && (whole == UNSUBSCRIBE_OK || more != UNSUBSCRIBE_OK));
	}
	arena_free(a);
	return 0;
}
