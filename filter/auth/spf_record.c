#include "auth/spf_record.h"

#include <string.h>

#include "auth/spf_macro.h"
#include "base/arena.h"
#include "base/fail.h"
#include "dns/dns.h"

enum argument {
	ARG_NONE,
	ARG_SPEC,
	ARG_SPEC_OR_NONE,
	ARG_SPEC_OR_NONE_AND_BITS,
	ARG_IP4,
	ARG_IP6,
};

/* RFC 7208 12 */
static const struct {
	const char *name;
	enum spf_term_kind kind;
	enum argument argument;
} mechanisms[] = {
	{ "all", TERM_ALL, ARG_NONE },
	{ "include", TERM_INCLUDE, ARG_SPEC },
	{ "a", TERM_A, ARG_SPEC_OR_NONE_AND_BITS },
	{ "mx", TERM_MX, ARG_SPEC_OR_NONE_AND_BITS },
	{ "ptr", TERM_PTR, ARG_SPEC_OR_NONE },
	{ "ip4", TERM_IP4, ARG_IP4 },
	{ "ip6", TERM_IP6, ARG_IP6 },
	{ "exists", TERM_EXISTS, ARG_SPEC },
};

size_t spf_record_select(const struct dns_answer *answer, struct str *terms)
{
	size_t found = 0;
	for (size_t i = 0; i < answer->count; i++) {
		struct str text = answer->records[i].text;
		/* 4.5: the version is followed by a space or the end: "v=spf10" is none of ours */
		if (!str_starts_nocase(text, STR("v=spf1")) || (text.n > 6 && text.p[6] != ' '))
			continue;
		if (found++ == 0)
			*terms = str_skip(text, 6);
	}
	return found;
}

/* Digits after a '/': "0", or without a leading zero. */
static bool parse_bits(struct str s, unsigned max, unsigned *bits)
{
	uint64_t n;
	if (s.n == 0 || s.n > 3 || (s.n > 1 && s.p[0] == '0') || !str_to_u64(s, &n) || n > max)
		return false;
	*bits = (unsigned)n;
	return true;
}

/* dual-cidr-length at the end of a or mx. A domain-spec cannot end in '/' and digits, so whatever does is
 * a length. */
static bool cut_bits(struct str *s, struct spf_term *t)
{
	size_t end = s->n;
	while (end > 0 && char_is_digit(s->p[end - 1]))
		end--;
	if (end >= 2 && s->p[end - 1] == '/' && s->p[end - 2] == '/') {
		if (!parse_bits(str_skip(*s, end), 128, &t->bits6))
			return false;
		*s = str_sub(*s, 0, end - 2);
		for (end = s->n; end > 0 && char_is_digit(s->p[end - 1]);)
			end--;
	}
	if (end >= 1 && s->p[end - 1] == '/') {
		if (!parse_bits(str_skip(*s, end), 32, &t->bits4))
			return false;
		*s = str_sub(*s, 0, end - 1);
	}
	return true;
}

/* ":" ip-network [ "/" length ]; inet_pton refuses leading zeros and short forms as the grammar does. */
static bool parse_network(struct str s, bool is_v6, struct ip_net *net)
{
	struct str address, bits;
	if (s.n == 0 || s.p[0] != ':')
		return false;
	bool has_bits = str_cut(str_skip(s, 1), '/', &address, &bits);
	if ((str_find(address, ':') >= 0) != is_v6 || !ip_parse(address, &net->ip))
		return false;
	if (is_v6 && net->ip.family == IP_V4) {
		/* An IPv4-mapped network is one of IPv6 here: clients with mapped addresses are IPv4 (5) */
		struct ip v6 = { .family = IP_V6, .b = { [10] = 0xff, [11] = 0xff } };
		memcpy(v6.b + 12, net->ip.b, 4);
		net->ip = v6;
	}
	net->prefix_bits = ip_bits(net->ip.family);
	return !has_bits || parse_bits(bits, net->prefix_bits, &net->prefix_bits);
}

static bool parse_spec(struct str s, struct str *spec)
{
	if (s.n == 0 || s.p[0] != ':')
		return false;
	*spec = str_skip(s, 1);
	return spf_macro_is_domain_spec(*spec);
}

static bool parse_argument(enum argument argument, struct str s, struct spf_term *t)
{
	switch (argument) {
	case ARG_NONE:
		return s.n == 0;
	case ARG_SPEC:
		return parse_spec(s, &t->spec);
	case ARG_SPEC_OR_NONE_AND_BITS:
		if (!cut_bits(&s, t))
			return false;
		return s.n == 0 || parse_spec(s, &t->spec);
	case ARG_SPEC_OR_NONE:
		return s.n == 0 || parse_spec(s, &t->spec);
	case ARG_IP4:
	case ARG_IP6:
		return parse_network(s, argument == ARG_IP6, &t->net);
	}
	fail_bug(__FILE__, __LINE__, "argument");
}

static bool parse_mechanism(struct str s, struct spf_term *t)
{
	t->qualifier = '+';
	if (str_find(STR("+-~?"), s.p[0]) >= 0) {
		t->qualifier = s.p[0];
		s = str_skip(s, 1);
	}
	size_t n = 0;
	while (n < s.n && s.p[n] != ':' && s.p[n] != '/')
		n++;
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		if (!str_eq_nocase(str_sub(s, 0, n), str_of(mechanisms[i].name)))
			continue;
		t->kind = mechanisms[i].kind;
		return parse_argument(mechanisms[i].argument, str_skip(s, n), t);
	}
	return false;
}

/* name "=" macro-string; a known name with a bad value is an error, not an unknown modifier (6). */
static bool parse_modifier(struct str name, struct str value, struct spf_term *t)
{
	t->spec = value;
	t->kind = TERM_UNKNOWN_MODIFIER;
	if (str_eq_nocase(name, STR("redirect")))
		t->kind = TERM_REDIRECT;
	else if (str_eq_nocase(name, STR("exp")))
		t->kind = TERM_EXP;
	else
		return spf_macro_is_string(value);
	return spf_macro_is_domain_spec(value);
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) */
static size_t name_length(struct str s)
{
	size_t n = 0;
	if (s.n > 0 && char_is_alpha(s.p[0]))
		while (n < s.n && (char_is_alnum(s.p[n]) || str_find(STR("-_."), s.p[n]) >= 0))
			n++;
	return n;
}

static bool parse_term(struct str s, struct spf_term *t)
{
	*t = (struct spf_term){ .text = s, .spec = STR_EMPTY, .bits4 = 32, .bits6 = 128 };
	size_t n = name_length(s);
	if (n > 0 && n < s.n && s.p[n] == '=')
		return parse_modifier(str_sub(s, 0, n), str_skip(s, n + 1), t);
	return parse_mechanism(s, t);
}

/* Terms are separated by spaces only, one or more (4.6.1); every other control character is part of a term. */
static bool take_word(struct str *rest, struct str *word)
{
	while (rest->n > 0 && rest->p[0] == ' ')
		*rest = str_skip(*rest, 1);
	return str_next(rest, ' ', word);
}

const char *spf_shown(struct arena *a, struct str s)
{
	enum { SHOWN_MAX = 120 };
	size_t n = s.n <= SHOWN_MAX ? s.n : SHOWN_MAX;
	char *p = str_to_c(a, str_sub(s, 0, n));
	for (size_t i = 0; i < n; i++)
		if (!char_is_printable(p[i]))
			p[i] = '?';
	return n == s.n ? p : str_printf(a, "%s...", p).p;
}

bool spf_record_check(struct arena *a, struct str terms, struct str *problem)
{
	struct str word;
	struct spf_term t;
	unsigned redirects = 0, exps = 0;
	while (take_word(&terms, &word)) {
		if (!parse_term(word, &t)) {
			*problem = str_printf(a, "bad term \"%s\"", spf_shown(a, word));
			return false;
		}
		redirects += t.kind == TERM_REDIRECT;
		exps += t.kind == TERM_EXP;
	}
	if (redirects > 1 || exps > 1) { /* 6 */
		*problem = redirects > 1 ? STR("two redirect= modifiers") : STR("two exp= modifiers");
		return false;
	}
	return true;
}

bool spf_record_next(struct str *terms, struct spf_term *t)
{
	struct str word;
	if (!take_word(terms, &word))
		return false;
	BUG_IF(!parse_term(word, t));
	return true;
}

bool spf_term_matches_without_dns(const struct spf_term *t, struct ip client)
{
	return t->kind == TERM_ALL ||
	       ((t->kind == TERM_IP4 || t->kind == TERM_IP6) && ip_in_net(client, t->net));
}

bool spf_term_needs_dns(const struct spf_term *t)
{
	switch (t->kind) {
	case TERM_INCLUDE:
	case TERM_A:
	case TERM_MX:
	case TERM_PTR:
	case TERM_EXISTS:
	case TERM_REDIRECT:
		return true;
	case TERM_ALL:
	case TERM_IP4:
	case TERM_IP6:
	case TERM_EXP:
	case TERM_UNKNOWN_MODIFIER:
		return false;
	}
	fail_bug(__FILE__, __LINE__, "term kind");
}
