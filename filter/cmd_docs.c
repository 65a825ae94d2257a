/* gatepost docs - the tables as text, Markdown or JSON, and the schema of records. */
#include "cmd.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/nametab.h"
#include "fact/fact.h"
#include "option/options.h"
#include "policy/policy.h"
#include "record/metrics.h"
#include "record/schema.h"
#include "service/status.h"

enum { COLUMNS_MAX = 7 };

struct table {
	struct arena *arena;
	const char *const *columns;
	size_t column_count, row_count;
	struct str (*cell)(struct arena *, size_t row, size_t column);
};

/* ---- what the cells hold -------------------------------------------------------------------------------- */

static const char *const fact_columns[] = { "Name", "Type", "Known at", "Rules run at", "Of", "Words", "Meaning" };

static struct str fact_cell(struct arena *a, size_t row, size_t column)
{
	static const char *const scopes[] = {
		[SCOPE_CONN] = "connection", [SCOPE_MSG] = "message", [SCOPE_RCPT] = "recipient",
	};
	const struct fact_desc *f = &fact_descs[row];
	size_t count;
	const char *const *words = fact_words((enum fact_id)row, &count);
	switch (column) {
	case 0:
		return str_of(f->name);
	case 1:
		return str_of(fact_type_words[f->type]);
	case 2:
		return str_of(stage_words[f->stage]);
	case 3:
		return str_of(stage_words[fact_ready_stage((enum fact_id)row)]);
	case 4:
		return str_of(scopes[f->scope]);
	case 5:
		return words == NULL ? STR_EMPTY : nametab_join(a, words, count);
	}
	return str_of(f->doc);
}

static const char *const action_columns[] = {
	"Name", "First stage", "Last stage", "Final", "Reply", "Arguments", "Meaning",
};

/* "name, value"; optional ones in brackets. */
static struct str action_arguments(struct arena *a, enum action action)
{
	static const struct {
		enum action action;
		const char *name;
		bool is_needed;
	} arguments[] = {
#define ARGUMENT(action, name, needed, kind) { ACTION_##action, name, needed },
#include "policy/argument_table.def"
#undef ARGUMENT
	};
	struct str all = STR_EMPTY;
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		if (arguments[i].action == action)
			all = str_printf(a, arguments[i].is_needed ? "%.*s%s%s" : "%.*s%s[%s]", STR_ARG(all),
					 all.n == 0 ? "" : ", ", arguments[i].name);
	return all;
}

static struct str action_cell(struct arena *a, size_t row, size_t column)
{
	enum action action = (enum action)(ACTION_CONTINUE + 1 + row);
	const struct action_desc *d = &action_descs[action];
	switch (column) {
	case 0:
		return str_of(d->name);
	case 1:
		return str_of(stage_words[d->first]);
	case 2:
		return str_of(stage_words[d->last]);
	case 3:
		return str_of(d->is_final ? "yes" : "no");
	case 4:
		return d->reply_class == 0 ? STR_EMPTY : str_printf(a, "%dxx", d->reply_class);
	case 5:
		return action_arguments(a, action);
	}
	return str_of(d->doc);
}

static const char *const option_columns[] = { "Name", "Type", "Default", "Range", "Takes effect", "Meaning" };

static struct str option_words(struct arena *a, const struct option_desc *o)
{
	struct buf b;
	struct str rest = str_of(o->default_text), word;
	buf_init(&b, 0);
	while (str_next(&rest, '|', &word))
		buf_printf(&b, "%s%.*s", b.n == 0 ? "" : ", ", STR_ARG(word));
	struct str words = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return words;
}

static struct str option_range(struct arena *a, const struct option_desc *o)
{
	if (o->type == OPTION_WORD)
		return option_words(a, o);
	if (o->min == 0 && o->max == 0)
		return STR_EMPTY;
	return str_printf(a, "%s to %s", option_print_number(a, o, o->min).p, option_print_number(a, o, o->max).p);
}

static struct str option_cell(struct arena *a, size_t row, size_t column)
{
	const struct option_desc *o = &option_descs[row];
	struct str standard = str_of(o->default_text), rest;
	switch (column) {
	case 0:
		return str_of(o->name);
	case 1:
		return str_of(option_type_words[o->type]);
	case 2:
		if (o->type == OPTION_WORD)
			str_cut(standard, '|', &standard, &rest);
		return standard;
	case 3:
		return option_range(a, o);
	case 4:
		return str_printf(a, "at %s", option_when_words[o->when]);
	}
	return str_of(o->doc);
}

static const struct {
	enum fact_id fact;
	const char *value;
} stranger[] = {
#define GIVEN(id, value) { FACT_##id, value },
#include "policy/given_table.def"
#undef GIVEN
};

static const char *const stranger_columns[] = { "Name", "Value" };

static struct str stranger_cell(struct arena *a, size_t row, size_t column)
{
	(void)a;
	return str_of(column == 0 ? fact_descs[stranger[row].fact].name : stranger[row].value);
}

static const char *const metric_columns[] = { "Name", "Type", "Labels", "Meaning" };

/* "workflow, direction" */
static struct str metric_labels(struct arena *a, const struct metric_desc *m)
{
	struct str all = STR_EMPTY;
	for (size_t i = 0; i < 3; i++)
		if (m->labels[i] != LABEL_NONE)
			all = str_printf(a, "%.*s%s%s", STR_ARG(all), i == 0 ? "" : ", ", label_descs[m->labels[i]].name);
	return all;
}

static struct str metric_cell(struct arena *a, size_t row, size_t column)
{
	const struct metric_desc *m = &metric_descs[row];
	switch (column) {
	case 0:
		return str_of(m->name);
	case 1:
		return str_of(metric_type(m));
	case 2:
		return metric_labels(a, m);
	}
	return str_of(m->doc);
}

static const char *const word_columns[] = { "Word" };

static struct str result_cell(struct arena *a, size_t row, size_t column)
{
	(void)a;
	(void)column;
	return str_of(result_words[row]);
}

static struct str stage_cell(struct arena *a, size_t row, size_t column)
{
	(void)a;
	(void)column;
	return str_of(stage_words[row]);
}

static const char *const member_columns[] = { "Name", "Type", "There", "Meaning" };

static struct str member_cell(const struct member_desc *m, size_t column)
{
	switch (column) {
	case 0:
		return str_of(m->path);
	case 1:
		return str_of(member_type_words[m->type]);
	case 2:
		return str_of(member_there_words[m->there]);
	}
	return str_of(m->doc);
}

static struct str record_cell(struct arena *a, size_t row, size_t column)
{
	(void)a;
	return member_cell(&member_descs[row], column);
}

static struct str status_cell(struct arena *a, size_t row, size_t column)
{
	(void)a;
	return member_cell(&status_members[row], column);
}

/* ---- printing ------------------------------------------------------------------------------------------- */

/* A block of lines for each row. */
static void print_text(const struct table *t)
{
	for (size_t row = 0; row < t->row_count; row++) {
		printf("%.*s\n", STR_ARG(t->cell(t->arena, row, 0)));
		for (size_t i = 1; i < t->column_count; i++) {
			struct str cell = t->cell(t->arena, row, i);
			if (cell.n > 0)
				printf("    %-13s %.*s\n", t->columns[i], STR_ARG(cell));
		}
	}
}

/* Names are code; elsewhere what Markdown would read as a mark is escaped. */
static void print_markdown_cell(struct str text, bool is_code)
{
	const char *mark = is_code ? "`" : "";
	printf(" %s", mark);
	for (size_t i = 0; i < text.n; i++) {
		if (strchr(is_code ? "|" : "|<*\\", text.p[i]) != NULL)
			putchar('\\');
		putchar(text.p[i]);
	}
	printf("%s |", mark);
}

static void print_markdown(const struct table *t)
{
	printf("|");
	for (size_t i = 0; i < t->column_count; i++)
		printf(" %s |", t->columns[i]);
	printf("\n|");
	for (size_t i = 0; i < t->column_count; i++)
		printf(" --- |");
	printf("\n");
	for (size_t row = 0; row < t->row_count; row++) {
		printf("|");
		for (size_t i = 0; i < t->column_count; i++)
			print_markdown_cell(t->cell(t->arena, row, i), i == 0);
		printf("\n");
	}
}

/* "Rules run at" -> "rules_run_at" */
static const char *json_key(struct arena *a, const char *column)
{
	char *key = str_to_c(a, str_lower(a, str_of(column)));
	for (char *p = key; *p != 0; p++)
		if (*p == ' ')
			*p = '_';
	return key;
}

static void print_json(const struct table *t)
{
	json_t *list = json_array();
	for (size_t row = 0; row < t->row_count; row++) {
		json_t *object = json_object();
		for (size_t i = 0; i < t->column_count; i++) {
			struct str cell = t->cell(t->arena, row, i);
			if (cell.n > 0)
				json_object_set_new(object, json_key(t->arena, t->columns[i]),
						    json_stringn(cell.p, cell.n));
		}
		json_array_append_new(list, object);
	}
	json_dumpf(list, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(list);
}

static const char *const check_columns[] = { "Check", "Finds", "What holds if it is ok" };

/* Errors and warnings that a check gives by itself; some finds are graver or milder. */
static const struct { const char *name, *severity, *doc; } checks[] = {
#define CHECK(id, name, severity, needs, doc) { name, #severity, doc },
#include "doctor/check_table.def"
#undef CHECK
};

static struct str check_cell(struct arena *a, size_t row, size_t column)
{
	if (column == 1)
		return str_lower(a, str_of(checks[row].severity));
	return str_of(column == 0 ? checks[row].name : checks[row].doc);
}

#define COLUMNS(array) array, sizeof(array) / sizeof(array[0])

static const struct {
	const char *name;
	struct table table;
} topics[] = {
	{ "facts", { NULL, COLUMNS(fact_columns), FACT_COUNT, fact_cell } },
	{ "actions", { NULL, COLUMNS(action_columns), ACTION_COUNT - ACTION_CONTINUE - 1, action_cell } },
	{ "stranger", { NULL, COLUMNS(stranger_columns), sizeof(stranger) / sizeof(stranger[0]), stranger_cell } },
	{ "options", { NULL, COLUMNS(option_columns), OPTION_COUNT, option_cell } },
	{ "record", { NULL, COLUMNS(member_columns), MEMBER_COUNT, record_cell } },
	{ "status", { NULL, COLUMNS(member_columns), STATUS_MEMBER_COUNT, status_cell } },
	{ "metrics", { NULL, COLUMNS(metric_columns), METRIC_COUNT, metric_cell } },
	{ "results", { NULL, COLUMNS(word_columns), RESULT_COUNT, result_cell } },
	{ "checks", { NULL, COLUMNS(check_columns), sizeof(checks) / sizeof(checks[0]), check_cell } },
	{ "stages", { NULL, COLUMNS(word_columns), STAGE_COUNT, stage_cell } },
};
enum { TOPIC_COUNT = sizeof(topics) / sizeof(topics[0]) };

static int print_schema(json_t *schema)
{
	json_dumpf(schema, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(schema);
	return EX_OK;
}

int cmd_docs(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "markdown", no_argument, NULL, 'm' }, { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	void (*print)(const struct table *) = print_text;
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == '?')
			return cmd_option_error(argv);
		print = option == 'm' ? print_markdown : print_json;
	}
	if (optind + 1 == argc && strcmp(argv[optind], "schema") == 0)
		return print_schema(record_schema());
	if (optind + 1 == argc && strcmp(argv[optind], "status-schema") == 0)
		return print_schema(schema_of("The status of Gatepost, version 1", status_members, STATUS_MEMBER_COUNT));
	for (size_t i = 0; i < TOPIC_COUNT && optind + 1 == argc; i++) {
		if (strcmp(topics[i].name, argv[optind]) != 0)
			continue;
		struct table t = topics[i].table;
		t.arena = arena_new();
		print(&t);
		arena_free(t.arena);
		return EX_OK;
	}
	return cmd_usage_error(argv[0], optind + 1 == argc ? "nothing is known about that" : "name one topic");
}
