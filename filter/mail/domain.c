#include "mail/domain.h"

#include <idn2.h>

#include "base/arena.h"
#include "base/fail.h"

enum {
	NAME_MAX_BYTES = 253, /* RFC 1035 2.3.4: 255 octets on the wire, as text without the root */
	LABEL_MAX_BYTES = 63,
	RAW_MAX_BYTES = 4 * NAME_MAX_BYTES, /* U-labels in UTF-8 are rarely longer than their A-labels */
};

static bool label_is_valid(struct str label)
{
	if (label.n == 0 || label.n > LABEL_MAX_BYTES || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!char_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
			return false;
	return true;
}

static bool name_is_valid(struct str name)
{
	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return false;
	bool more;
	do {
		struct str label;
		more = str_cut(name, '.', &label, &name);
		if (!label_is_valid(label))
			return false;
	} while (more);
	return true;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static bool has_a_label(struct str name)
{
	struct str label;
	while (str_next(&name, '.', &label))
		if (str_starts_nocase(label, STR("xn--")))
			return true;
	return false;
}

/* U-labels to A-labels, A-labels checked. A name that came as A-labels is what DNS knows it by, even if this
 * library's tables have no place for a character in it (emoji, a newer Unicode): RFC 5891 5.3 asks for those
 * tests only where the name is going to be shown as Unicode. */
static bool to_a_labels(struct arena *a, struct str raw, struct str *out)
{
	uint8_t *converted = NULL;
	const uint8_t *text = (const uint8_t *)str_to_c(a, raw);
	int status = idn2_lookup_u8(text, &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (status == IDN2_MALLOC)
		fail_out_of_memory();
	if (status == IDN2_OK)
		*out = str_lower(a, str_of((const char *)converted));
	else if (is_ascii(raw) && (status == IDN2_DISALLOWED || status == IDN2_UNASSIGNED))
		*out = str_lower(a, raw);
	else
		return false;
	idn2_free(converted);
	return name_is_valid(*out);
}

bool domain_normalize(struct arena *a, struct str raw, struct str *out)
{
	struct str name;
	if (raw.n > 0 && raw.p[raw.n - 1] == '.')
		raw.n--;
	if (raw.n == 0 || raw.n > RAW_MAX_BYTES || str_find(raw, '\0') >= 0)
		return false;
	if (is_ascii(raw) && !name_is_valid(raw))
		return false;
	if (is_ascii(raw) && !has_a_label(raw))
		name = str_lower(a, raw);
	else if (!to_a_labels(a, raw, &name))
		return false;
	*out = name;
	return true;
}

size_t domain_labels(struct str name)
{
	size_t labels = name.n > 0;
	for (size_t i = 0; i < name.n; i++)
		labels += name.p[i] == '.';
	return labels;
}

struct str domain_parent(struct str name)
{
	struct str first, parent;
	str_cut(name, '.', &first, &parent);
	return parent;
}

bool domain_is_at_or_below(struct str name, struct str ancestor)
{
	if (ancestor.n == 0 || !str_ends_nocase(name, ancestor))
		return false;
	return name.n == ancestor.n || name.p[name.n - ancestor.n - 1] == '.';
}

struct str domain_last_labels(struct str name, size_t n)
{
	size_t labels = domain_labels(name);
	BUG_IF(n > labels);
	for (; labels > n; labels--)
		name = domain_parent(name);
	return name;
}
