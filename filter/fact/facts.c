#include "fact/facts.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"

struct facts {
	struct arena *arena;
	enum fact_scope scope;
	const struct facts *parent;
	enum fact_id first;          /* of the scope's facts in the table: */
	struct fact_value values[];  /* a message with a thousand recipients stays small */
};

struct facts *facts_new(struct arena *a, enum fact_scope scope, const struct facts *parent)
{
	BUG_IF(parent == NULL && scope != SCOPE_CONN);
	enum fact_id first = FACT_COUNT, last = 0;
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		if (fact_descs[id].scope == scope) {
			first = first == FACT_COUNT ? id : first;
			last = id;
		}
	}
	BUG_IF(first == FACT_COUNT);
	struct facts *f = arena_alloc(a, sizeof(*f) + (last - first + 1) * sizeof(f->values[0]));
	f->arena = a;
	f->scope = scope;
	f->parent = parent;
	f->first = first;
	return f;
}

static struct fact_value *put(struct facts *f, enum fact_id id, enum fact_state state)
{
	BUG_IF(id >= FACT_COUNT || fact_descs[id].scope != f->scope);
	struct fact_value *v = &f->values[id - f->first];
	*v = (struct fact_value){ .state = state };
	return v;
}

static bool is_text(enum fact_type type)
{
	return type == TYPE_STRING || type == TYPE_ADDRESS || type == TYPE_DOMAIN;
}

void facts_set_text(struct facts *f, enum fact_id id, struct str text)
{
	BUG_IF(!is_text(fact_descs[id].type));
	put(f, id, FACT_VALUE)->text = str_dup(f->arena, text);
}

void facts_set_text_or_absent(struct facts *f, enum fact_id id, struct str text)
{
	if (text.n == 0)
		facts_set_absent(f, id);
	else
		facts_set_text(f, id, text);
}

void facts_set_ip(struct facts *f, enum fact_id id, struct ip ip)
{
	BUG_IF(fact_descs[id].type != TYPE_IP);
	put(f, id, ip.family == IP_NONE ? FACT_ABSENT : FACT_VALUE)->ip = ip;
}

void facts_set_int(struct facts *f, enum fact_id id, int64_t number)
{
	BUG_IF(fact_descs[id].type != TYPE_INT);
	put(f, id, FACT_VALUE)->number = number;
}

void facts_set_bool(struct facts *f, enum fact_id id, bool truth)
{
	BUG_IF(fact_descs[id].type != TYPE_BOOL);
	put(f, id, FACT_VALUE)->truth = truth;
}

void facts_set_result(struct facts *f, enum fact_id id, enum result result)
{
	BUG_IF(fact_descs[id].type != TYPE_RESULT);
	put(f, id, FACT_VALUE)->result = result;
}

void facts_set_list(struct facts *f, enum fact_id id, const struct str *items, size_t count)
{
	BUG_IF(fact_descs[id].type != TYPE_LIST);
	struct str *copies = arena_array(f->arena, count, sizeof(*copies));
	for (size_t i = 0; i < count; i++)
		copies[i] = str_dup(f->arena, items[i]);
	struct fact_value *v = put(f, id, FACT_VALUE);
	v->list.items = copies;
	v->list.count = count;
}

void facts_set_absent(struct facts *f, enum fact_id id)
{
	put(f, id, FACT_ABSENT);
}

void facts_set_unknown(struct facts *f, enum fact_id id, struct str reason)
{
	put(f, id, FACT_UNKNOWN)->reason = str_dup(f->arena, reason);
}

const struct fact_value *facts_get(const struct facts *f, enum fact_id id)
{
	static const struct fact_value unset = { .state = FACT_UNSET };
	BUG_IF(id >= FACT_COUNT);
	while (f != NULL && f->scope != fact_descs[id].scope)
		f = f->parent;
	return f == NULL ? &unset : &f->values[id - f->first];
}

bool facts_is_set(const struct facts *f, enum fact_id id)
{
	return facts_get(f, id)->state != FACT_UNSET;
}

struct str facts_text(const struct facts *f, enum fact_id id)
{
	BUG_IF(!is_text(fact_descs[id].type));
	const struct fact_value *v = facts_get(f, id);
	return v->state == FACT_VALUE ? v->text : STR_EMPTY;
}

bool facts_is_true(const struct facts *f, enum fact_id id)
{
	BUG_IF(fact_descs[id].type != TYPE_BOOL);
	const struct fact_value *v = facts_get(f, id);
	return v->state == FACT_VALUE && v->truth;
}

static struct str print_list(struct arena *a, const struct fact_value *v)
{
	struct buf b;
	buf_init(&b, 0);
	for (size_t i = 0; i < v->list.count; i++) {
		if (i > 0)
			buf_add(&b, STR(", "));
		buf_add(&b, v->list.items[i]);
	}
	struct str text = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return text;
}

struct str fact_value_print(struct arena *a, enum fact_id id, const struct fact_value *v)
{
	if (v->state == FACT_UNKNOWN)
		return STR("unknown");
	if (v->state != FACT_VALUE)
		return STR_EMPTY;
	switch (fact_descs[id].type) {
	case TYPE_RESULT:
		return str_of(result_words[v->result]);
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		return v->text;
	case TYPE_IP:
		return str_of(ip_print(v->ip, arena_alloc(a, IP_TEXT_MAX)));
	case TYPE_INT:
		return str_printf(a, "%" PRId64, v->number);
	case TYPE_BOOL:
		return v->truth ? STR("true") : STR("false");
	case TYPE_LIST:
		return print_list(a, v);
	}
	BUG_IF(true);
}
