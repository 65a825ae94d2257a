#include "mail/reply.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/nametab.h"

enum { VALUE_MAX = 200 }; /* bytes of one value: a long one may not push out the text behind it */

static const char *const fact_names[FACT_COUNT] = {
#define FACT(id, name, type, stage, scope, probe, doc) name,
#include "fact/fact_table.def"
#undef FACT
};

/* A template is a row of pieces. */
struct piece {
	enum { PIECE_TEXT, PIECE_FACT, PIECE_UNKNOWN_FACT, PIECE_UNCLOSED, PIECE_STRAY_PERCENT } kind;
	struct str text;   /* literal text, or what stands between the braces */
	enum fact_id fact; /* with PIECE_FACT */
};

/* *rest begins with "%{". */
static struct piece piece_in_braces(struct str *rest)
{
	struct piece piece = { .kind = PIECE_UNCLOSED };
	if (str_cut(str_skip(*rest, 2), '}', &piece.text, rest)) {
		piece.fact = fact_find(piece.text);
		piece.kind = piece.fact == FACT_COUNT ? PIECE_UNKNOWN_FACT : PIECE_FACT;
	}
	return piece;
}

/* Takes the next piece off *rest; false at the end. */
static bool piece_next(struct str *rest, struct piece *piece)
{
	if (rest->n == 0)
		return false;
	ptrdiff_t percent = str_find(*rest, '%');
	if (str_starts(*rest, STR("%{"))) {
		*piece = piece_in_braces(rest);
	} else if (str_starts(*rest, STR("%%"))) {
		*piece = (struct piece){ .kind = PIECE_TEXT, .text = STR("%") };
		*rest = str_skip(*rest, 2);
	} else if (percent == 0) {
		*piece = (struct piece){ .kind = PIECE_STRAY_PERCENT };
		*rest = str_skip(*rest, 1);
	} else {
		size_t n = percent < 0 ? rest->n : (size_t)percent;
		*piece = (struct piece){ .kind = PIECE_TEXT, .text = str_sub(*rest, 0, n) };
		*rest = str_skip(*rest, n);
	}
	return true;
}

static const char *unknown_fact(struct arena *a, struct str name)
{
	const char *closest = nametab_closest(fact_names, FACT_COUNT, name);
	struct str hint = STR("gatepost docs facts lists all");
	if (closest != NULL)
		hint = str_printf(a, "did you mean %s?", closest);
	return str_printf(a, "unknown fact '%.*s' in %%{...}; %.*s", STR_ARG(name), STR_ARG(hint)).p;
}

const char *text_template_check(struct arena *a, struct str template)
{
	for (size_t i = 0; i < template.n; i++)
		if (!char_is_printable(template.p[i]))
			return "the text holds a character that is not printable ASCII";
	struct piece piece;
	while (piece_next(&template, &piece)) {
		switch (piece.kind) {
		case PIECE_TEXT:
		case PIECE_FACT:
			break;
		case PIECE_UNKNOWN_FACT:
			return unknown_fact(a, piece.text);
		case PIECE_UNCLOSED:
			return "%{ without a closing brace";
		case PIECE_STRAY_PERCENT:
			return "a '%' must begin %{fact.name}, or be written %%";
		}
	}
	return NULL;
}

void text_template_facts(struct str template, void (*use)(void *, enum fact_id), void *context)
{
	struct piece piece;
	while (piece_next(&template, &piece))
		if (piece.kind == PIECE_FACT)
			use(context, piece.fact);
}

static void add_clean(struct buf *b, struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		buf_add_char(b, char_is_printable(value.p[i]) ? value.p[i] : '?');
}

static struct str expand(struct arena *a, struct str template, const struct facts *facts, size_t max_bytes)
{
	struct buf b;
	struct piece piece;
	buf_init(&b, max_bytes);
	while (piece_next(&template, &piece)) {
		BUG_IF(piece.kind != PIECE_TEXT && piece.kind != PIECE_FACT);
		struct str text = piece.text;
		if (piece.kind == PIECE_FACT)
			text = str_sub(fact_value_print(a, piece.fact, facts_get(facts, piece.fact)), 0, VALUE_MAX);
		add_clean(&b, text.n == 0 ? STR("-") : text);
	}
	struct str expanded = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return expanded;
}

struct str text_template_expand(struct arena *a, struct str template, const struct facts *facts)
{
	return expand(a, template, facts, TEXT_EXPANDED_MAX);
}

/* RFC 5321 4.2: the second digit is 0 to 5. Only refusals are ours to give. */
static bool code_parse(struct str s, int *code)
{
	uint64_t value;
	if (s.n != 3 || !str_to_u64(s, &value) || value < 400 || value > 599 || value / 10 % 10 > 5)
		return false;
	*code = (int)value;
	return true;
}

/* RFC 3463 2: class "." subject "." detail, one to three digits without leading zeros. */
static bool enhanced_is_valid(struct str s)
{
	struct str number;
	unsigned numbers = 0;
	for (bool more = true; more; numbers++) {
		more = str_cut(s, '.', &number, &s);
		if (number.n == 0 || number.n > 3 || (number.n > 1 && number.p[0] == '0'))
			return false;
		for (size_t i = 0; i < number.n; i++)
			if (!char_is_digit(number.p[i]))
				return false;
	}
	return numbers == 3;
}

const char *reply_template_parse(struct arena *a, struct str template, struct reply_template *out)
{
	struct str code, enhanced, rest;
	struct reply_template parsed;
	str_cut(template, ' ', &code, &rest);
	str_cut(str_trim(rest), ' ', &enhanced, &rest);
	if (!code_parse(code, &parsed.code))
		return "a reply begins with a code of 400 to 599, like 550 5.7.1";
	if (!enhanced_is_valid(enhanced))
		return "an enhanced code (RFC 3463) must follow the code, like 550 5.7.1";
	if (enhanced.p[0] != code.p[0] || enhanced.p[1] != '.')
		return "code and enhanced code are of different classes: 4xx goes with 4.x.x, 5xx with 5.x.x";
	rest = str_trim(rest);
	if (rest.n == 0)
		return "the reply has no text";
	const char *wrong = text_template_check(a, rest);
	if (wrong != NULL)
		return wrong;
	parsed.enhanced = str_dup(a, enhanced);
	parsed.text = str_dup(a, rest);
	*out = parsed;
	return NULL;
}

void reply_template_facts(const struct reply_template *t, void (*use)(void *, enum fact_id), void *context)
{
	text_template_facts(t->text, use, context);
}

struct reply reply_expand(struct arena *a, const struct reply_template *t, const struct facts *facts)
{
	return (struct reply){ t->code, t->enhanced, expand(a, t->text, facts, REPLY_TEXT_MAX) };
}

struct reply reply_of(struct arena *a, int code, const char *enhanced, struct str text)
{
	struct buf b;
	buf_init(&b, REPLY_TEXT_MAX);
	add_clean(&b, text);
	struct reply reply = { code, str_of(enhanced), str_dup(a, buf_str(&b)) };
	buf_fini(&b);
	return reply;
}
