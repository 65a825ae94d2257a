/* What `gatepost preflight` shows: for a terminal of any width, or as JSON. */
#include "cmd_preflight.h"

#include <jansson.h>

#include "cmd_wrap.h"
#include "policy/workflow.h"

enum { INDENT = 15, VERDICT_INDENT = 36, TEXT_ROOM = 2500 };

/* ---- table ---------------------------------------------------------------------------------------------- */

static void print_line(const struct preflight_line *l, size_t width, FILE *out)
{
	static const char *const marks[PREFLIGHT_GRADE_COUNT] = {
		[PREFLIGHT_OK] = "ok", [PREFLIGHT_WARN] = "warn", [PREFLIGHT_TEMPERROR] = "DNS?", [PREFLIGHT_FAIL] = "FAIL",
	};
	char text[TEXT_ROOM];
	snprintf(text, sizeof(text), "%.*s: %.*s", STR_ARG(l->subject), STR_ARG(l->found));
	fprintf(out, "  %-4s  %-5s  ", marks[l->grade], l->check);
	cmd_print_wrapped(str_of(text), INDENT, width, out);
	if (l->advice.n > 0) {
		fprintf(out, "%*s> ", INDENT, "");
		cmd_print_wrapped(l->advice, INDENT + 2, width, out);
	}
	if (l->record.n > 0)
		fprintf(out, "        %.*s\n", STR_ARG(l->record));
}

static void print_lines(const struct preflight_lines *lines, size_t width, FILE *out)
{
	for (size_t i = 0; i < lines->count; i++)
		print_line(&lines->items[i], width, out);
}

void preflight_print_table(const struct preflight *p, FILE *out)
{
	size_t width = cmd_width(out);
	fprintf(out, "egress addresses\n");
	print_lines(&p->egress, width, out);
	for (size_t i = 0; i < p->count; i++) {
		const struct preflight_workflow *w = &p->workflows[i];
		fprintf(out, "\nworkflow %s (%s:%d)\n", w->workflow->place.rule, w->workflow->place.file,
			w->workflow->place.line);
		print_lines(&w->lines, width, out);
		fprintf(out, "  would pass DMARC at the receiver: ");
		cmd_print_wrapped(w->verdict, VERDICT_INDENT, width, out);
	}
}

/* ---- JSON ----------------------------------------------------------------------------------------------- */

static json_t *text_json(struct str text)
{
	return json_stringn(text.p, text.n);
}

static json_t *lines_json(const struct preflight_lines *lines)
{
	json_t *list = json_array();
	for (size_t i = 0; i < lines->count; i++) {
		const struct preflight_line *l = &lines->items[i];
		json_t *o = json_object();
		json_object_set_new(o, "check", json_string(l->check));
		json_object_set_new(o, "result", json_string(preflight_grade_words[l->grade]));
		json_object_set_new(o, "subject", text_json(l->subject));
		json_object_set_new(o, "found", text_json(l->found));
		if (l->advice.n > 0)
			json_object_set_new(o, "advice", text_json(l->advice));
		if (l->record.n > 0)
			json_object_set_new(o, "record", text_json(l->record));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *workflow_json(const struct preflight_workflow *w)
{
	json_t *o = json_object(), *by = json_array();
	if (w->by_spf)
		json_array_append_new(by, json_string("spf"));
	if (w->by_dkim)
		json_array_append_new(by, json_string("dkim"));
	json_object_set_new(o, "workflow", json_string(w->workflow->place.rule));
	json_object_set_new(o, "dmarc", json_string(result_words[w->dmarc]));
	json_object_set_new(o, "by", by);
	json_object_set_new(o, "verdict", text_json(w->verdict));
	json_object_set_new(o, "lines", lines_json(&w->lines));
	return o;
}

void preflight_print_json(const struct preflight *p, FILE *out)
{
	json_t *o = json_object(), *workflows = json_array();
	for (size_t i = 0; i < p->count; i++)
		json_array_append_new(workflows, workflow_json(&p->workflows[i]));
	json_object_set_new(o, "result", json_string(preflight_grade_words[p->grade]));
	json_object_set_new(o, "egress", lines_json(&p->egress));
	json_object_set_new(o, "workflows", workflows);
	json_dumpf(o, out, JSON_INDENT(1));
	fprintf(out, "\n");
	json_decref(o);
}
