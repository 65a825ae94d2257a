#include "auth/dmarc_record.h"

#include "base/arena.h"
#include "base/nametab.h"

const char *const dmarc_request_words[REQUEST_COUNT] = { "", "none", "quarantine", "reject" };

/* The tags that matter to a receiver. ruf= is not used here; pct=, rf= and ri= of RFC 7489 are history
 * (RFC 9989 appendix A.6) and like every unknown tag ignored. */
enum tag { TAG_P, TAG_SP, TAG_NP, TAG_ADKIM, TAG_ASPF, TAG_FO, TAG_PSD, TAG_T, TAG_RUA, TAG_COUNT };
static const char *const tag_names[TAG_COUNT] = { "p", "sp", "np", "adkim", "aspf", "fo", "psd", "t", "rua" };

struct value {
	enum { VALUE_ABSENT, VALUE_GOOD, VALUE_BROKEN } state;
	struct str text;
};

static struct str trim_wsp(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* dmarc-version = "v" equals %s"DMARC1", and nothing before it (RFC 9989 4.8): only the value's case matters. */
static bool is_version(struct str piece)
{
	struct str name, value;
	return piece.n > 0 && char_lower(piece.p[0]) == 'v' && str_cut(piece, '=', &name, &value) &&
	       trim_wsp(name).n == 1 && str_eq(trim_wsp(value), STR("DMARC1"));
}

bool dmarc_record_claims(struct str text)
{
	struct str version, rest;
	str_cut(text, ';', &version, &rest);
	return is_version(version);
}

/* dmarc-value: printable ASCII but the semicolon, blanks inside allowed. */
static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_printable(s.p[i]))
			return false;
	return s.n > 0;
}

/* A tag that occurs twice has no value: RFC 6376 3.2 forbids it, and RFC 9989 4.7 has errors fall back to
 * the default, so that neither the first nor the last one wins by chance. */
static void collect(struct str text, struct value values[static TAG_COUNT])
{
	struct str version, piece, name;
	str_cut(text, ';', &version, &text);
	while (str_next(&text, ';', &piece)) {
		unsigned tag;
		if (!str_cut(piece, '=', &name, &piece))
			continue;
		name = trim_wsp(name);
		for (tag = 0; tag < TAG_COUNT && !str_eq_nocase(name, str_of(tag_names[tag])); tag++)
			;
		if (tag == TAG_COUNT)
			continue;
		struct value *v = &values[tag];
		v->text = trim_wsp(piece);
		v->state = v->state == VALUE_ABSENT && is_value(v->text) ? VALUE_GOOD : VALUE_BROKEN;
	}
}

/* False if the value is there and wrong. */
static bool read_request(struct arena *a, const struct value *v, enum dmarc_request *out)
{
	unsigned word = REQUEST_UNSET;
	if (v->state == VALUE_GOOD)
		nametab_find(dmarc_request_words, REQUEST_COUNT, str_lower(a, v->text), &word);
	*out = (enum dmarc_request)word;
	return v->state == VALUE_ABSENT || word != REQUEST_UNSET;
}

/* One letter out of the choices, in lower case; empty if absent or wrong. */
static struct str read_letter(struct arena *a, const struct value *v, const char *choices)
{
	if (v->state != VALUE_GOOD || v->text.n != 1 || str_find(str_of(choices), char_lower(v->text.p[0])) < 0)
		return STR_EMPTY;
	return str_lower(a, v->text);
}

/* fo= is a list of 0, 1, d, s with colons. */
static struct str read_fo(struct arena *a, const struct value *v)
{
	if (v->state != VALUE_GOOD)
		return STR_EMPTY;
	struct str rest = v->text, piece;
	do {
		str_cut(rest, ':', &piece, &rest);
		piece = trim_wsp(piece);
		if (piece.n != 1 || str_find(STR("01ds"), char_lower(piece.p[0])) < 0)
			return STR_EMPTY;
	} while (rest.n > 0);
	return v->text.p[v->text.n - 1] == ':' ? STR_EMPTY : str_lower(a, v->text);
}

static bool is_uri_text(struct str s)
{
	const struct str marks = STR("-._~:/?#[]@!$&'()*+,;="); /* RFC 3986 2.2, 2.3 */
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			if (i + 2 >= s.n || char_hex(s.p[i + 1]) < 0 || char_hex(s.p[i + 2]) < 0)
				return false;
			i += 2;
		} else if (!char_is_alnum(s.p[i]) && str_find(marks, s.p[i]) < 0) {
			return false;
		}
	}
	return s.n > 0;
}

/* Any URI may be given (RFC 9989 4.7 rua); of a mailto at least one address must be left to write to. */
static bool is_reporting_uri(struct str uri)
{
	struct str scheme, rest, local, domain;
	if (!str_cut(uri, ':', &scheme, &rest) || scheme.n == 0 || !char_is_alpha(scheme.p[0]) || !is_uri_text(rest))
		return false;
	for (size_t i = 1; i < scheme.n; i++)
		if (!char_is_alnum(scheme.p[i]) && str_find(STR("+-."), scheme.p[i]) < 0)
			return false;
	if (!str_eq_nocase(scheme, STR("mailto")))
		return true;
	str_cut(rest, '?', &rest, &domain);
	return str_cut(rest, '@', &local, &domain) && local.n > 0 && domain.n > 0 && str_find(domain, '@') < 0;
}

/* RFC 7489 6.4 let a size limit follow: "!10m". */
static struct str without_size_limit(struct str uri)
{
	ptrdiff_t mark = str_find_last(uri, '!');
	if (mark < 0)
		return uri;
	struct str limit = str_skip(uri, (size_t)mark + 1);
	if (limit.n > 1 && str_find(STR("kmgt"), char_lower(limit.p[limit.n - 1])) >= 0)
		limit.n--;
	for (size_t i = 0; i < limit.n; i++)
		if (!char_is_digit(limit.p[i]))
			return uri;
	return limit.n == 0 ? uri : str_sub(uri, 0, (size_t)mark);
}

static void read_rua(struct arena *a, const struct value *v, struct dmarc_record *r)
{
	struct str rest = v->text, uri;
	if (v->state != VALUE_GOOD)
		return;
	struct str *list = arena_array(a, DMARC_RUA_MAX, sizeof(*list));
	while (r->rua_count < DMARC_RUA_MAX && str_next(&rest, ',', &uri)) {
		uri = without_size_limit(trim_wsp(uri));
		if (is_reporting_uri(uri))
			list[r->rua_count++] = str_dup(a, uri);
	}
	r->rua = list;
}

/* RFC 9989 4.10.1: with p= missing or any of p=, sp=, np= broken, p=none holds if somebody wants reports,
 * and nothing holds if not. */
static void read_requests(struct arena *a, const struct value values[static TAG_COUNT], struct dmarc_record *r)
{
	bool p = read_request(a, &values[TAG_P], &r->p);
	bool sp = read_request(a, &values[TAG_SP], &r->sp);
	bool np = read_request(a, &values[TAG_NP], &r->np);
	r->has_policy = true;
	if (p && sp && np && r->p != REQUEST_UNSET)
		return;
	r->has_policy = r->rua_count > 0;
	r->p = r->has_policy ? REQUEST_NONE : REQUEST_UNSET;
	r->sp = r->np = REQUEST_UNSET;
}

bool dmarc_record_parse(struct arena *a, struct str text, struct dmarc_record *r)
{
	if (!dmarc_record_claims(text))
		return false;
	struct value values[TAG_COUNT] = { 0 };
	collect(text, values);
	*r = (struct dmarc_record){ 0 };
	read_rua(a, &values[TAG_RUA], r);
	read_requests(a, values, r);
	r->adkim = read_letter(a, &values[TAG_ADKIM], "rs");
	r->aspf = read_letter(a, &values[TAG_ASPF], "rs");
	r->is_dkim_strict = str_eq(r->adkim, STR("s"));
	r->is_spf_strict = str_eq(r->aspf, STR("s"));
	r->fo = read_fo(a, &values[TAG_FO]);
	r->is_testing = str_eq(read_letter(a, &values[TAG_T], "yn"), STR("y"));
	r->psd_word = read_letter(a, &values[TAG_PSD], "ynu");
	if (str_eq(r->psd_word, STR("y")))
		r->psd = PSD_YES;
	else if (str_eq(r->psd_word, STR("n")))
		r->psd = PSD_NO;
	return true;
}
