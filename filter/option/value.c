#include "option/value.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/nametab.h"
#include "option/lc.h"
#include "option/listener.h"

/* One of these points at the field, by the type of the row. */
union value {
	void *p;
	struct str *text;
	int64_t *number;
	bool *truth;
	struct strings *strings;
	const struct ip_set **nets;
	struct listeners *listeners;
};

union const_value {
	const void *p;
	const struct str *text;
	const int64_t *number;
	const bool *truth;
	const struct strings *strings;
	const struct ip_set *const *nets;
	const struct listeners *listeners;
};

static union value value_in(struct options *o, const struct option_desc *desc)
{
	return (union value){ (char *)o + desc->offset };
}

static union const_value value_of(const struct options *o, const struct option_desc *desc)
{
	return (union const_value){ (const char *)o + desc->offset };
}

/* Relative names start in the configuration file's folder; empty stays empty. */
static struct str path_in(struct arena *a, struct str folder, struct str path)
{
	if (path.n == 0 || path.p[0] == '/')
		return str_dup(a, path);
	return str_printf(a, "%.*s%.*s", STR_ARG(folder), STR_ARG(path));
}

static const struct ip_set *no_nets(struct arena *a)
{
	struct ip_set *set = ip_set_new(a);
	ip_set_seal(set);
	return set;
}

void option_set_default(struct arena *a, struct options *o, const struct option_desc *desc)
{
	union value v = value_in(o, desc);
	struct str text = str_of(desc->default_text), rest;
	switch (desc->type) {
	case OPTION_STRING:
		*v.text = text;
		break;
	case OPTION_FILE:
	case OPTION_FOLDER:
		*v.text = path_in(a, o->folder, text);
		break;
	case OPTION_WORD:
		str_cut(text, '|', v.text, &rest);
		break;
	case OPTION_INT:
		BUG_IF(!str_to_i64(text, v.number));
		break;
	case OPTION_SIZE:
		BUG_IF(lc_parse_size_bytes(text, v.number) != NULL);
		break;
	case OPTION_DURATION:
		BUG_IF(lc_parse_duration_ms(text, v.number) != NULL);
		break;
	case OPTION_BOOL:
		*v.truth = str_eq(text, STR("true"));
		break;
	case OPTION_STRINGS:
		*v.strings = (struct strings){ NULL, 0 };
		break;
	case OPTION_NETS:
		*v.nets = no_nets(a);
		break;
	case OPTION_LISTEN:
		*v.listeners = listeners_default(a, desc->default_text);
		break;
	}
}

struct setting {
	struct arena *arena;
	struct diags *diags;
	const struct option_desc *desc;
	const config_setting_t *lc;
};

static struct place place_of(const struct setting *s)
{
	return lc_place(s->arena, s->lc);
}

/* The element of a list; a single text stands for itself. */
static struct place place_at(const struct setting *s, size_t i)
{
	return lc_place(s->arena, config_setting_is_aggregate(s->lc) ?
				  config_setting_get_elem(s->lc, (unsigned)i) : s->lc);
}

static void load_word(const struct setting *s, struct str *value)
{
	const char *words[16];
	size_t count = 0;
	struct str rest = str_of(s->desc->default_text), word;
	unsigned known;
	while (str_next(&rest, '|', &word)) {
		BUG_IF(count == sizeof(words) / sizeof(words[0]));
		words[count++] = str_to_c(s->arena, word);
	}
	if (!lc_text(s->lc, s->diags, &word))
		return;
	if (nametab_find(words, count, word, &known))
		*value = str_of(words[known]);
	else
		diag_error(s->diags, place_of(s), "\"%.*s\" is not known: %s", STR_ARG(word),
			   nametab_join(s->arena, words, count).p);
}

static void set_in_range(const struct setting *s, int64_t number, int64_t *value)
{
	const struct option_desc *d = s->desc;
	if ((d->min == 0 && d->max == 0) || (number >= d->min && number <= d->max)) {
		*value = number;
		return;
	}
	diag_error(s->diags, place_of(s), "%s is out of range: %s to %s", option_print_number(s->arena, d, number).p,
		   option_print_number(s->arena, d, d->min).p, option_print_number(s->arena, d, d->max).p);
}

static void load_with_unit(const struct setting *s, const char *(*parse)(struct str, int64_t *), int64_t *value)
{
	struct str text;
	int64_t number;
	if (config_setting_is_number(s->lc)) {
		diag_error(s->diags, place_of(s), "a text with a unit is wanted, such as \"%s\"",
			   s->desc->default_text);
		return;
	}
	if (!lc_text(s->lc, s->diags, &text))
		return;
	const char *wrong = parse(text, &number);
	if (wrong != NULL)
		diag_error(s->diags, place_of(s), "\"%.*s\" %s", STR_ARG(text), wrong);
	else
		set_in_range(s, number, value);
}

static void load_strings(const struct setting *s, struct strings *value)
{
	const struct str *texts;
	size_t count;
	if (!lc_texts(s->arena, s->lc, s->diags, &texts, &count))
		return;
	struct str *items = arena_array(s->arena, count, sizeof(*items));
	for (size_t i = 0; i < count; i++) {
		items[i] = str_dup(s->arena, texts[i]);
		for (size_t j = 0; j < i; j++)
			if (str_eq(items[i], items[j]))
				diag_warn(s->diags, place_at(s, i), "\"%.*s\" stands here twice", STR_ARG(items[i]));
	}
	*value = (struct strings){ items, count };
}

static void warn_about_net(const struct setting *s, const struct ip_net *nets, size_t i, struct str text)
{
	const struct ip_net *net = &nets[i];
	if (net->prefix_bits == 0)
		diag_warn(s->diags, place_at(s, i), "\"%.*s\" holds every address", STR_ARG(text));
	for (size_t j = 0; j < i; j++) {
		const struct ip_net *other = &nets[j];
		if (ip_in_net(net->ip, *other) && net->prefix_bits >= other->prefix_bits) {
			diag_warn(s->diags, place_at(s, i), "\"%.*s\" is in %s already", STR_ARG(text),
				  ip_net_print(s->arena, *other).p);
			return;
		}
	}
}

static void load_nets(const struct setting *s, const struct ip_set **value)
{
	const struct str *texts;
	size_t count;
	if (!lc_texts(s->arena, s->lc, s->diags, &texts, &count))
		return;
	struct ip_set *set = ip_set_new(s->arena);
	struct ip_net *nets = arena_array(s->arena, count, sizeof(*nets));
	for (size_t i = 0; i < count; i++) {
		if (!ip_net_parse(texts[i], &nets[i])) {
			diag_error(s->diags, place_at(s, i),
				   "\"%.*s\" is no network: \"192.0.2.0/24\", \"2001:db8::/32\" or a single address",
				   STR_ARG(texts[i]));
			continue;
		}
		ip_set_add(set, nets[i]);
		warn_about_net(s, nets, i, texts[i]);
	}
	ip_set_seal(set);
	*value = set;
}

void option_load(struct arena *a, struct options *o, const struct option_desc *desc, const config_setting_t *lc,
		 struct diags *diags)
{
	const struct setting s = { a, diags, desc, lc };
	union value v = value_in(o, desc);
	struct str text;
	int64_t number;
	switch (desc->type) {
	case OPTION_STRING:
		if (lc_text(lc, diags, &text))
			*v.text = str_dup(a, text);
		break;
	case OPTION_FILE:
	case OPTION_FOLDER:
		if (lc_text(lc, diags, &text))
			*v.text = path_in(a, o->folder, text);
		break;
	case OPTION_WORD:
		load_word(&s, v.text);
		break;
	case OPTION_INT:
		if (lc_int(lc, diags, &number))
			set_in_range(&s, number, v.number);
		break;
	case OPTION_SIZE:
		load_with_unit(&s, lc_parse_size_bytes, v.number);
		break;
	case OPTION_DURATION:
		load_with_unit(&s, lc_parse_duration_ms, v.number);
		break;
	case OPTION_BOOL:
		lc_bool(lc, diags, v.truth);
		break;
	case OPTION_STRINGS:
		load_strings(&s, v.strings);
		break;
	case OPTION_NETS:
		load_nets(&s, v.nets);
		break;
	case OPTION_LISTEN: {
		struct listeners list;
		if (listeners_load(a, lc, diags, &list))
			*v.listeners = list;
		break;
	}
	}
}

static bool strings_are_equal(const struct strings *a, const struct strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!str_eq(a->items[i], b->items[i]))
			return false;
	return true;
}

static bool nets_are_equal(const struct ip_set *a, const struct ip_set *b)
{
	if (ip_set_count(a) != ip_set_count(b))
		return false;
	for (size_t i = 0; i < ip_set_count(a); i++) {
		struct ip_net x = ip_set_at(a, i), y = ip_set_at(b, i);
		if (!ip_eq(x.ip, y.ip) || x.prefix_bits != y.prefix_bits)
			return false;
	}
	return true;
}

bool option_is_equal(const struct option_desc *desc, const struct options *one, const struct options *other)
{
	union const_value a = value_of(one, desc), b = value_of(other, desc);
	switch (desc->type) {
	case OPTION_STRING:
	case OPTION_FILE:
	case OPTION_FOLDER:
	case OPTION_WORD:
		return str_eq(*a.text, *b.text);
	case OPTION_INT:
	case OPTION_SIZE:
	case OPTION_DURATION:
		return *a.number == *b.number;
	case OPTION_BOOL:
		return *a.truth == *b.truth;
	case OPTION_STRINGS:
		return strings_are_equal(a.strings, b.strings);
	case OPTION_NETS:
		return nets_are_equal(*a.nets, *b.nets);
	case OPTION_LISTEN:
		return listeners_eq(a.listeners, b.listeners);
	}
	return false;
}

static struct strings strings_dup(struct arena *a, const struct strings *from)
{
	struct str *items = arena_array(a, from->count, sizeof(*items));
	for (size_t i = 0; i < from->count; i++)
		items[i] = str_dup(a, from->items[i]);
	return (struct strings){ items, from->count };
}

static const struct ip_set *nets_dup(struct arena *a, const struct ip_set *from)
{
	struct ip_set *set = ip_set_new(a);
	for (size_t i = 0; i < ip_set_count(from); i++)
		ip_set_add(set, ip_set_at(from, i));
	ip_set_seal(set);
	return set;
}

void option_copy(struct arena *a, const struct option_desc *desc, struct options *to, const struct options *from)
{
	union value v = value_in(to, desc);
	union const_value old = value_of(from, desc);
	switch (desc->type) {
	case OPTION_STRING:
	case OPTION_FILE:
	case OPTION_FOLDER:
	case OPTION_WORD:
		*v.text = str_dup(a, *old.text);
		break;
	case OPTION_INT:
	case OPTION_SIZE:
	case OPTION_DURATION:
		*v.number = *old.number;
		break;
	case OPTION_BOOL:
		*v.truth = *old.truth;
		break;
	case OPTION_STRINGS:
		*v.strings = strings_dup(a, old.strings);
		break;
	case OPTION_NETS:
		*v.nets = nets_dup(a, *old.nets);
		break;
	case OPTION_LISTEN:
		*v.listeners = listeners_dup(a, old.listeners);
		break;
	}
}
