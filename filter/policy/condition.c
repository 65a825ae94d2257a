#include "policy/condition.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/fail.h"
#include "policy/fact_name.h"
#include "policy/lists.h"
#include "policy/text_set.h"

static bool clear_host_bits(struct ip_net *net)
{
	bool had_some = false;
	for (unsigned bit = net->prefix_bits; bit < ip_bits(net->ip.family); bit++) {
		uint8_t mask = (uint8_t)(0x80 >> (bit % 8));
		had_some |= (net->ip.b[bit / 8] & mask) != 0;
		net->ip.b[bit / 8] &= (uint8_t)~mask;
	}
	return had_some;
}

bool net_literal_parse(struct loader *l, struct place at, struct str text, struct ip_net *net)
{
	if (!ip_net_parse(text, net)) {
		diag_error(l->diags, at, "\"%.*s\" is no address or network", STR_ARG(text));
		return false;
	}
	char network[IP_TEXT_MAX];
	if (clear_host_bits(net))
		diag_warn(l->diags, at, "\"%.*s\" is taken as the whole network %s/%u", STR_ARG(text),
			  ip_print(net->ip, network), net->prefix_bits);
	return true;
}

/* How texts of this fact are compared. */
static enum text_kind text_kind_of(enum fact_id id)
{
	switch (fact_descs[id].type) {
	case TYPE_STRING:
		return TEXT_STRING;
	case TYPE_ADDRESS:
		return TEXT_ADDRESS;
	case TYPE_DOMAIN:
		return TEXT_DOMAIN;
	case TYPE_LIST:
		return TEXT_ANY;
	case TYPE_RESULT:
	case TYPE_IP:
	case TYPE_INT:
	case TYPE_BOOL:
		break;
	}
	BUG_IF(true);
}

static bool bad_literal(struct loader *l, const config_setting_t *s, struct str text, const char *wrong)
{
	diag_error(l->diags, lc_place(l->arena, s), "\"%.*s\" %s", STR_ARG(text), wrong);
	return false;
}

static bool take_result(struct loader *l, const config_setting_t *s, struct condition *c)
{
	struct str word;
	enum result result;
	if (!lc_text(s, l->diags, &word))
		return false;
	const char *wrong = fact_word_check(l->arena, c->fact, word, false);
	if (wrong != NULL)
		return bad_literal(l, s, word, wrong);
	BUG_IF(!result_parse(word, &result));
	c->results |= 1u << result;
	return true;
}

static bool take_list(struct loader *l, const config_setting_t *s, struct condition *c, struct str name)
{
	const struct named_list *list = lists_use(l, s, str_skip(name, 1), c->fact);
	if (list != NULL)
		VEC_PUSH(l->arena, &c->lists, list);
	return list != NULL;
}

static bool take_text(struct loader *l, const config_setting_t *s, struct condition *c)
{
	struct str text, literal;
	if (!lc_text(s, l->diags, &text))
		return false;
	if (str_starts(text, STR("@")))
		return take_list(l, s, c, text);
	const char *wrong = text_literal_normalize(l->arena, text_kind_of(c->fact), text, &literal);
	if (wrong == NULL)
		wrong = fact_word_check(l->arena, c->fact, literal, true);
	if (wrong != NULL)
		return bad_literal(l, s, text, wrong);
	VEC_PUSH(l->arena, &c->literals, literal);
	return true;
}

static bool take_net(struct loader *l, const config_setting_t *s, struct condition *c)
{
	struct str text;
	struct ip_net net;
	if (!lc_text(s, l->diags, &text))
		return false;
	if (str_starts(text, STR("@")))
		return take_list(l, s, c, text);
	if (!net_literal_parse(l, lc_place(l->arena, s), text, &net))
		return false;
	VEC_PUSH(l->arena, &c->nets, net);
	return true;
}

static bool take_range(struct loader *l, const config_setting_t *s, struct int_range *range)
{
	static const char *const names[] = { "min", "max" };
	const config_setting_t *min = config_setting_get_member(s, "min");
	const config_setting_t *max = config_setting_get_member(s, "max");
	size_t errors = diags_errors(l->diags);
	*range = (struct int_range){ INT64_MIN, INT64_MAX };
	lc_check_names(s, names, 2, l->diags);
	if (min != NULL)
		lc_int(min, l->diags, &range->min);
	if (max != NULL)
		lc_int(max, l->diags, &range->max);
	if (config_setting_length(s) == 0)
		diag_error(l->diags, lc_place(l->arena, s), "a range needs `min`, `max` or both");
	if (range->min > range->max)
		diag_error(l->diags, lc_place(l->arena, s), "min %" PRId64 " is larger than max %" PRId64
			   ": nothing is within", range->min, range->max);
	return diags_errors(l->diags) == errors;
}

static bool take_int(struct loader *l, const config_setting_t *s, struct condition *c)
{
	struct int_range range;
	if (config_setting_is_group(s)) {
		if (!take_range(l, s, &range))
			return false;
	} else {
		if (!lc_int(s, l->diags, &range.min))
			return false;
		range.max = range.min;
	}
	VEC_PUSH(l->arena, &c->ranges, range);
	return true;
}

static bool take_one(struct loader *l, const config_setting_t *s, struct condition *c)
{
	switch (fact_descs[c->fact].type) {
	case TYPE_RESULT:
		return take_result(l, s, c);
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
	case TYPE_LIST:
		return take_text(l, s, c);
	case TYPE_IP:
		return take_net(l, s, c);
	case TYPE_INT:
		return take_int(l, s, c);
	case TYPE_BOOL:
		return lc_bool(s, l->diags, &c->truth);
	}
	BUG_IF(true);
}

static void print_one(struct buf *b, const config_setting_t *s)
{
	if (s->type == CONFIG_TYPE_STRING) {
		buf_printf(b, "%s", s->value.sval);
	} else if (s->type == CONFIG_TYPE_BOOL) {
		buf_printf(b, "%s", s->value.ival != 0 ? "true" : "false");
	} else if (config_setting_is_group(s)) {
		const config_setting_t *min = config_setting_get_member(s, "min");
		const config_setting_t *max = config_setting_get_member(s, "max");
		if (min != NULL)
			buf_printf(b, "at least %lld", config_setting_get_int64(min));
		if (max != NULL)
			buf_printf(b, "%sat most %lld", min != NULL ? " and " : "", config_setting_get_int64(max));
	} else {
		buf_printf(b, "%lld", config_setting_get_int64(s));
	}
}

enum { WANTED_SHOWN = 6 };

static struct str print_wanted(struct arena *a, const config_setting_t *s)
{
	struct buf b;
	buf_init(&b, 0);
	if (config_setting_is_group(s) || !config_setting_is_aggregate(s))
		print_one(&b, s);
	int count = b.n == 0 ? config_setting_length(s) : 0;
	for (int i = 0; i < count && i < WANTED_SHOWN; i++) {
		buf_printf(&b, "%s", i == 0 ? "" : " or ");
		print_one(&b, config_setting_get_elem(s, (unsigned)i));
	}
	if (count > WANTED_SHOWN)
		buf_printf(&b, " or one of %d more", count - WANTED_SHOWN);
	struct str wanted = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return wanted;
}

/* One literal, or a list of them. Booleans know no list: both would be anything. */
static bool take_literals(struct loader *l, const config_setting_t *s, struct condition *c)
{
	bool is_list = config_setting_is_array(s) || config_setting_is_list(s);
	if (!is_list || fact_descs[c->fact].type == TYPE_BOOL)
		return take_one(l, s, c);
	if (config_setting_length(s) == 0) {
		diag_error(l->diags, c->at, "an empty list: nothing is in it");
		return false;
	}
	bool is_good = true;
	for (int i = 0; i < config_setting_length(s); i++)
		is_good &= take_one(l, config_setting_get_elem(s, (unsigned)i), c);
	return is_good;
}

static void seal(struct arena *a, struct condition *c)
{
	if (c->nets.count > 0) {
		c->net_set = ip_set_new(a);
		for (size_t i = 0; i < c->nets.count; i++)
			ip_set_add(c->net_set, c->nets.items[i]);
		ip_set_seal(c->net_set);
	}
	if (c->literals.count > 0) {
		c->text_set = text_set_new(a, text_kind_of(c->fact));
		for (size_t i = 0; i < c->literals.count; i++)
			text_set_add(c->text_set, c->literals.items[i]);
		text_set_seal(c->text_set);
	}
}

struct condition condition_parse(struct loader *l, const config_setting_t *s, enum fact_id id)
{
	struct condition c = { .fact = id, .test = TEST_VALUE, .at = lc_place(l->arena, s) };
	c.is_good = take_literals(l, s, &c);
	if (c.is_good)
		c.wanted = print_wanted(l->arena, s);
	seal(l->arena, &c);
	return c;
}

static void take_fact(struct loader *l, const config_setting_t *s, enum fact_id id, void *context)
{
	struct conditions *conditions = context;
	VEC_PUSH(l->arena, conditions, condition_parse(l, s, id));
}

static void take_presence(struct loader *l, const config_setting_t *group, const char *name, enum test_kind test,
			  struct conditions *conditions)
{
	const config_setting_t *s = config_setting_get_member(group, name);
	const struct str *names;
	size_t count;
	if (s == NULL || !lc_texts(l->arena, s, l->diags, &names, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		enum fact_id id = fact_name_parse(l, s, names[i]);
		struct condition c = { .fact = id, .test = test, .at = lc_place(l->arena, s), .is_good = true };
		if (id < FACT_COUNT)
			VEC_PUSH(l->arena, conditions, c);
	}
}

/* The order in which conditions are asked does not change the answer (one no decides), only what it costs. */
static int cost(const struct condition *c)
{
	if (c->test != TEST_VALUE)
		return 0;
	switch (fact_descs[c->fact].type) {
	case TYPE_RESULT:
	case TYPE_INT:
	case TYPE_BOOL:
		return 0;
	case TYPE_IP:
		return 1;
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		return 2;
	case TYPE_LIST:
		return 3;
	}
	BUG_IF(true);
}

static void sort_by_cost(struct conditions *conditions)
{
	for (size_t i = 1; i < conditions->count; i++) {
		struct condition moved = conditions->items[i];
		size_t j = i;
		for (; j > 0 && cost(&conditions->items[j - 1]) > cost(&moved); j--)
			conditions->items[j] = conditions->items[j - 1];
		conditions->items[j] = moved;
	}
}

void conditions_parse(struct loader *l, const config_setting_t *group, struct conditions *conditions)
{
	static const char *const others[] = { "has", "lacks" };
	size_t errors = diags_errors(l->diags);
	if (!lc_is_group(group, l->diags))
		return;
	facts_walk(l, group, others, 2, take_fact, conditions);
	take_presence(l, group, "has", TEST_HAS, conditions);
	take_presence(l, group, "lacks", TEST_LACKS, conditions);
	if (conditions->count == 0 && diags_errors(l->diags) == errors)
		diag_error(l->diags, lc_place(l->arena, group), "asks about nothing: leave it out");
	sort_by_cost(conditions);
}
