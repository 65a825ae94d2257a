#include "policy/text_set.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/glob.h"
#include "base/map.h"
#include "base/vec.h"
#include "mail/domain.h"

enum { FEW = 8 }; /* up to here comparing all is faster than hashing */

struct index {
	VEC(struct str) names;
	struct map *map; /* with more than FEW */
};

struct text_set {
	struct arena *arena;
	enum text_kind kind;
	struct index exact;
	struct index trees;      /* ".example.org", without the dot */
	struct index at_domains; /* "*@example.org", without the star and the at sign */
	struct index patterns;
	size_t count;
	bool is_sealed;
};

static const char bad_domain[] = "is no domain name";

/* A '*' may stand for any part of a name, so only the labels without one can be checked. */
static const char *normalize_labels(struct arena *a, struct str labels, struct buf *out)
{
	for (bool is_more = true; is_more;) {
		struct str label;
		is_more = str_cut(labels, '.', &label, &labels);
		if (!glob_is_pattern(label) && !domain_normalize(a, label, &label))
			return bad_domain;
		for (size_t i = 0; i < label.n; i++)
			if (!char_is_printable(label.p[i]))
				return "has a label with both * and letters beyond ASCII: write that in its xn-- form";
		buf_printf(out, "%s%.*s", out->n == 0 ? "" : ".", STR_ARG(label));
	}
	return NULL;
}

static const char *normalize_domain(struct arena *a, struct str raw, struct str *out)
{
	struct str name;
	if (str_starts(raw, STR("["))) { /* an address literal, as in HELO */
		*out = str_lower(a, raw);
		return NULL;
	}
	if (!glob_is_pattern(raw)) {
		bool is_tree = str_starts(raw, STR("."));
		if (!domain_normalize(a, str_skip(raw, is_tree), &name))
			return bad_domain;
		*out = is_tree ? str_printf(a, ".%.*s", STR_ARG(name)) : name;
		return NULL;
	}
	struct buf joined;
	buf_init(&joined, 0);
	const char *wrong = normalize_labels(a, raw, &joined);
	*out = str_lower(a, buf_str(&joined));
	buf_fini(&joined);
	return wrong;
}

static const char *normalize_address(struct arena *a, struct str raw, struct str *out)
{
	ptrdiff_t at = str_find_last(raw, '@');
	struct str domain;
	if (str_starts(raw, STR("<")))
		return "is to be written without < and >";
	if (at < 0) {
		*out = str_lower(a, raw);
		return str_find(raw, '.') < 0 || glob_is_pattern(raw) ? NULL : "has no @: write *@ before a domain";
	}
	const char *wrong = normalize_domain(a, str_skip(raw, (size_t)at + 1), &domain);
	if (wrong != NULL || str_starts(domain, STR(".")))
		return wrong != NULL ? wrong : "has a dot behind the @: write *@*.example.org for what is below a domain";
	*out = str_printf(a, "%.*s@%.*s", STR_ARG(str_lower(a, str_sub(raw, 0, (size_t)at))), STR_ARG(domain));
	return NULL;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

const char *text_literal_normalize(struct arena *a, enum text_kind kind, struct str raw, struct str *out)
{
	if (raw.n == 0)
		return "is empty, which nothing equals: ask with lacks = [ ... ]";
	if (raw.n > TEXT_LITERAL_MAX)
		return "is longer than 512 bytes";
	switch (kind) {
	case TEXT_DOMAIN:
		return normalize_domain(a, raw, out);
	case TEXT_ADDRESS:
		return normalize_address(a, raw, out);
	case TEXT_ANY: /* elements are names of fields, domains or URIs: only a domain has another spelling */
		if (str_starts(raw, STR(".")) || !is_ascii(raw))
			return normalize_domain(a, raw, out);
		*out = str_lower(a, raw);
		return NULL;
	case TEXT_STRING:
		*out = str_lower(a, raw);
		return NULL;
	}
	BUG_IF(true);
}

struct text_set *text_set_new(struct arena *a, enum text_kind kind)
{
	struct text_set *set = ARENA_NEW(a, struct text_set);
	set->arena = a;
	set->kind = kind;
	return set;
}

static void index_seal(struct arena *a, struct index *x)
{
	if (x->names.count <= FEW)
		return;
	x->map = map_new(a);
	for (size_t i = 0; i < x->names.count; i++)
		map_add(x->map, x->names.items[i], &x->names.items[i]);
}

static bool index_has(const struct index *x, struct str lower)
{
	if (x->map != NULL)
		return map_has(x->map, lower);
	for (size_t i = 0; i < x->names.count; i++)
		if (str_eq(x->names.items[i], lower))
			return true;
	return false;
}

void text_set_add(struct text_set *set, struct str literal)
{
	BUG_IF(set->is_sealed);
	bool is_pattern = glob_is_pattern(literal);
	bool is_dotted = str_starts(literal, STR(".")) && (set->kind == TEXT_DOMAIN || set->kind == TEXT_ANY);
	struct index *x = is_pattern ? &set->patterns : &set->exact;
	if (is_dotted && !is_pattern) {
		x = &set->trees;
		literal = str_skip(literal, 1);
	} else if (set->kind == TEXT_ADDRESS && str_starts(literal, STR("*@")) && !glob_is_pattern(str_skip(literal, 2))) {
		x = &set->at_domains;
		literal = str_skip(literal, 2);
	}
	VEC_PUSH(set->arena, &x->names, str_dup(set->arena, literal));
	set->count++;
}

void text_set_seal(struct text_set *set)
{
	set->is_sealed = true;
	index_seal(set->arena, &set->exact);
	index_seal(set->arena, &set->trees);
	index_seal(set->arena, &set->at_domains);
}

size_t text_set_count(const struct text_set *set)
{
	return set->count;
}

struct str text_set_at(const struct text_set *set, size_t index, struct arena *a)
{
	const struct {
		const struct index *names;
		const char *begin;
	} parts[] = { { &set->exact, "" }, { &set->trees, "." }, { &set->at_domains, "*@" }, { &set->patterns, "" } };
	size_t i = 0;
	for (; index >= parts[i].names->names.count; i++)
		index -= parts[i].names->names.count;
	struct str name = parts[i].names->names.items[index];
	return parts[i].begin[0] == 0 ? name : str_printf(a, "%s%.*s", parts[i].begin, STR_ARG(name));
}

static bool has_tree_of(const struct index *trees, struct str name)
{
	for (; name.n > 0; name = domain_parent(name))
		if (index_has(trees, name))
			return true;
	return false;
}

static bool has_domain_of(const struct index *at_domains, struct str address)
{
	ptrdiff_t at = str_find_last(address, '@');
	return at >= 0 && index_has(at_domains, str_skip(address, (size_t)at + 1));
}

bool text_set_has(const struct text_set *set, struct str text)
{
	BUG_IF(!set->is_sealed);
	if (text.n <= TEXT_LITERAL_MAX && set->patterns.names.count < set->count) {
		char bytes[TEXT_LITERAL_MAX];
		for (size_t i = 0; i < text.n; i++)
			bytes[i] = char_lower(text.p[i]);
		struct str lower = { bytes, text.n };
		if (index_has(&set->exact, lower) ||
		    (set->trees.names.count > 0 && has_tree_of(&set->trees, lower)) ||
		    (set->at_domains.names.count > 0 && has_domain_of(&set->at_domains, lower)))
			return true;
	}
	for (size_t i = 0; i < set->patterns.names.count; i++)
		if (glob_match(set->patterns.names.items[i], text))
			return true;
	return false;
}

/* The first address of x that the set has. */
static struct str exact_in(const struct index *x, const struct text_set *set)
{
	for (size_t i = 0; i < x->names.count; i++)
		if (text_set_has(set, x->names.items[i]))
			return x->names.items[i];
	return STR_EMPTY;
}

/* The first pattern of a that meets one of b, or a whole domain of b's. */
static struct str pattern_in(struct arena *arena, const struct text_set *a, const struct text_set *b)
{
	for (size_t i = 0; i < a->patterns.names.count; i++) {
		struct str pattern = a->patterns.names.items[i];
		for (size_t j = 0; j < b->patterns.names.count; j++)
			if (glob_meets(pattern, b->patterns.names.items[j]))
				return pattern;
		for (size_t j = 0; j < b->at_domains.names.count; j++)
			if (glob_meets(pattern, str_printf(arena, "*@%.*s", STR_ARG(b->at_domains.names.items[j]))))
				return pattern;
	}
	return STR_EMPTY;
}

struct str text_set_common(struct arena *arena, const struct text_set *a, const struct text_set *b)
{
	BUG_IF(a->kind != TEXT_ADDRESS || b->kind != TEXT_ADDRESS);
	struct str common = exact_in(&a->exact, b);
	if (common.n == 0)
		common = exact_in(&b->exact, a);
	for (size_t i = 0; i < a->at_domains.names.count && common.n == 0; i++)
		if (index_has(&b->at_domains, a->at_domains.names.items[i]))
			common = str_printf(arena, "*@%.*s", STR_ARG(a->at_domains.names.items[i]));
	if (common.n == 0)
		common = pattern_in(arena, a, b);
	return common.n > 0 ? common : pattern_in(arena, b, a);
}
