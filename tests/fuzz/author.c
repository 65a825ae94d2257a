/* A From body, and a whole header. */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/fail.h"
#include "mail/author.h"
#include "mail/domain.h"
#include "mail/header.h"

static struct header_list *one_from(struct arena *a, struct str body)
{
	struct header_list *headers = header_list_new(a);
	header_list_add(headers, STR("From"), body);
	return headers;
}

/* Lines "name:value", folded by a blank at the start. */
static struct header_list *parse_header(struct arena *a, struct str text)
{
	struct header_list *headers = header_list_new(a);
	while (text.n > 0) {
		size_t n = 0;
		while (n < text.n && !(text.p[n] == '\n' && (n + 1 == text.n || !char_is_space(text.p[n + 1]))))
			n++;
		struct str name, value;
		str_cut(str_sub(text, 0, n), ':', &name, &value);
		header_list_add(headers, name, value);
		text = str_skip(text, n + 1);
	}
	return headers;
}

static void check(struct arena *a, const struct author *author)
{
	BUG_IF((author->why == NULL) != (author->status == AUTHOR_OK));
	if (author->status != AUTHOR_OK) {
		BUG_IF(author->domain.n > 0);
		return;
	}
	const struct address *address = &author->box.address;
	struct address again;
	struct str name;
	BUG_IF(author->fields != 1 || author->count != 1);
	BUG_IF(domain_labels(author->domain) < 2);
	BUG_IF(!domain_normalize(a, author->domain, &name) || !str_eq(name, author->domain));
	/* An author's address is an SMTP path, and alone in a From field it is the same author. */
	BUG_IF(!address_parse_path(a, address->whole, &again));
	BUG_IF(!str_eq(again.local, address->local) || !str_eq(again.domain, address->domain));
	struct mailboxes alone = mailboxes_parse(a, address->whole);
	BUG_IF(alone.status != MAILBOXES_OK || alone.count != 1 ||
	       !str_eq(alone.list[0].address.whole, address->whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena *a = arena_new();
	struct author author = author_of(a, one_from(a, text));
	check(a, &author);
	struct mailboxes m = mailboxes_parse(a, text);
	BUG_IF((m.status == MAILBOXES_OK) != (m.list != NULL && m.count > 0) || m.count > MAILBOXES_MAX);
	BUG_IF((m.status == MAILBOXES_MALFORMED) != (m.why != NULL));

	struct header_list *headers = parse_header(a, text);
	author = author_of(a, headers);
	check(a, &author);
	BUG_IF(author.fields < header_list_count_of(headers, STR("From")));
	/* Nothing makes an author of two fields. */
	header_list_add(headers, STR("from"), STR(" a@example.org"));
	if (author.fields > 0)
		BUG_IF(author_of(a, headers).status == AUTHOR_OK);
	arena_free(a);
	return 0;
}
