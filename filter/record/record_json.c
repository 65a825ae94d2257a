/* The record as JSON. The schema is told in record.h. */
#include "record/record.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "record/report_row.h"
#include "record/writer.h"

/* A record that grows over its size is written again with the next, smaller row; with the last every one fits. */
static const struct writer_limits steps[] = {
	{ .text_bytes = 1024, .list = 64, .signatures = 50, .effects = 64, .recipients = 100 },
	{ .text_bytes = 300, .list = 16, .signatures = 20, .effects = 16, .recipients = 30 },
	{ .text_bytes = 64, .list = 4, .signatures = 4, .effects = 4, .recipients = 4 },
};
enum { STEP_COUNT = sizeof(steps) / sizeof(steps[0]) };

/* ---- facts ---------------------------------------------------------------------------------------------- */

/* "spf.result" is the member "result" of the group "spf". A group stands in several places of the fact table, but once
 * in the record. */
static struct fact_member {
	char group[32];
	const char *name;
	enum fact_id next;   /* of the same group; FACT_COUNT: none */
	bool is_first;
} members[FACT_COUNT];
static pthread_once_t members_once = PTHREAD_ONCE_INIT;

static void members_init(void)
{
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		struct fact_member *m = &members[id];
		struct str group, rest;
		str_cut(str_of(fact_descs[id].name), '.', &group, &rest);
		snprintf(m->group, sizeof(m->group), "%.*s", STR_ARG(group));
		m->name = rest.p;
		m->next = FACT_COUNT;
		m->is_first = true;
		for (enum fact_id before = id; before > 0 && m->is_first; before--) {
			if (strcmp(members[before - 1].group, m->group) != 0)
				continue;
			members[before - 1].next = id;
			m->is_first = false;
		}
	}
}

/* Nothing for one that nobody set, or that is absent. */
static void put_fact(struct writer *w, enum fact_id id, const struct fact_value *v)
{
	char ip[IP_TEXT_MAX];
	const char *name = members[id].name;
	if (v->state == FACT_UNSET || v->state == FACT_ABSENT)
		return;
	if (v->state == FACT_UNKNOWN) {
		writer_object(w, name);
		writer_text(w, "unknown", v->reason);
		writer_end(w);
		return;
	}
	switch (fact_descs[id].type) {
	case TYPE_RESULT:
		writer_word(w, name, result_words[v->result]);
		return;
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		writer_text(w, name, v->text);
		return;
	case TYPE_IP:
		writer_word(w, name, ip_print(v->ip, ip));
		return;
	case TYPE_INT:
		writer_int(w, name, v->number);
		return;
	case TYPE_BOOL:
		writer_bool(w, name, v->truth);
		return;
	case TYPE_LIST:
		writer_texts(w, name, v->list.items, v->list.count);
		return;
	}
	BUG_IF(true);
}

/* ---- the decision --------------------------------------------------------------------------------------- */

static void put_reply(struct writer *w, const struct reply *r)
{
	if (r->code == 0)
		return;
	writer_object(w, "reply");
	writer_int(w, "code", r->code);
	writer_text(w, "enhanced", r->enhanced);
	writer_text(w, "text", r->text);
	writer_end(w);
}

static void put_place(struct writer *w, const struct rule_place *place)
{
	if (place->rule == NULL)
		return;
	writer_text(w, "rule", str_of(place->rule));
	writer_text(w, "file", str_of(place->file));
	writer_int(w, "line", place->line);
}

static void put_texts_of(struct writer *w, const char *name, const struct decision *d, size_t count, enum action action)
{
	writer_list(w, name);
	for (size_t i = 0; i < count; i++)
		if (d->effects[i].action == action)
			writer_text(w, NULL, d->effects[i].value);
	writer_end(w);
}

static void put_effects(struct writer *w, const struct decision *d)
{
	size_t count = writer_told(w, d->effect_count, w->limits.effects);
	put_texts_of(w, "tags", d, count, ACTION_TAG);
	put_texts_of(w, "logs", d, count, ACTION_LOG);
	writer_list(w, "headers");
	for (size_t i = 0; i < count; i++) {
		const struct policy_effect *e = &d->effects[i];
		if (e->action != ACTION_ADD_HEADER)
			continue;
		writer_object(w, NULL);
		writer_text(w, "name", e->name);
		writer_text(w, "value", e->value);
		writer_text_if_any(w, "rule", str_of(e->from.rule));
		writer_end(w);
	}
	writer_end(w);
}

static void put_decision(struct writer *w, const struct decision *d)
{
	writer_object(w, "decision");
	writer_word(w, "action", action_descs[d->action].name);
	put_place(w, &d->from);
	writer_text_if_any(w, "reason", d->reason);
	writer_bool(w, "unknown", d->is_unknown);
	put_effects(w, d);
	size_t count = writer_told(w, d->observed_count, w->limits.effects);
	writer_list(w, "observed");
	for (size_t i = 0; i < count; i++) {
		writer_object(w, NULL);
		put_place(w, &d->observed[i].from);
		writer_word(w, "action", action_descs[d->observed[i].action].name);
		put_reply(w, &d->observed[i].reply);
		writer_end(w);
	}
	writer_end(w);
	writer_end(w);
}

static void put_recipients(struct writer *w, const struct record *r)
{
	size_t count = writer_told(w, r->recipient_count, w->limits.recipients);
	writer_object(w, "recipients");
	writer_int(w, "count", (int64_t)r->recipient_count);
	writer_list(w, "list");
	for (size_t i = 0; i < count; i++) {
		const struct record_recipient *one = &r->recipients[i];
		writer_object(w, NULL);
		writer_text(w, "address", one->address);
		put_reply(w, &one->reply);
		put_place(w, &one->from);
		writer_end(w);
	}
	writer_end(w);
	writer_end(w);
}

static void put_microseconds(struct writer *w, const struct record *r)
{
	writer_object(w, "us");
	for (enum stage s = 0; s < STAGE_COUNT; s++)
		if (r->stage_us[s] > 0)
			writer_int(w, stage_words[s], r->stage_us[s]);
	writer_int(w, "dns_wait", r->dns_wait_us);
	writer_end(w);
}

/* ---- what authentication found, beside the facts of the same name ------------------------------------------ */

static void put_spf_work(struct writer *w, const struct spf_verdict *v)
{
	writer_text_if_any(w, "mechanism", v->mechanism);
	writer_int(w, "voids", v->voids);
}

static void put_spf(struct writer *w, const struct record *r)
{
	const struct spf_verdict *v = r->auth->spf_mailfrom, *helo = r->auth->spf_helo;
	if (v == NULL)
		return;
	put_spf_work(w, v);
	if (v == helo) /* with <> they are one check */
		return;
	writer_object(w, "helo");
	writer_text_if_any(w, "domain", helo->domain);
	writer_text_if_any(w, "reason", helo->reason);
	writer_text_if_any(w, "explanation", helo->explanation);
	writer_int(w, "lookups", helo->lookups);
	put_spf_work(w, helo);
	writer_end(w);
}

static void put_signature(struct writer *w, const struct dkim_verdict *v)
{
	writer_object(w, NULL);
	writer_text_if_any(w, "domain", v->domain);
	writer_text_if_any(w, "selector", v->selector);
	writer_text_if_any(w, "identity", v->identity);
	writer_text_if_any(w, "algorithm", v->algorithm);
	writer_text_if_any(w, "signature", v->signature);
	writer_word(w, "result", result_words[v->result]);
	writer_text_if_any(w, "reason", v->reason);
	writer_int(w, "key_bits", v->key_bits);
	writer_bool(w, "testing", v->is_testing);
	writer_bool(w, "covers_body", v->covers_body);
	writer_end(w);
}

static void put_dkim(struct writer *w, const struct record *r)
{
	size_t count = writer_told(w, r->auth->dkim_count, w->limits.signatures);
	writer_list(w, "signatures");
	for (size_t i = 0; i < count; i++)
		put_signature(w, &r->auth->dkim[i]);
	writer_end(w);
	if (r->auth->dkim_skipped > 0)
		writer_int(w, "skipped", (int64_t)r->auth->dkim_skipped);
}

static void put_iprev(struct writer *w, const struct record *r)
{
	if (r->auth->iprev != NULL)
		writer_text_if_any(w, "reason", r->auth->iprev->reason);
}

static void put_dmarc(struct writer *w, const struct record *r)
{
	const struct dmarc_verdict *v = r->auth->dmarc;
	if (v == NULL)
		return;
	writer_text_if_any(w, "psd", v->psd);
	writer_bool(w, "nonexistent", v->is_nonexistent);
	report_row(w, r);
}

/* Groups of which there is more to tell than facts. */
static const struct {
	const char *group;
	void (*put)(struct writer *, const struct record *);
} more[] = {
	{ "spf", put_spf },
	{ "dkim", put_dkim },
	{ "iprev", put_iprev },
	{ "dmarc", put_dmarc },
};

static void put_more(struct writer *w, const char *group, const struct record *r)
{
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (strcmp(more[i].group, group) == 0)
			more[i].put(w, r);
}

static void put_group(struct writer *w, enum fact_id first, const struct record *r)
{
	writer_object(w, members[first].group);
	for (enum fact_id id = first; id < FACT_COUNT; id = members[id].next)
		put_fact(w, id, facts_get(r->facts, id));
	if (r->auth != NULL)
		put_more(w, members[first].group, r);
	writer_end(w);
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

static void put_rfc3339(struct writer *w, const char *name, int64_t unix_ms)
{
	char out[40];
	struct tm tm;
	time_t seconds = unix_ms / 1000;
	gmtime_r(&seconds, &tm);
	size_t n = strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, sizeof(out) - n, ".%03dZ", (int)(unix_ms % 1000));
	writer_word(w, name, out);
}

static void put_whole(struct writer *w, const struct record *r)
{
	writer_object(w, NULL);
	writer_int(w, "v", 1);
	writer_text(w, "id", r->id);
	put_rfc3339(w, "time", r->unix_ms);
	writer_int(w, "unix_ms", r->unix_ms);
	writer_word(w, "version", GATEPOST_VERSION);
	writer_int(w, "generation", r->generation);
	writer_word(w, "stage", stage_words[r->stage]);
	writer_word(w, "disposition", r->disposition);
	put_decision(w, &r->decision);
	put_reply(w, &r->reply);
	put_recipients(w, r);
	put_microseconds(w, r);
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		if (members[id].is_first)
			put_group(w, id, r);
	if (w->is_cut)
		writer_bool(w, "truncated", true);
	writer_end(w);
}

struct str record_json(struct arena *a, const struct record *r)
{
	pthread_once(&members_once, members_init);
	for (size_t step = 0; step < STEP_COUNT; step++) {
		struct writer w;
		writer_init(&w, a, &steps[step]);
		put_whole(&w, r);
		struct str line = writer_line(&w, RECORD_MAX_BYTES);
		writer_fini(&w);
		if (line.n > 0)
			return line;
	}
	BUG_IF(true); /* the last step bounds every text and list */
}
