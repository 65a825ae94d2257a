#include "policy/lists.h"

#include "base/fail.h"
#include "base/nametab.h"
#include "option/lc_source.h"
#include "policy/condition.h"
#include "policy/parse.h"
#include "policy/text_set.h"

const char *const list_type_words[LIST_TYPE_COUNT] = { "ip", "domain", "address", "string" };

struct lists {
	struct map *by_name;
	VEC(struct named_list *) all;
};

struct lists *lists_new(struct arena *a)
{
	struct lists *lists = ARENA_NEW(a, struct lists);
	lists->by_name = map_new(a);
	return lists;
}

static enum text_kind text_kind_of(enum list_type type)
{
	switch (type) {
	case LIST_DOMAIN:
		return TEXT_DOMAIN;
	case LIST_ADDRESS:
		return TEXT_ADDRESS;
	case LIST_STRING:
		return TEXT_STRING;
	case LIST_IP:
	case LIST_TYPE_COUNT:
		break;
	}
	BUG_IF(true);
}

static void add_item(struct loader *l, struct arena *scratch, struct named_list *list, struct str item,
		     struct place at)
{
	if (list->type == LIST_IP) {
		struct ip_net net;
		if (net_literal_parse(l, at, item, &net))
			ip_set_add(list->nets, net);
		return;
	}
	struct str literal;
	const char *wrong = text_literal_normalize(scratch, text_kind_of(list->type), item, &literal);
	if (wrong == NULL)
		text_set_add(list->texts, literal);
	else
		diag_error(l->diags, at, "\"%.*s\" %s", STR_ARG(item), wrong);
}

/* What a '#' at the start or behind a blank begins is a comment: a text may hold one elsewhere. */
static struct str without_comment(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' && (i == 0 || char_is_space(line.p[i - 1])))
			return str_trim(str_sub(line, 0, i));
	return str_trim(line);
}

/* A file may have no entries at the moment: it is data, not policy. */
static void read_items(struct loader *l, struct named_list *list, const char *path)
{
	struct arena *scratch = arena_new();
	struct str text = STR_EMPTY, line;
	lc_source_read(scratch, path, l->diags, &l->policy->digest, &text);
	for (int number = 1; str_next(&text, '\n', &line); number++) {
		line = without_comment(line);
		if (line.n > 0)
			add_item(l, scratch, list, line, (struct place){ path, number, NULL });
	}
	arena_free(scratch);
}

static const char *relative_to(struct arena *a, const char *file, struct str path)
{
	ptrdiff_t slash = str_find_last(str_of(file), '/');
	if (str_starts(path, STR("/")) || slash < 0)
		return str_to_c(a, path);
	return str_printf(a, "%.*s%.*s", (int)slash + 1, file, STR_ARG(path)).p;
}

static void take_items(struct loader *l, struct named_list *list, const config_setting_t *s)
{
	const struct str *items;
	size_t count;
	if (!lc_texts(l->arena, s, l->diags, &items, &count))
		return;
	if (count == 0)
		diag_warn(l->diags, lc_place(l->arena, s), "the list \"%s\" is empty: nothing is in it", list->name);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *element = config_setting_is_aggregate(s) ? config_setting_get_elem(s, (unsigned)i) : s;
		add_item(l, l->arena, list, items[i], lc_place(l->arena, element));
	}
}

static void take_entries(struct loader *l, struct named_list *list, const config_setting_t *group)
{
	const config_setting_t *items = config_setting_get_member(group, "items");
	const config_setting_t *file = config_setting_get_member(group, "file");
	struct str path;
	list->nets = ip_set_new(l->arena);
	list->texts = text_set_new(l->arena, list->type == LIST_IP ? TEXT_STRING : text_kind_of(list->type));
	if ((items == NULL) == (file == NULL))
		diag_error(l->diags, list->at, "a list has either `items` or `file`");
	else if (items != NULL)
		take_items(l, list, items);
	else if (lc_text(file, l->diags, &path))
		read_items(l, list, relative_to(l->arena, list->at.file, path));
	ip_set_seal(list->nets);
	text_set_seal(list->texts);
}

static void list_parse(struct loader *l, const config_setting_t *group)
{
	static const char *const names[] = { "name", "type", "items", "file" };
	struct lists *lists = l->policy->lists;
	struct named_list *list = ARENA_NEW(l->arena, struct named_list);
	const config_setting_t *name = config_setting_get_member(group, "name");
	const config_setting_t *type = config_setting_get_member(group, "type");
	struct str text;
	unsigned value;

	lc_check_names(group, names, sizeof(names) / sizeof(*names), l->diags);
	list->at = lc_place(l->arena, group);
	if (name == NULL || type == NULL)
		diag_error(l->diags, list->at, "a list needs a `%s`", name == NULL ? "name" : "type");
	if (name == NULL || !lc_text(name, l->diags, &text))
		return;
	list->name = str_to_c(l->arena, text);
	if (!map_add(lists->by_name, text, list)) {
		const struct named_list *other = map_get(lists->by_name, text);
		diag_error(l->diags, lc_place(l->arena, name), "the list \"%s\" is already at %s:%d", list->name,
			   other->at.file, other->at.line);
		return;
	}
	VEC_PUSH(l->arena, &lists->all, list);
	list->has_type = word_parse(l, type, list_type_words, LIST_TYPE_COUNT, &value);
	if (!list->has_type)
		return;
	list->type = (enum list_type)value;
	take_entries(l, list, group);
}

void lists_parse(struct loader *l, const config_setting_t *s)
{
	if (!lc_is_group_list(s, l->diags))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		list_parse(l, config_setting_get_elem(s, (unsigned)i));
}

static bool fits(enum list_type type, enum fact_type fact)
{
	switch (type) {
	case LIST_IP:
		return fact == TYPE_IP;
	case LIST_DOMAIN:
		return fact == TYPE_DOMAIN || fact == TYPE_LIST;
	case LIST_ADDRESS:
		return fact == TYPE_ADDRESS || fact == TYPE_LIST;
	case LIST_STRING:
		return fact == TYPE_STRING || fact == TYPE_LIST;
	case LIST_TYPE_COUNT:
		break;
	}
	BUG_IF(true);
}

static const char *closest_name(struct loader *l, struct str name)
{
	const struct lists *lists = l->policy->lists;
	const char **names = arena_array(l->arena, lists->all.count, sizeof(*names));
	for (size_t i = 0; i < lists->all.count; i++)
		names[i] = lists->all.items[i]->name;
	return nametab_closest(names, lists->all.count, name);
}

const struct named_list *lists_use(struct loader *l, const config_setting_t *s, struct str name, enum fact_id fact)
{
	struct named_list *list = map_get(l->policy->lists->by_name, name);
	if (list == NULL) {
		const char *closest = closest_name(l, name);
		diag_error(l->diags, lc_place(l->arena, s), "there is no list \"%.*s\"%s%s%s", STR_ARG(name),
			   closest == NULL ? "" : "; did you mean \"@", closest == NULL ? "" : closest,
			   closest == NULL ? "" : "\"?");
		return NULL;
	}
	list->is_used = true;
	if (!list->has_type)
		return NULL; /* told at the list */
	if (!fits(list->type, fact_descs[fact].type)) {
		diag_error(l->diags, lc_place(l->arena, s), "the list \"%s\" (%s:%d) is of type %s, %s is of type %s",
			   list->name, list->at.file, list->at.line, list_type_words[list->type],
			   fact_descs[fact].name, fact_type_words[fact_descs[fact].type]);
		return NULL;
	}
	return list;
}

void lists_warn_unused(struct loader *l)
{
	for (size_t i = 0; i < l->policy->lists->all.count; i++) {
		const struct named_list *list = l->policy->lists->all.items[i];
		if (!list->is_used)
			diag_warn(l->diags, list->at, "nothing uses the list \"%s\"", list->name);
	}
}
