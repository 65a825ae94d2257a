#include "mail/hygiene.h"

#include "base/arena.h"
#include "mail/header.h"
#include "mail/line_scan.h"
#include "mail/token.h"

enum field { FROM, SENDER, REPLY_TO, TO, CC, BCC, MESSAGE_ID, IN_REPLY_TO, REFERENCES, SUBJECT, DATE, FIELD_COUNT };

/* RFC 5322 3.6: those that may not come twice. */
static const char *const names[FIELD_COUNT] = {
	"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject", "Date",
};

static bool has_eight_bit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

/* An LF that no blank follows ended the line for the MTA, and yet no field begins there. */
static bool has_lf_that_does_not_fold(struct str value)
{
	ptrdiff_t lf;
	while ((lf = str_find(value, '\n')) >= 0) {
		value = str_skip(value, (size_t)lf + 1);
		if (!token_is_blank(token_peek(value)))
			return true;
	}
	return false;
}

static void look_at_bytes(struct hygiene *h, const struct header *field)
{
	struct line_scan lines = { 0 };
	line_scan_add(&lines, field->name);
	line_scan_add(&lines, STR(":"));
	line_scan_add(&lines, field->value);
	line_scan_end(&lines);
	if (lines.longest > h->longest_line) {
		h->longest_line = lines.longest;
		h->longest_field = field->name;
	}
	h->has_bare_cr |= lines.has_bare_cr;
	h->has_bare_lf |= has_lf_that_does_not_fold(field->value);
	if (!h->has_eight_bit && (has_eight_bit(field->name) || has_eight_bit(field->value))) {
		h->has_eight_bit = true;
		h->eight_bit_field = field->name;
	}
}

static void take_duplicates(struct hygiene *h, struct arena *a, const size_t *counts)
{
	struct str *list = arena_array(a, FIELD_COUNT, sizeof(*list));
	for (enum field f = 0; f < FIELD_COUNT; f++)
		if (counts[f] > 1)
			list[h->duplicate_count++] = str_of(names[f]);
	h->duplicates = list;
}

static void take_missing(struct hygiene *h, struct arena *a, const size_t *counts)
{
	const struct {
		const char *name;
		size_t count;
	} wanted[] = {
		{ names[FROM], counts[FROM] },
		{ names[DATE], counts[DATE] },
		{ names[MESSAGE_ID], counts[MESSAGE_ID] },
		{ "To/Cc", counts[TO] + counts[CC] },
		{ names[SUBJECT], counts[SUBJECT] },
	};
	enum { WANTED_COUNT = sizeof(wanted) / sizeof(wanted[0]) };
	struct str *list = arena_array(a, WANTED_COUNT, sizeof(*list));
	for (size_t i = 0; i < WANTED_COUNT; i++)
		if (wanted[i].count == 0)
			list[h->missing_count++] = str_of(wanted[i].name);
	h->missing = list;
}

struct hygiene hygiene_of(struct arena *a, const struct header_list *headers)
{
	struct hygiene h = { .eight_bit_field = STR_EMPTY, .longest_field = STR_EMPTY };
	size_t counts[FIELD_COUNT] = { 0 };
	for (size_t i = 0; i < header_list_count(headers); i++) {
		const struct header *field = header_list_at(headers, i);
		look_at_bytes(&h, field);
		for (enum field f = 0; f < FIELD_COUNT; f++)
			counts[f] += str_eq_nocase(field->name, str_of(names[f]));
	}
	take_duplicates(&h, a, counts);
	take_missing(&h, a, counts);
	return h;
}
