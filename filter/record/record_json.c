/* The record as JSON. The schema is told in record.h. */
#include "record/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
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

/* The object for a group of facts, made when first needed. */
static json_t *group(json_t *root, const char *name)
{
	json_t *object = json_object_get(root, name);
	if (object == NULL) {
		object = json_object();
		writer_put(root, name, object);
	}
	return object;
}

static json_t *fact(struct writer *w, enum fact_id id, const struct fact_value *v)
{
	char ip[IP_TEXT_MAX];
	if (v->state == FACT_ABSENT)
		return json_null();
	if (v->state == FACT_UNKNOWN) {
		json_t *unknown = json_object();
		writer_put(unknown, "unknown", writer_text(w, v->reason));
		return unknown;
	}
	switch (fact_descs[id].type) {
	case TYPE_RESULT:
		return writer_word(result_words[v->result]);
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		return writer_text(w, v->text);
	case TYPE_IP:
		return writer_word(ip_print(v->ip, ip));
	case TYPE_INT:
		return json_integer(v->number);
	case TYPE_BOOL:
		return json_boolean(v->truth);
	case TYPE_LIST:
		return writer_texts(w, v->list.items, v->list.count);
	}
	BUG_IF(true);
}

static void put_facts(struct writer *w, json_t *root, const struct facts *f)
{
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		const struct fact_value *v = facts_get(f, id);
		if (v->state == FACT_UNSET)
			continue;
		struct str first, rest;
		str_cut(str_of(fact_descs[id].name), '.', &first, &rest);
		writer_put(group(root, str_to_c(w->arena, first)), rest.p, fact(w, id, v));
	}
}

static json_t *reply(struct writer *w, const struct reply *r)
{
	if (r->code == 0)
		return json_null();
	json_t *object = json_object();
	writer_put(object, "code", json_integer(r->code));
	writer_put(object, "enhanced", writer_text(w, r->enhanced));
	writer_put(object, "text", writer_text(w, r->text));
	return object;
}

static void put_place(struct writer *w, json_t *object, const struct rule_place *place)
{
	writer_put(object, "rule", writer_text_or_null(w, str_of(place->rule)));
	writer_put(object, "file", writer_text_or_null(w, str_of(place->file)));
	writer_put(object, "line", place->rule == NULL ? json_null() : json_integer(place->line));
}

static void put_effects(struct writer *w, json_t *object, const struct decision *d)
{
	json_t *tags = json_array(), *logs = json_array(), *headers = json_array();
	size_t count = writer_told(w, d->effect_count, w->limits.effects);
	for (size_t i = 0; i < count; i++) {
		const struct policy_effect *e = &d->effects[i];
		if (e->action == ACTION_TAG) {
			writer_append(tags, writer_text(w, e->value));
		} else if (e->action == ACTION_LOG) {
			writer_append(logs, writer_text(w, e->value));
		} else if (e->action == ACTION_ADD_HEADER) {
			json_t *header = json_object();
			writer_put(header, "name", writer_text(w, e->name));
			writer_put(header, "value", writer_text(w, e->value));
			writer_put(header, "rule", writer_text_or_null(w, str_of(e->from.rule)));
			writer_append(headers, header);
		}
	}
	writer_put(object, "tags", tags);
	writer_put(object, "logs", logs);
	writer_put(object, "headers", headers);
}

static json_t *decision(struct writer *w, const struct decision *d)
{
	json_t *object = json_object(), *observed = json_array();
	writer_put(object, "action", writer_word(action_descs[d->action].name));
	put_place(w, object, &d->from);
	writer_put(object, "reason", writer_text_or_null(w, d->reason));
	writer_put(object, "unknown", json_boolean(d->is_unknown));
	put_effects(w, object, d);
	size_t count = writer_told(w, d->observed_count, w->limits.effects);
	for (size_t i = 0; i < count; i++) {
		json_t *one = json_object();
		put_place(w, one, &d->observed[i].from);
		writer_put(one, "action", writer_word(action_descs[d->observed[i].action].name));
		writer_put(one, "reply", reply(w, &d->observed[i].reply));
		writer_append(observed, one);
	}
	writer_put(object, "observed", observed);
	return object;
}

static json_t *recipients(struct writer *w, const struct record *r)
{
	json_t *object = json_object(), *list = json_array();
	size_t count = writer_told(w, r->recipient_count, w->limits.recipients);
	for (size_t i = 0; i < count; i++) {
		const struct record_recipient *one = &r->recipients[i];
		json_t *entry = json_object();
		writer_put(entry, "address", writer_text(w, one->address));
		writer_put(entry, "reply", reply(w, &one->reply));
		if (one->from.rule != NULL)
			put_place(w, entry, &one->from);
		writer_append(list, entry);
	}
	writer_put(object, "count", json_integer((json_int_t)r->recipient_count));
	writer_put(object, "list", list);
	return object;
}

static json_t *milliseconds(const struct record *r)
{
	json_t *object = json_object();
	for (enum stage s = 0; s < STAGE_COUNT; s++)
		if (r->stage_us[s] > 0)
			writer_put(object, stage_words[s], json_real((double)r->stage_us[s] / 1000));
	writer_put(object, "dns_wait", json_real((double)r->dns_wait_us / 1000));
	return object;
}

static json_t *spf_check(struct writer *w, const struct spf_verdict *v)
{
	json_t *object = json_object();
	writer_put(object, "identity", writer_text(w, v->identity));
	writer_put(object, "domain", writer_text_or_null(w, v->domain));
	writer_put(object, "result", writer_word(result_words[v->result]));
	writer_put(object, "sender", writer_text_or_null(w, v->sender));
	writer_put(object, "mechanism", writer_text_or_null(w, v->mechanism));
	writer_put(object, "reason", writer_text_or_null(w, v->reason));
	writer_put(object, "explanation", writer_text_or_null(w, v->explanation));
	writer_put(object, "lookups", json_integer(v->lookups));
	writer_put(object, "voids", json_integer(v->voids));
	return object;
}

static json_t *signature(struct writer *w, const struct dkim_verdict *v)
{
	json_t *object = json_object();
	writer_put(object, "domain", writer_text_or_null(w, v->domain));
	writer_put(object, "selector", writer_text_or_null(w, v->selector));
	writer_put(object, "identity", writer_text_or_null(w, v->identity));
	writer_put(object, "algorithm", writer_text_or_null(w, v->algorithm));
	writer_put(object, "signature", writer_text_or_null(w, v->signature));
	writer_put(object, "result", writer_word(result_words[v->result]));
	writer_put(object, "reason", writer_text_or_null(w, v->reason));
	writer_put(object, "key_bits", json_integer(v->key_bits));
	writer_put(object, "testing", json_boolean(v->is_testing));
	writer_put(object, "covers_body", json_boolean(v->covers_body));
	return object;
}

static void put_spf_and_dkim(struct writer *w, json_t *root, const struct auth_results *auth)
{
	json_t *checks = json_array(), *signatures = json_array();
	if (auth->spf_mailfrom != NULL)
		writer_append(checks, spf_check(w, auth->spf_mailfrom));
	if (auth->spf_helo != NULL && auth->spf_helo != auth->spf_mailfrom) /* with <> they are one check */
		writer_append(checks, spf_check(w, auth->spf_helo));
	writer_put(group(root, "spf"), "checks", checks);
	size_t count = writer_told(w, auth->dkim_count, w->limits.signatures);
	for (size_t i = 0; i < count; i++)
		writer_append(signatures, signature(w, &auth->dkim[i]));
	writer_put(group(root, "dkim"), "signatures", signatures);
	writer_put(group(root, "dkim"), "skipped", json_integer((json_int_t)auth->dkim_skipped));
}

static void put_dmarc(struct writer *w, json_t *root, const struct record *r)
{
	const struct dmarc_verdict *v = r->auth->dmarc;
	json_t *dmarc = group(root, "dmarc"), *row = report_row(w, r);
	writer_put(dmarc, "psd", writer_text_or_null(w, v->psd));
	writer_put(dmarc, "nonexistent", json_boolean(v->is_nonexistent));
	if (row != NULL)
		writer_put(dmarc, "report", row);
}

static json_t *rfc3339(int64_t unix_ms)
{
	char out[40];
	struct tm tm;
	time_t seconds = unix_ms / 1000;
	gmtime_r(&seconds, &tm);
	size_t n = strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, sizeof(out) - n, ".%03dZ", (int)(unix_ms % 1000));
	return writer_word(out);
}

static json_t *whole(struct writer *w, const struct record *r)
{
	json_t *root = json_object();
	writer_put(root, "v", json_integer(1));
	writer_put(root, "id", writer_text(w, r->id));
	writer_put(root, "time", rfc3339(r->unix_ms));
	writer_put(root, "unix_ms", json_integer(r->unix_ms));
	writer_put(root, "version", writer_word(GATEPOST_VERSION));
	writer_put(root, "generation", json_integer(r->generation));
	writer_put(root, "stage", writer_word(stage_words[r->stage]));
	writer_put(root, "disposition", writer_word(r->disposition));
	writer_put(root, "decision", decision(w, &r->decision));
	writer_put(root, "reply", reply(w, &r->reply));
	writer_put(root, "recipients", recipients(w, r));
	writer_put(root, "ms", milliseconds(r));
	put_facts(w, root, r->facts);
	if (r->auth != NULL) {
		put_spf_and_dkim(w, root, r->auth);
		if (r->auth->iprev != NULL)
			writer_put(group(root, "iprev"), "reason", writer_text_or_null(w, r->auth->iprev->reason));
		if (r->auth->dmarc != NULL)
			put_dmarc(w, root, r);
	}
	if (w->is_cut)
		writer_put(root, "truncated", json_true());
	return root;
}

struct str record_json(struct arena *a, const struct record *r)
{
	for (size_t step = 0; step < STEP_COUNT; step++) {
		struct writer w = { .arena = a, .limits = steps[step] };
		json_t *root = whole(&w, r);
		char *line = fail_if_null(json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9)));
		struct str copy = STR_EMPTY;
		if (strlen(line) <= RECORD_MAX_BYTES)
			copy = str_dup(a, str_of(line));
		free(line);
		json_decref(root);
		if (copy.n > 0)
			return copy;
	}
	BUG_IF(true); /* the last step bounds every text and list */
}
