#include "eval/show.h"

#include <jansson.h>
#include <string.h>

#include "base/arena.h"

enum colour { PLAIN, FAINT, GREEN, YELLOW, RED };

static const char *const colours[] = { "", "\033[2m", "\033[32m", "\033[33m", "\033[31m" };

static const char *on(const struct show *s, enum colour c)
{
	return s->is_colour ? colours[c] : "";
}

static const char *off(const struct show *s)
{
	return s->is_colour ? "\033[0m" : "";
}

void show_rule(void *context, const struct rule_trace *t)
{
	struct show *s = context;
	struct rule_trace kept = *t;
	kept.why = str_dup(s->arena, t->why);
	VEC_PUSH(s->arena, &s->rules, kept);
}

/* --- events and rules --- */

static struct str event_print(struct arena *a, const struct case_event *e)
{
	struct str text = STR_EMPTY;
	char ip[IP_TEXT_MAX];
	if (e->kind == EVENT_CONNECT)
		text = str_of(ip_print(e->client, ip));
	if (e->kind == EVENT_MESSAGE || e->kind == EVENT_HEADERS)
		return str_printf(a, "%zu bytes", e->message.n);
	for (size_t i = 0; i < e->arg_count; i++)
		text = str_printf(a, "%.*s%s%.*s", STR_ARG(text), text.n > 0 ? " " : "", STR_ARG(e->args[i]));
	return str_dup(a, text);
}

static enum colour colour_of(enum case_outcome outcome)
{
	switch (outcome) {
	case OUTCOME_REJECT:
	case OUTCOME_DISCARD:
	case OUTCOME_REFUSED:
		return RED;
	case OUTCOME_DEFER:
	case OUTCOME_QUARANTINE:
		return YELLOW;
	case OUTCOME_CONTINUE:
	case OUTCOME_ACCEPT:
	case OUTCOME_COUNT:
		break;
	}
	return GREEN;
}

static const char *file_name(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

static void print_rules(const struct show *s)
{
	static const char *const words[] = {
		[RULE_HELD] = "HOLDS", [RULE_NOT] = "no", [RULE_CANNOT_TELL] = "cannot tell", [RULE_NOT_REACHED] = "not reached",
	};
	int name_width = 0, place_width = 0;
	struct str *places = arena_array(s->arena, s->rules.count, sizeof(*places));
	for (size_t i = 0; i < s->rules.count; i++) {
		const struct rule_place *p = &s->rules.items[i].rule;
		places[i] = str_printf(s->arena, "%s:%d", file_name(p->file), p->line);
		name_width = (int)strlen(p->rule) > name_width ? (int)strlen(p->rule) : name_width;
		place_width = (int)places[i].n > place_width ? (int)places[i].n : place_width;
	}
	for (size_t i = 0; i < s->rules.count; i++) {
		const struct rule_trace *t = &s->rules.items[i];
		bool is_held = t->outcome == RULE_HELD;
		fprintf(s->out, "    %s%-8s %-*s  %-*.*s  %-11s %.*s%s%s\n", on(s, is_held ? YELLOW : FAINT),
			stage_words[t->stage], name_width, t->rule.rule, place_width, STR_ARG(places[i]),
			words[t->outcome], STR_ARG(t->why), t->is_observed ? " (observed only)" : "", off(s));
	}
}

/* --- the record --- */

static const char *member(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);
	return json_is_string(v) ? json_string_value(v) : "-";
}

static void print_value(const struct show *s, const json_t *v)
{
	if (json_is_array(v)) {
		for (size_t i = 0; i < json_array_size(v); i++) {
			fputs(i > 0 ? ", " : "", s->out);
			print_value(s, json_array_get(v, i));
		}
	} else if (json_is_string(v)) {
		/* From peers: control bytes must not reach the terminal. */
		for (const char *p = json_string_value(v); *p != '\0'; p++)
			fputc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, s->out);
	} else {
		json_dumpf(v, s->out, JSON_ENCODE_ANY | JSON_COMPACT);
	}
}

static const json_t *fact_in(const json_t *record, enum fact_id id, struct arena *a)
{
	struct str group, member;
	str_cut(str_of(fact_descs[id].name), '.', &group, &member);
	return json_object_get(json_object_get(record, str_to_c(a, group)), member.p);
}

static void print_facts(const struct show *s, const json_t *record)
{
	fprintf(s->out, "  facts\n");
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		const json_t *value = fact_in(record, id, s->arena);
		if (value == NULL)
			continue;
		fprintf(s->out, "    %-24s ", fact_descs[id].name);
		print_value(s, value);
		fputc('\n', s->out);
	}
}

static void print_edits(const struct show *s)
{
	const struct eval_edit *edits;
	size_t count = s->target->ops->edits(s->target, &edits);
	if (count > 0)
		fprintf(s->out, "  edits\n");
	for (size_t i = 0; i < count; i++) {
		const struct eval_edit *e = &edits[i];
		switch (e->kind) {
		case EVAL_INSERT_HEADER:
		case EVAL_ADD_HEADER:
			fprintf(s->out, "    %s %.*s: ", e->kind == EVAL_ADD_HEADER ? "add   " : "insert", STR_ARG(e->name));
			for (size_t k = 0; k < e->value.n; k++)
				fprintf(s->out, e->value.p[k] == '\n' ? "\n           " : "%c", e->value.p[k]);
			fputc('\n', s->out);
			break;
		case EVAL_DELETE_HEADER:
			fprintf(s->out, "    delete %.*s number %d\n", STR_ARG(e->name), e->index);
			break;
		case EVAL_QUARANTINE:
			fprintf(s->out, "    hold   %.*s\n", STR_ARG(e->value));
			break;
		}
	}
}

static void print_record(struct show *s, struct str text, bool has_edits)
{
	if (s->is_json) {
		fprintf(s->out, "%.*s\n", STR_ARG(text));
		return;
	}
	json_t *record = json_loadb(text.p, text.n, 0, NULL);
	if (record == NULL)
		return;
	print_facts(s, record);
	if (has_edits)
		print_edits(s);
	const json_t *decision = json_object_get(record, "decision");
	fprintf(s->out, "  %s", member(record, "disposition"));
	if (json_object_get(decision, "rule") != NULL)
		fprintf(s->out, " by rule %s (%s:%d)", member(decision, "rule"), member(decision, "file"),
			(int)json_integer_value(json_object_get(decision, "line")));
	fprintf(s->out, ", id %s\n\n", member(record, "id"));
	json_decref(record);
}

void show_event(void *context, const struct case_event *e, size_t index, const struct eval_answer *answer)
{
	struct show *s = context;
	(void)index;
	bool is_end = e->kind == EVENT_MESSAGE;
	struct str what = event_print(s->arena, e);
	struct str got = eval_answer_print(s->arena, s->target, answer, is_end);
	if (!s->is_json) {
		enum colour c = answer->kind == EVAL_BROKEN ? RED : colour_of(eval_outcome(s->target, answer, is_end));
		fprintf(s->out, "%-8s %-40.*s %s%.*s%s\n", case_event_words[e->kind], STR_ARG(what), on(s, c), STR_ARG(got),
			off(s));
		print_rules(s);
	}
	size_t count = s->target->ops->records(s->target, 0);
	for (; s->records_shown < count; s->records_shown++)
		print_record(s, s->target->ops->record_at(s->target, s->records_shown), is_end);
	memset(&s->rules, 0, sizeof(s->rules));
	arena_reset(s->arena);
}

void show_failure(void *context, struct place at, const char *text)
{
	struct show *s = context;
	s->failures++;
	fprintf(s->is_json ? stderr : s->out, "%s%s:%d: %s%s\n", on(s, RED), at.file, at.line, text, off(s));
}
