#include "auth/dkim_tags.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/arena.h"

/* CR and LF only as the line end of a fold (RFC 5322 2.2.3); LF alone is how an MTA may pass one. */
static bool is_well_folded(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char next = i + 1 < s.n ? s.p[i + 1] : '\0';
		if (s.p[i] == '\r' && next != '\n')
			return false;
		if (s.p[i] == '\n' && next != ' ' && next != '\t')
			return false;
	}
	return true;
}

static bool name_is_valid(struct str name)
{
	if (name.n == 0 || !char_is_alpha(name.p[0]))
		return false;
	for (size_t i = 1; i < name.n; i++)
		if (!char_is_alnum(name.p[i]) && name.p[i] != '_')
			return false;
	return true;
}

static bool value_is_valid(struct str value, bool *is_ascii)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (c >= 0x80)
			*is_ascii = false;
		else if (!char_is_printable(value.p[i]) && !char_is_space(value.p[i]))
			return false;
	}
	return true;
}

static const char *add_tag(struct tags *tags, struct str spec)
{
	struct str name, value;
	if (!str_cut(spec, '=', &name, &value))
		return "a tag has no \"=\"";
	struct tag tag = { .name = str_trim(name), .value = str_trim(value) };
	tag.has_blank = tag.name.p + tag.name.n != name.p + name.n;
	if (!name_is_valid(tag.name))
		return "a tag name holds characters that are not allowed";
	if (!value_is_valid(tag.value, &tags->is_ascii))
		return "a tag value holds control characters";
	if (auth_dkim_tag(tags, tag.name) != NULL)
		return "a tag occurs twice";
	if (tags->count == TAGS_MAX)
		return "there are too many tags";
	tags->items[tags->count++] = tag;
	return NULL;
}

const char *auth_dkim_tags_parse(struct str text, struct tags *tags)
{
	tags->count = 0;
	tags->is_ascii = true;
	if (!is_well_folded(text))
		return "a line break does not belong to a fold";
	struct str rest = str_trim(text), spec;
	if (rest.n == 0)
		return "it is empty";
	while (str_next(&rest, ';', &spec)) {
		const char *wrong = add_tag(tags, spec);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

const struct tag *auth_dkim_tag(const struct tags *tags, struct str name)
{
	for (size_t i = 0; i < tags->count; i++)
		if (str_eq(tags->items[i].name, name))
			return &tags->items[i];
	return NULL;
}

struct str auth_dkim_tag_value(const struct tags *tags, struct str name)
{
	const struct tag *tag = auth_dkim_tag(tags, name);
	return tag == NULL ? STR_EMPTY : tag->value;
}

bool auth_dkim_next_item(struct str *rest, struct str *item)
{
	if (!str_next(rest, ':', item))
		return false;
	*item = str_trim(*item);
	return true;
}

bool auth_dkim_list_has(struct str list, struct str word)
{
	struct str item;
	while (auth_dkim_next_item(&list, &item))
		if (str_eq_nocase(item, word))
			return true;
	return false;
}

struct str auth_dkim_squeeze(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_space(s.p[i]))
			p[n++] = s.p[i];
	return (struct str){ p, n };
}

bool auth_dkim_base64(struct arena *a, struct str text, struct str *bytes)
{
	struct str s = auth_dkim_squeeze(a, text);
	for (int padding = 0; padding < 2 && s.n > 0 && s.p[s.n - 1] == '='; padding++)
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_alnum(s.p[i]) && s.p[i] != '+' && s.p[i] != '/')
			return false;
	if (s.n % 4 == 1 || s.n > INT32_MAX / 4)
		return false;
	size_t missing = (4 - s.n % 4) % 4;
	char *padded = arena_alloc(a, s.n + missing + 1);
	if (s.n > 0)
		memcpy(padded, s.p, s.n);
	memset(padded + s.n, '=', missing);
	unsigned char *out = arena_alloc(a, s.n + missing);
	int n = EVP_DecodeBlock(out, (const unsigned char *)padded, (int)(s.n + missing));
	if (n < 0)
		return false;
	*bytes = (struct str){ (const char *)out, (size_t)n - missing };
	return true;
}
