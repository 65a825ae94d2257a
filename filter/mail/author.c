#include "mail/author.h"

#include "base/arena.h"
#include "mail/domain.h"
#include "mail/header.h"

const char *const author_status_words[AUTHOR_STATUS_COUNT] = { "ok", "missing", "several", "malformed" };

static bool is_visible_ascii(char c)
{
	return char_is_printable(c) && c != ' ';
}

/* "From " or "Fr\x01om": some readers skip what cannot be in a field name (RFC 5322 2.2), others do not. */
static bool name_is_from_in_disguise(struct str name)
{
	const struct str from = STR("from");
	size_t matched = 0;
	bool has_other = false;
	for (size_t i = 0; i < name.n; i++) {
		if (!is_visible_ascii(name.p[i]))
			has_other = true;
		else if (matched == from.n || char_lower(name.p[i]) != from.p[matched++])
			return false;
	}
	return has_other && matched == from.n;
}

static bool line_is_from(struct str line)
{
	if (!str_starts_nocase(line, STR("from")))
		return false;
	line = str_skip(line, STR("from").n);
	while (line.n > 0 && !is_visible_ascii(line.p[0]))
		line = str_skip(line, 1);
	return line.n > 0 && line.p[0] == ':';
}

/* A bare CR, or an LF that does not fold, ends the line for some readers, and a new field begins there. */
static bool value_hides_from(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((value.p[i] == '\r' || value.p[i] == '\n') && line_is_from(str_skip(value, i + 1)))
			return true;
	return false;
}

struct from_fields {
	size_t plain;
	size_t disguised;
	size_t mailboxes;
	struct mailboxes last;
};

static struct from_fields from_fields_of(struct arena *a, const struct header_list *headers)
{
	struct from_fields found = { 0 };
	for (size_t i = 0; i < header_list_count(headers); i++) {
		const struct header *h = header_list_at(headers, i);
		found.disguised += value_hides_from(h->value);
		if (str_eq_nocase(h->name, STR("From")))
			found.plain++;
		else if (name_is_from_in_disguise(h->name))
			found.disguised++;
		else
			continue;
		found.last = mailboxes_parse(a, h->value);
		found.mailboxes += found.last.count;
	}
	return found;
}

static struct author refused(enum author_status status, const char *why)
{
	return (struct author){ .status = status, .why = why };
}

/* The author by the one From field. RFC 9989 needs one author domain; a group (RFC 6854) may have none, and its
 * name is shown in place of the member's. */
static struct author author_of_field(struct arena *a, const struct mailboxes *from)
{
	struct author author = { .status = AUTHOR_OK };
	switch (from->status) {
	case MAILBOXES_EMPTY:
		return from->has_group ? refused(AUTHOR_MALFORMED, "the From field has a group without members")
				       : refused(AUTHOR_MISSING, "the From field is empty");
	case MAILBOXES_MALFORMED:
		return refused(AUTHOR_MALFORMED, from->why);
	case MAILBOXES_TOO_MANY:
		return refused(AUTHOR_SEVERAL, "the From field names too many authors");
	case MAILBOXES_OK:
		break;
	}
	if (from->has_group)
		return refused(AUTHOR_MALFORMED, "the From field names a group");
	if (from->count > 1)
		return refused(AUTHOR_SEVERAL, "the From field names several authors");
	author.box = from->list[0];
	/* Legal in quotes, and an invitation to take the wrong domain. */
	if (str_find(author.box.address.local, '@') >= 0)
		return refused(AUTHOR_MALFORMED, "the author's address has several '@'");
	if (!domain_normalize(a, author.box.address.domain, &author.domain) || domain_labels(author.domain) < 2)
		return refused(AUTHOR_MALFORMED, "the author's address has no usable domain");
	return author;
}

struct author author_of(struct arena *a, const struct header_list *headers)
{
	struct from_fields found = from_fields_of(a, headers);
	struct author author;
	if (found.disguised > 0)
		author = refused(AUTHOR_MALFORMED, "there is a From field in disguise");
	else if (found.plain == 0)
		author = refused(AUTHOR_MISSING, "there is no From field");
	else if (found.plain > 1)
		author = refused(AUTHOR_SEVERAL, "there are several From fields");
	else
		author = author_of_field(a, &found.last);
	author.fields = found.plain + found.disguised;
	author.count = found.mailboxes;
	return author;
}
