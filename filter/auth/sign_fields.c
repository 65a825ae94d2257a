#include "auth/sign_fields.h"

#include "auth/dkim_feed.h"
#include "base/arena.h"
#include "base/fail.h"
#include "mail/header.h"

enum cover { ALWAYS, PRESENT, ONCE };

static const struct row {
	const char *name;
	enum cover cover;
} rows[] = {
#define SIGN_FIELD(name, cover) { name, cover },
#include "auth/sign_field_table.def"
#undef SIGN_FIELD
};
enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]), ROW_FROM = 0 };

/* One bit for each PRESENT row, and room for all names with the NULL behind them. */
#define SIGN_FIELD(name, cover) +((cover) == PRESENT)
_Static_assert(1 << (0
#include "auth/sign_field_table.def"
) == SIGN_PROFILES, "a bit for each PRESENT row");
#undef SIGN_FIELD
#define SIGN_FIELD(name, cover) +((cover) != ONCE)
_Static_assert((1
#include "auth/sign_field_table.def"
) <= SIGN_OVERSIGNED_MAX, "room for the names");
#undef SIGN_FIELD

static const struct row *find(struct str name)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (str_eq_nocase(str_of(rows[i].name), name))
			return &rows[i];
	return NULL;
}

static unsigned profile_bit(const struct row *row)
{
	unsigned bit = 1;
	if (row->cover != PRESENT)
		return 0;
	for (const struct row *r = rows; r < row; r++)
		if (r->cover == PRESENT)
			bit <<= 1;
	return bit;
}

/* What others would read differently, or the MTA would not pass on as it is. */
static const char *wrong_with_value(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i], next = i + 1 < value.n ? value.p[i + 1] : 0;
		if (c == '\r' && next != '\n')
			return "has a CR that ends no line";
		if (c == '\n' && next != ' ' && next != '\t')
			return "has a line that does not begin with a blank";
		/* RFC 6376 3.4.2 takes space and tab for blanks, many programs these as well. */
		if (c == '\0' || c == '\v' || c == '\f')
			return "has a control character in it";
	}
	return NULL;
}

static bool refuse(struct str *why_not, struct str why)
{
	*why_not = why;
	return false;
}

bool sign_fields_choose(struct arena *a, const struct header_list *headers, struct sign_fields *out,
			struct str *why_not)
{
	size_t authors = 0, name_bytes = 0;
	*out = (struct sign_fields){ .items = arena_array(a, SIGN_FIELDS_MAX, sizeof(*out->items)) };
	for (size_t i = 0; i < header_list_count(headers); i++) {
		const struct header *h = header_list_at(headers, i);
		const struct row *row = find(auth_dkim_field_name(h->name));
		if (row == NULL)
			continue;
		const char *wrong = wrong_with_value(h->value);
		if (wrong != NULL)
			return refuse(why_not, str_printf(a, "the field %s %s", row->name, wrong));
		name_bytes += str_of(row->name).n + 1;
		if (out->count == SIGN_FIELDS_MAX || name_bytes > SIGN_NAME_BYTES_MAX)
			return refuse(why_not, STR("there are too many header fields to sign"));
		out->items[out->count++] = h;
		out->profile |= profile_bit(row);
		authors += row == &rows[ROW_FROM];
	}
	if (authors != 1) /* RFC 6376 5.4 wants it signed, RFC 5322 3.6 wants one */
		return refuse(why_not, str_printf(a, "there are %zu From fields", authors));
	return true;
}

void sign_fields_oversigned(unsigned profile, const char *names[static SIGN_OVERSIGNED_MAX])
{
	size_t count = 0;
	for (const struct row *r = rows; r < rows + ROW_COUNT; r++)
		if (r->cover == ALWAYS || (profile & profile_bit(r)) != 0)
			names[count++] = r->name;
	names[count] = NULL;
}
