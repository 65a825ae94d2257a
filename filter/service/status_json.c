#include "base/arena.h"
#include "record/writer.h"
#include "service/status.h"

enum { TEXT_MAX_BYTES = 4096, JSON_MAX_BYTES = 4 << 20, MINUTES_TOLD = 60 };

const struct member_desc status_members[STATUS_MEMBER_COUNT] = {
#define MEMBER(path, type, there, doc) { path, MEMBER_##type, there, doc },
#include "service/status_table.def"
#undef MEMBER
};

static void put_text(struct writer *w, const char *name, const char *text)
{
	writer_text(w, name, str_of(text));
}

static void put_number(struct writer *w, const char *name, uint64_t n)
{
	writer_int(w, name, (int64_t)n);
}

/* One member for each word. */
static void put_numbers(struct writer *w, const char *name, const uint64_t *values, const char *const *words, size_t count)
{
	writer_object(w, name);
	for (size_t i = 0; i < count; i++)
		put_number(w, words[i], values[i]);
	writer_end(w);
}

static void put_decisions(struct writer *w, const char *name, const uint64_t values[DECISION_COUNT])
{
	put_numbers(w, name, values, decision_words, DECISION_COUNT);
}

static void put_times(struct writer *w, const char *name, const struct status_times *t)
{
	writer_object(w, name);
	put_number(w, "count", t->count);
	writer_int(w, "mean_us", (int64_t)(t->mean_s * 1e6));
	writer_int(w, "median_us", (int64_t)(t->median_s * 1e6));
	writer_int(w, "p95_us", (int64_t)(t->p95_s * 1e6));
	writer_end(w);
}

static void put_config(struct writer *w, const struct board_config *c)
{
	writer_object(w, "config");
	put_text(w, "authserv_id", c->authserv_id);
	put_number(w, "generation", c->generation);
	writer_int(w, "loaded_unix_s", c->loaded_unix_s);
	writer_bool(w, "is_last_reload_good", c->is_last_good);
	if (!c->is_last_good)
		put_text(w, "refused_why", c->refused_why);
	put_text(w, "digest", c->digest);
	put_text(w, "needs_restart", c->needs_restart);
	put_number(w, "policy_files", c->files);
	put_number(w, "rules", c->rules);
	put_number(w, "workflows", c->workflows);
	writer_end(w);
}

static void put_listeners(struct writer *w, const struct status *s)
{
	static const char *const states[] = {
		[PROCESS_STARTING] = "starting", [PROCESS_SERVES] = "serves", [PROCESS_GONE] = "gone",
	};
	writer_list(w, "listeners");
	for (size_t i = 0; i < s->process_count; i++) {
		const struct board_process *p = &s->processes[i];
		writer_object(w, NULL);
		put_text(w, "name", p->name);
		put_text(w, "socket", p->socket);
		put_text(w, "state", states[p->state]);
		writer_int(w, "pid", p->pid);
		put_number(w, "restarts", p->restarts);
		writer_int(w, "since_unix_s", p->since_unix_s);
		writer_int(w, "connections", p->connections);
		writer_int(w, "messages", p->messages);
		writer_bool(w, "dns_trouble", p->is_dns_in_trouble);
		writer_bool(w, "store_trouble", p->is_store_failing);
		writer_end(w);
	}
	writer_end(w);
}

static void put_minutes(struct writer *w, const struct status *s)
{
	writer_object(w, "minutes");
	for (enum decision_word d = 0; d < DECISION_COUNT; d++) {
		writer_list(w, decision_words[d]);
		for (size_t i = HISTORY_MINUTES - MINUTES_TOLD; i < HISTORY_MINUTES; i++)
			put_number(w, NULL, s->minutes[d][i]);
		writer_end(w);
	}
	writer_end(w);
}

static void put_mail(struct writer *w, const struct status *s)
{
	put_decisions(w, "day", s->day);
	put_decisions(w, "hour", s->hour);
	put_minutes(w, s);
	writer_object(w, "messages");
	for (enum direction d = 0; d < DIRECTION_COUNT; d++)
		put_decisions(w, direction_words[d], s->directions[d]);
	writer_end(w);
	writer_object(w, "results");
	for (enum method m = 0; m < METHOD_COUNT; m++)
		put_numbers(w, method_words[m], s->results[m], result_words, RESULT_COUNT);
	writer_end(w);
}

static void put_workflows(struct writer *w, const struct status *s)
{
	writer_list(w, "workflows");
	for (size_t i = 0; i < s->workflow_count; i++) {
		const struct status_workflow *f = &s->workflows[i];
		writer_object(w, NULL);
		put_text(w, "name", f->name);
		put_decisions(w, "messages", f->decisions);
		put_number(w, "signatures", f->signatures);
		put_number(w, "unsignable", f->unsignable);
		put_number(w, "limited", f->limited);
		put_number(w, "suppressed", f->suppressed);
		put_number(w, "retries_refused", f->retries);
		put_number(w, "recipients_refused", f->recipients_refused);
		writer_end(w);
	}
	writer_end(w);
}

static void put_rules(struct writer *w, const struct status *s)
{
	writer_list(w, "rules");
	for (size_t i = 0; i < s->rule_count; i++) {
		writer_object(w, NULL);
		put_text(w, "name", s->rules[i].name);
		put_number(w, "decisions", s->rules[i].decisions);
		put_number(w, "observed", s->rules[i].observed);
		writer_end(w);
	}
	writer_end(w);
}

static void put_keys(struct writer *w, const struct status *s)
{
	writer_list(w, "keys");
	for (size_t i = 0; i < s->key_count; i++) {
		const struct board_key *k = &s->keys[i];
		writer_object(w, NULL);
		put_text(w, "key", k->key);
		put_text(w, "selector", k->selector);
		put_text(w, "domain", k->domain);
		put_text(w, "phase", k->phase);
		if (k->is_known)
			writer_bool(w, "is_published", k->is_published);
		put_text(w, "why", k->why);
		writer_end(w);
	}
	writer_end(w);
}

static void put_refusals(struct writer *w, const struct status *s)
{
	writer_list(w, "refusals");
	for (size_t i = 0; i < s->refusal_count; i++) {
		const struct refusal_told *r = &s->refusals[i];
		const struct { const char *name, *text; } texts[] = {
			{ "id", r->id }, { "queue_id", r->queue_id }, { "enhanced", r->enhanced }, { "text", r->text },
			{ "rule", r->rule }, { "workflow", r->workflow }, { "stage", r->stage }, { "client", r->client },
			{ "domain", r->domain }, { "from", r->from }, { "to", r->to },
		};
		writer_object(w, NULL);
		writer_int(w, "unix_ms", r->unix_ms);
		writer_int(w, "code", r->code);
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			if (texts[k].text[0] != 0)
				put_text(w, texts[k].name, texts[k].text);
		writer_end(w);
	}
	writer_end(w);
}

static void put_dns(struct writer *w, const struct status *s)
{
	writer_object(w, "dns");
	put_numbers(w, "questions", s->dns_sources, source_words, SOURCE_COUNT);
	put_numbers(w, "answers", s->dns_answers, dns_status_words, DNS_STATUS_COUNT);
	put_times(w, "times", &s->dns);
	writer_end(w);
}

static void put_problems(struct writer *w, const struct status *s)
{
	struct status_problem list[STATUS_PROBLEMS];
	size_t count = status_problems(s, list);
	writer_list(w, "problems");
	for (size_t i = 0; i < count; i++) {
		writer_object(w, NULL);
		put_text(w, "severity", list[i].is_error ? "error" : "warn");
		put_text(w, "found", list[i].found);
		put_text(w, "advice", list[i].advice);
		writer_end(w);
	}
	writer_end(w);
}

void status_json(const struct status *s, struct buf *out)
{
	static const struct writer_limits limits = { .text_bytes = TEXT_MAX_BYTES };
	struct arena *a = arena_new();
	struct writer w;
	writer_init(&w, a, &limits);
	writer_object(&w, NULL);
	writer_int(&w, "v", 1);
	put_text(&w, "version", GATEPOST_VERSION);
	writer_int(&w, "now_unix_s", s->now_unix_s);
	writer_int(&w, "started_unix_s", s->started_unix_s);
	put_problems(&w, s);
	put_config(&w, &s->config);
	put_listeners(&w, s);
	put_mail(&w, s);
	put_workflows(&w, s);
	put_rules(&w, s);
	put_dns(&w, s);
	put_times(&w, "end_of_message", &s->end);
	put_number(&w, "deferred_unknown", s->deferred_unknown);
	put_numbers(&w, "lost", s->lost, sink_words, SINK_COUNT);
	put_numbers(&w, "reloads", s->reloads, outcome_words, OUTCOME_COUNT);
	put_keys(&w, s);
	put_refusals(&w, s);
	writer_end(&w);
	buf_add(out, writer_line(&w, JSON_MAX_BYTES));
	buf_add_char(out, '\n');
	writer_fini(&w);
	arena_free(a);
}
