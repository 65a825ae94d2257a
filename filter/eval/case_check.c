#include "eval/case_reader.h"

enum { NTH_MAX = 4096 };

static struct case_check *check_add(struct reader *r, enum case_check_kind kind)
{
	VEC_PUSH(r->arena, &r->checks, (struct case_check){ .kind = kind, .at = case_place(r), .nth = 1 });
	if (r->events.count == 0)
		case_error(r, "nothing has happened yet that this could be about");
	return &r->checks.items[r->checks.count - 1];
}

static void check_compare(struct reader *r, struct case_check *c, struct str rest)
{
	c->name = word_take(&rest);
	struct str sign = word_take(&rest);
	c->is_part = str_eq(sign, STR("~"));
	c->value = rest;
	if (!c->is_part && !str_eq(sign, STR("=")))
		case_error(r, "wanted: NAME = VALUE, or NAME ~ PART OF IT");
}

void take_fact(struct reader *r, struct str rest)
{
	struct case_check *c = check_add(r, CHECK_FACT);
	check_compare(r, c, rest);
	if (fact_find(c->name) == FACT_COUNT)
		case_error(r, "there is no fact %.*s", STR_ARG(c->name));
}

void take_record(struct reader *r, struct str rest)
{
	check_compare(r, check_add(r, CHECK_RECORD), rest);
}

void take_header(struct reader *r, struct str rest)
{
	struct case_check *c = check_add(r, CHECK_HEADER);
	if (!str_cut(rest, ':', &c->name, &c->value))
		case_error(r, "header wants NAME: PART OF THE VALUE");
	c->name = str_trim(c->name);
	c->value = str_trim(c->value);
}

void take_no_header(struct reader *r, struct str rest)
{
	check_add(r, CHECK_NO_HEADER)->name = rest;
}

void take_deleted(struct reader *r, struct str rest)
{
	struct case_check *c = check_add(r, CHECK_DELETED);
	uint64_t nth = 1;
	c->name = word_take(&rest);
	if (rest.n > 0 && (!str_to_u64(rest, &nth) || nth < 1 || nth > NTH_MAX))
		case_error(r, "deleted wants NAME [NTH]");
	else
		c->nth = (int)nth;
}
