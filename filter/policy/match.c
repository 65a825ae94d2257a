#include "policy/match.h"

#include "base/fail.h"
#include "base/glob.h"
#include "mail/domain.h"
#include "policy/lists.h"
#include "policy/text_set.h"

static bool is_empty(enum fact_type type, const struct fact_value *v)
{
	switch (type) {
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		return v->text.n == 0;
	case TYPE_LIST:
		return v->list.count == 0;
	case TYPE_RESULT:
	case TYPE_IP:
	case TYPE_INT:
	case TYPE_BOOL:
		return false;
	}
	BUG_IF(true);
}

static bool has_text(const struct condition *c, struct str text)
{
	if (c->text_set != NULL && text_set_has(c->text_set, text))
		return true;
	for (size_t i = 0; i < c->lists.count; i++)
		if (text_set_has(c->lists.items[i]->texts, text))
			return true;
	return false;
}

static bool has_element(const struct condition *c, const struct fact_value *v)
{
	for (size_t i = 0; i < v->list.count; i++)
		if (has_text(c, v->list.items[i]))
			return true;
	return false;
}

static bool has_ip(const struct condition *c, struct ip ip)
{
	if (c->net_set != NULL && ip_set_has(c->net_set, ip))
		return true;
	for (size_t i = 0; i < c->lists.count; i++)
		if (ip_set_has(c->lists.items[i]->nets, ip))
			return true;
	return false;
}

static bool has_number(const struct condition *c, int64_t number)
{
	for (size_t i = 0; i < c->ranges.count; i++)
		if (number >= c->ranges.items[i].min && number <= c->ranges.items[i].max)
			return true;
	return false;
}

struct str address_with_a_labels(struct matcher *m, struct str address)
{
	ptrdiff_t at = str_find_last(address, '@');
	struct str domain = str_skip(address, (size_t)at + 1);
	bool is_ascii = true;
	for (size_t i = 0; i < domain.n; i++)
		is_ascii &= (unsigned char)domain.p[i] < 0x80;
	if (at < 0 || is_ascii)
		return address;
	if (address.p != m->address.p) {
		m->address = m->address_normalized = address;
		if (domain_normalize(m->arena, domain, &domain))
			m->address_normalized = str_printf(m->arena, "%.*s%.*s", (int)at + 1, address.p, STR_ARG(domain));
	}
	return m->address_normalized;
}

bool condition_has_address(struct matcher *m, const struct condition *c, struct str address)
{
	return has_text(c, address_with_a_labels(m, address));
}

static bool has_value(struct matcher *m, const struct condition *c, const struct fact_value *v)
{
	switch (fact_descs[c->fact].type) {
	case TYPE_RESULT:
		return c->results >> v->result & 1;
	case TYPE_STRING:
	case TYPE_DOMAIN:
		return has_text(c, v->text);
	case TYPE_ADDRESS:
		return condition_has_address(m, c, v->text);
	case TYPE_LIST:
		return has_element(c, v);
	case TYPE_IP:
		return has_ip(c, v->ip);
	case TYPE_INT:
		return has_number(c, v->number);
	case TYPE_BOOL:
		return c->truth == v->truth;
	}
	BUG_IF(true);
}

bool fact_is_settled(const struct facts *facts, enum fact_id id, enum stage stage)
{
	const struct fact_desc *f = &fact_descs[id];
	return facts_is_set(facts, id) ? f->stage <= stage
				       : f->stage < stage && f->probe == PROBE_NONE && f->scope != SCOPE_RCPT;
}

enum truth condition_match(struct matcher *m, const struct condition *c)
{
	const struct fact_value *v = facts_get(m->facts, c->fact);
	if (v->state == FACT_UNKNOWN)
		return TRUTH_CANNOT_TELL;
	bool is_there = v->state == FACT_VALUE && !is_empty(fact_descs[c->fact].type, v);
	bool holds = false;
	switch (c->test) {
	case TEST_VALUE:
		holds = is_there && has_value(m, c, v);
		break;
	case TEST_HAS:
		holds = is_there;
		break;
	case TEST_LACKS:
		holds = !is_there;
		break;
	}
	return holds ? TRUTH_YES : TRUTH_NO;
}

enum truth conditions_match(struct matcher *m, const struct conditions *all, const struct condition **decided)
{
	enum truth so_far = TRUTH_YES;
	*decided = NULL;
	for (size_t i = 0; i < all->count; i++) {
		enum truth t = condition_match(m, &all->items[i]);
		if (t < so_far) {
			so_far = t;
			*decided = &all->items[i];
		}
		if (t == TRUTH_NO)
			break;
	}
	return so_far;
}

enum truth rule_match(struct matcher *m, const struct rule *r, const struct condition **decided, bool *is_taken_back)
{
	const struct condition *exception;
	*is_taken_back = false;
	enum truth when = conditions_match(m, &r->when, decided);
	if (when == TRUTH_NO || r->unless.count == 0)
		return when;
	switch (conditions_match(m, &r->unless, &exception)) {
	case TRUTH_NO:
		return when;
	case TRUTH_YES:
		*is_taken_back = true;
		*decided = NULL;
		return TRUTH_NO;
	case TRUTH_CANNOT_TELL:
		if (when == TRUTH_YES)
			*decided = exception;
		return TRUTH_CANNOT_TELL;
	}
	BUG_IF(true);
}

struct str condition_print(struct arena *a, const struct condition *c, const struct facts *facts)
{
	const struct fact_value *v = facts_get(facts, c->fact);
	const char *name = fact_descs[c->fact].name;
	if (v->state == FACT_UNKNOWN)
		return str_printf(a, "%s cannot be told (%.*s)", name, STR_ARG(v->reason));
	if (v->state != FACT_VALUE)
		return str_printf(a, "%s is absent", name);
	struct str value = fact_value_print(a, c->fact, v);
	return str_printf(a, "%s is %.*s", name, STR_ARG(value.n == 0 ? STR("empty") : value));
}

struct str conditions_print(struct arena *a, const struct conditions *all, const struct facts *facts)
{
	struct str text = STR_EMPTY;
	for (size_t i = 0; i < all->count; i++)
		text = str_printf(a, "%.*s%s%.*s", STR_ARG(text), i == 0 ? "" : ", ",
				  STR_ARG(condition_print(a, &all->items[i], facts)));
	return text.n == 0 ? STR("it asks about nothing") : text;
}

struct str condition_explain(struct arena *a, const struct condition *c, const struct facts *facts)
{
	struct str wanted = c->test == TEST_HAS ? STR("any") : c->test == TEST_LACKS ? STR("none") : c->wanted;
	return str_printf(a, "%.*s, wanted %.*s", STR_ARG(condition_print(a, c, facts)), STR_ARG(wanted));
}

static bool is_range_within(const struct condition *outer, struct int_range r)
{
	for (size_t i = 0; i < outer->ranges.count; i++)
		if (r.min >= outer->ranges.items[i].min && r.max <= outer->ranges.items[i].max)
			return true;
	return false;
}

static bool is_net_within(const struct condition *outer, struct ip_net net)
{
	for (size_t i = 0; i < outer->nets.count; i++)
		if (outer->nets.items[i].prefix_bits <= net.prefix_bits && ip_in_net(net.ip, outer->nets.items[i]))
			return true;
	return false;
}

static bool is_literal_within(const struct condition *outer, struct str literal)
{
	for (size_t i = 0; i < outer->literals.count; i++)
		if (str_eq(outer->literals.items[i], literal))
			return true;
	bool is_exact = !glob_is_pattern(literal) && !str_starts(literal, STR("."));
	return is_exact && outer->text_set != NULL && text_set_has(outer->text_set, literal);
}

static bool is_list_within(const struct condition *outer, const struct named_list *list)
{
	for (size_t i = 0; i < outer->lists.count; i++)
		if (outer->lists.items[i] == list)
			return true;
	return false;
}

bool condition_implies(const struct condition *b, const struct condition *a)
{
	if (a->fact != b->fact || !a->is_good || !b->is_good)
		return false;
	if (a->test != TEST_VALUE)
		return a->test == TEST_HAS ? b->test != TEST_LACKS : b->test == TEST_LACKS;
	if (b->test != TEST_VALUE)
		return false;
	bool is_within = (b->results & ~a->results) == 0;
	if (fact_descs[a->fact].type == TYPE_BOOL)
		is_within = a->truth == b->truth;
	for (size_t i = 0; i < b->ranges.count && is_within; i++)
		is_within = is_range_within(a, b->ranges.items[i]);
	for (size_t i = 0; i < b->nets.count && is_within; i++)
		is_within = is_net_within(a, b->nets.items[i]);
	for (size_t i = 0; i < b->literals.count && is_within; i++)
		is_within = is_literal_within(a, b->literals.items[i]);
	for (size_t i = 0; i < b->lists.count && is_within; i++)
		is_within = is_list_within(a, b->lists.items[i]);
	return is_within;
}

bool conditions_imply(const struct conditions *b, const struct conditions *a)
{
	for (size_t i = 0; i < a->count; i++) {
		bool is_implied = false;
		for (size_t j = 0; j < b->count && !is_implied; j++)
			is_implied = condition_implies(&b->items[j], &a->items[i]);
		if (!is_implied)
			return false;
	}
	return true;
}
