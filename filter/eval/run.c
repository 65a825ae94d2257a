#include "eval/run.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/arena.h"
#include "eval/eml.h"
#include "eval/workspace.h"

struct run {
	const struct case_file *file;
	struct eval_target *target;
	const struct eval_options *options;
	const struct eval_watch *watch;
	struct arena *arena;          /* of one event */
	struct workspace *workspace;  /* NULL: no set-up */
	bool is_data_said;
	size_t failures;
};

__attribute__((format(printf, 3, 4))) static void fail(struct run *r, struct place at, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	r->failures++;
	if (r->watch->failure != NULL)
		r->watch->failure(r->watch->context, at, text);
}

/* --- events --- */

static bool goes_on(const struct eval_answer *a)
{
	return a->kind == EVAL_GOES_ON;
}

static struct eval_answer send_headers(struct run *r, const struct eml *m)
{
	const struct eval_target_ops *ops = r->target->ops;
	struct eval_answer a = { .kind = EVAL_GOES_ON };
	if (!r->is_data_said)
		a = ops->data(r->target);
	r->is_data_said = false;
	for (size_t i = 0; i < m->field_count && goes_on(&a); i++)
		a = ops->header(r->target, m->fields[i].name, m->fields[i].value);
	return goes_on(&a) ? ops->headers_end(r->target) : a;
}

static struct eval_answer send_message(struct run *r, const struct case_event *e)
{
	const struct eval_target_ops *ops = r->target->ops;
	struct eml m = eml_split(r->arena, e->message);
	struct eval_answer a = send_headers(r, &m);
	if (e->kind == EVENT_HEADERS || !goes_on(&a))
		return a;
	if (m.body.n > 0)
		a = ops->body(r->target, m.body);
	return goes_on(&a) ? ops->end(r->target) : a;
}

static struct eval_answer reload(struct run *r, const struct case_event *e)
{
	struct diags *diags = diags_new();
	const char *why = "there is no set-up to load";
	bool is_written = r->workspace != NULL &&
			  workspace_write(r->workspace, e->setup, r->options->default_policies, diags);
	bool is_taken = is_written && r->target->ops->reload(r->target, &why);
	diags_free(diags);
	if (!is_taken && why != NULL)
		return (struct eval_answer){ .kind = EVAL_BROKEN, .why = why };
	return (struct eval_answer){ .kind = is_taken ? EVAL_GOES_ON : EVAL_REPLY };
}

static struct eval_answer event_once(struct run *r, const struct case_event *e)
{
	const struct eval_target_ops *ops = r->target->ops;
	struct eval_target *t = r->target;
	const char *first = e->arg_count > 0 ? str_to_c(r->arena, e->args[0]) : "unknown";
	struct eval_answer none = { .kind = EVAL_GOES_ON };
	switch (e->kind) {
	case EVENT_CONNECT:
		return ops->connect(t, first, e->client, e->port);
	case EVENT_HELO:
		return ops->helo(t, first);
	case EVENT_MAIL:
		r->is_data_said = false;
		return ops->mail(t, e->args, e->arg_count);
	case EVENT_RCPT:
		return ops->rcpt(t, e->args, e->arg_count);
	case EVENT_DATA:
		r->is_data_said = true;
		return ops->data(t);
	case EVENT_HEADERS:
	case EVENT_MESSAGE:
		return send_message(r, e);
	case EVENT_UNKNOWN:
		return ops->unknown(t, first);
	case EVENT_ABORT:
		ops->abort(t);
		return none;
	case EVENT_QUIT:
		ops->quit(t);
		return none;
	case EVENT_DROP:
		ops->drop(t);
		return none;
	case EVENT_RELOAD:
		return reload(r, e);
	case EVENT_COUNT:
		break;
	}
	return (struct eval_answer){ .kind = EVAL_BROKEN, .why = "no such event" };
}

/* --- answers --- */

enum case_outcome eval_outcome(struct eval_target *t, const struct eval_answer *a, bool is_end)
{
	const struct eval_edit *edits;
	switch (a->kind) {
	case EVAL_REPLY:
		return a->reply.code == 0 ? OUTCOME_REFUSED : a->reply.code >= 500 ? OUTCOME_REJECT : OUTCOME_DEFER;
	case EVAL_DISCARD:
		return OUTCOME_DISCARD;
	case EVAL_GOES_ON:
	case EVAL_ACCEPT:
	case EVAL_SKIP:
	case EVAL_BROKEN:
		break;
	}
	for (size_t i = is_end ? t->ops->edits(t, &edits) : 0; i > 0; i--)
		if (edits[i - 1].kind == EVAL_QUARANTINE)
			return OUTCOME_QUARANTINE;
	return is_end || a->kind == EVAL_ACCEPT ? OUTCOME_ACCEPT : OUTCOME_CONTINUE;
}

struct str eval_answer_print(struct arena *a, struct eval_target *t, const struct eval_answer *answer, bool is_end)
{
	if (answer->kind == EVAL_BROKEN)
		return str_printf(a, "broken: %s", answer->why);
	enum case_outcome outcome = eval_outcome(t, answer, is_end);
	if (answer->kind == EVAL_REPLY && answer->reply.code != 0)
		return str_printf(a, "%s %d %.*s %.*s", case_outcome_words[outcome], answer->reply.code,
				  STR_ARG(answer->reply.enhanced), STR_ARG(answer->reply.text));
	return str_of(case_outcome_words[outcome]);
}

static bool holds(struct str whole, struct str part)
{
	return part.n == 0 || memmem(whole.p, whole.n, part.p, part.n) != NULL;
}

static void check_answer(struct run *r, const struct case_event *e, const struct eval_answer *a)
{
	const struct case_answer *want = &e->want;
	bool is_end = e->kind == EVENT_MESSAGE;
	bool ok = a->kind != EVAL_BROKEN && eval_outcome(r->target, a, is_end) == want->outcome;
	if (ok && a->kind == EVAL_REPLY)
		ok = (want->code == 0 || want->code == a->reply.code) &&
		     (want->enhanced.n == 0 || str_eq(want->enhanced, a->reply.enhanced)) &&
		     holds(a->reply.text, want->text);
	if (ok)
		return;
	struct str got = eval_answer_print(r->arena, r->target, a, is_end);
	char code[16] = "";
	if (want->code != 0)
		snprintf(code, sizeof(code), " %d", want->code);
	fail(r, e->at, "%s: got \"%.*s\", want \"%s%s%s%.*s%s%.*s\"", case_event_words[e->kind], STR_ARG(got),
	     case_outcome_words[want->outcome], code, want->enhanced.n > 0 ? " " : "", STR_ARG(want->enhanced),
	     want->text.n > 0 ? " " : "", STR_ARG(want->text));
}

/* --- checks --- */

/* As policies and replies show it: lists with ", ", no quotes. */
static struct str json_print(struct arena *a, const json_t *v)
{
	struct str all = STR_EMPTY;
	switch (json_typeof(v)) {
	case JSON_STRING:
		return (struct str){ json_string_value(v), json_string_length(v) };
	case JSON_INTEGER:
		return str_printf(a, "%" PRId64, (int64_t)json_integer_value(v));
	case JSON_REAL:
		return str_printf(a, "%g", json_real_value(v));
	case JSON_TRUE:
		return STR("true");
	case JSON_FALSE:
		return STR("false");
	case JSON_NULL:
		return STR("null");
	case JSON_ARRAY:
		for (size_t i = 0; i < json_array_size(v); i++)
			all = str_printf(a, "%.*s%s%.*s", STR_ARG(all), i > 0 ? ", " : "",
					 STR_ARG(json_print(a, json_array_get(v, i))));
		return all;
	case JSON_OBJECT:
		return str_printf(a, "{%zu members}", json_object_size(v));
	}
	return STR_EMPTY;
}

/* "recipients.list.0.address": members and indices with dots. NULL: there is none. */
static const json_t *json_at(struct arena *a, const json_t *v, struct str path)
{
	while (v != NULL && path.n > 0) {
		struct str head;
		uint64_t index;
		str_cut(path, '.', &head, &path);
		if (json_is_array(v))
			v = str_to_u64(head, &index) ? json_array_get(v, index) : NULL;
		else
			v = json_object_get(v, str_to_c(a, head));
	}
	return v;
}

static void check_member(struct run *r, const struct case_check *c, const json_t *record)
{
	bool is_fact = c->kind == CHECK_FACT;
	const json_t *at = json_at(r->arena, record, c->name);
	struct str got = at == NULL                         ? STR("absent")
			 : is_fact && json_is_object(at) ? STR("unknown") /* it tells why */
							 : json_print(r->arena, at);
	if (c->is_part ? !holds(got, c->value) : !str_eq(got, c->value))
		fail(r, c->at, "%s %.*s: got \"%.*s\", want %s\"%.*s\"", is_fact ? "fact" : "record", STR_ARG(c->name),
		     STR_ARG(got), c->is_part ? "a part " : "", STR_ARG(c->value));
}

static bool edit_is(const struct eval_edit *e, const struct case_check *c)
{
	if (!str_eq_nocase(e->name, c->name))
		return false;
	if (c->kind == CHECK_DELETED)
		return e->kind == EVAL_DELETE_HEADER && e->index == c->nth;
	return (e->kind == EVAL_ADD_HEADER || e->kind == EVAL_INSERT_HEADER) &&
	       (c->kind == CHECK_NO_HEADER || holds(e->value, c->value));
}

/* Folding is of no interest: LF and what follows it counts as one blank. */
static struct str unfolded(struct arena *a, struct str value)
{
	char *out = arena_alloc(a, value.n + 1), *p = out;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] != '\n') {
			*p++ = value.p[i];
			continue;
		}
		while (i + 1 < value.n && char_is_space(value.p[i + 1]))
			i++;
		*p++ = ' ';
	}
	return (struct str){ out, (size_t)(p - out) };
}

static void check_edit(struct run *r, const struct case_check *c)
{
	const struct eval_edit *edits;
	size_t count = r->target->ops->edits(r->target, &edits);
	struct str seen = STR_EMPTY;
	bool found = false;
	for (size_t i = 0; i < count; i++) {
		struct eval_edit e = edits[i];
		e.value = unfolded(r->arena, e.value);
		found |= edit_is(&e, c);
		if (str_eq_nocase(e.name, c->name))
			seen = str_printf(r->arena, "%.*s%s%.*s", STR_ARG(seen), seen.n > 0 ? " | " : "",
					  STR_ARG(e.value));
	}
	if (found == (c->kind != CHECK_NO_HEADER))
		return;
	if (c->kind == CHECK_DELETED)
		fail(r, c->at, "%.*s number %d was not deleted", STR_ARG(c->name), c->nth);
	else
		fail(r, c->at, "%s: got \"%.*s\", want %s\"%.*s\"", str_to_c(r->arena, c->name), STR_ARG(seen),
		     c->kind == CHECK_NO_HEADER ? "none of it" : "", STR_ARG(c->value));
}

static void run_checks(struct run *r, const struct case_event *e, size_t before)
{
	json_t *record = NULL;
	size_t count = r->target->ops->records(r->target, 0);
	if (count > before) {
		struct str text = r->target->ops->record_at(r->target, count - 1);
		record = json_loadb(text.p, text.n, 0, NULL);
		if (record == NULL)
			fail(r, e->at, "the record is no JSON: %.*s", STR_ARG(text));
	}
	for (size_t i = 0; i < e->check_count; i++) {
		const struct case_check *c = &e->checks[i];
		if (c->kind != CHECK_FACT && c->kind != CHECK_RECORD)
			check_edit(r, c);
		else if (record != NULL)
			check_member(r, c, record);
		else
			fail(r, c->at, "the event before made no record");
	}
	json_decref(record);
}

/* --- the case --- */

/* False if it was refused. */
static bool run_event(struct run *r, const struct case_event *e, size_t index)
{
	bool is_refused = false;
	const struct eval_options *o = r->options;
	for (size_t i = 0; i < e->macro_count; i++)
		r->target->ops->macro(r->target, str_to_c(r->arena, e->macros[i].name),
				      e->macros[i].value.p == NULL ? NULL : str_to_c(r->arena, e->macros[i].value));
	size_t before = r->target->ops->records(r->target, 0);
	for (unsigned n = 0; n < e->times; n++) {
		struct eval_answer a = event_once(r, e);
		is_refused = a.kind == EVAL_REPLY;
		check_answer(r, e, &a);
		if (r->watch->event != NULL)
			r->watch->event(r->watch->context, e, index, &a);
		if (a.kind == EVAL_BROKEN)
			break;
	}
	size_t wanted = o->records_wanted != NULL ? o->records_wanted[index] : 0;
	size_t after = r->target->ops->records(r->target, wanted);
	if (o->records_wanted != NULL && after != wanted)
		fail(r, e->at, "%zu records after this event, want %zu", after, wanted);
	if (o->records_seen != NULL)
		o->records_seen[index] = after;
	run_checks(r, e, before);
	arena_reset(r->arena);
	return !is_refused;
}

static void run_events(struct run *r)
{
	r->arena = arena_new();
	for (size_t i = 0; i < r->file->event_count; i++)
		run_event(r, &r->file->events[i], i);
	arena_free(r->arena);
}

const struct case_event *eval_events(const struct case_file *file, struct eval_target *t, const struct eval_options *o,
				     const struct eval_watch *watch)
{
	struct run r = { .file = file, .target = t, .options = o, .watch = watch, .arena = arena_new() };
	const struct case_event *unsent = NULL;
	bool has_sender = false, has_recipient = false;
	for (size_t i = 0; i < file->event_count && unsent == NULL; i++) {
		const struct case_event *e = &file->events[i];
		if ((e->kind == EVENT_RCPT && !has_sender) || (e->kind == EVENT_MESSAGE && !has_recipient)) {
			unsent = e;
		} else if (run_event(&r, e, i)) {
			has_sender |= e->kind == EVENT_MAIL;
			has_recipient |= e->kind == EVENT_RCPT;
		}
	}
	arena_free(r.arena);
	return unsent;
}

bool eval_case(const struct case_file *file, struct eval_target *t, const struct eval_options *o,
	       const struct eval_watch *watch)
{
	struct diags *diags = diags_new();
	struct arena *a = arena_new();
	struct workspace w = { 0 };
	struct run r = { .file = file, .target = t, .options = o, .watch = watch, .workspace = &w };
	if (workspace_open(&w, a, diags) && workspace_write(&w, file->setup, o->default_policies, diags) &&
	    t->ops->open(t, w.config, file->time_unix_s, diags))
		run_events(&r);
	else
		fail(&r, (struct place){ .file = file->path }, "the set-up does not load");
	for (size_t i = 0; i < diags_count(diags); i++) {
		const struct diag *d = diags_at(diags, i);
		if (d->is_error)
			fail(&r, (struct place){ .file = file->path }, "%s", diag_line(diags, d));
	}
	t->ops->close(t);
	workspace_close(&w);
	arena_free(a);
	diags_free(diags);
	return r.failures == 0;
}
