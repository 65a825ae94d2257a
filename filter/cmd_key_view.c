/* What `gatepost key` shows. */
#include "cmd_key.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/clock.h"

enum { TXT_STRING_MAX = 255 }; /* RFC 1035 3.3 */

/* ---- printing ------------------------------------------------------------------------------------------- */

enum { COLUMNS = 8 };

static const char *const titles[COLUMNS] = {
	"KEY", "SELECTOR", "DOMAIN", "TYPE", "STATE", "SINCE", "PUBLISHED", "NOTE",
};

static struct str note(struct arena *a, const struct key_row *row)
{
	const struct key_version *v = row->version;
	if (row->wrong.n > 0)
		return row->wrong;
	if (v == NULL && row->why.n == 0)
		return row->selector.n > 0 ? STR("no state: active; domain and selector are the workflow's") :
					     STR("no state: no workflow says domain and selector");
	if (v == NULL)
		return row->why;
	if (v->phase == KEY_PENDING && row->published == PUBLISHED && row->why.n == 0)
		return STR("signs already; gatepost key check makes it active");
	if (v->phase != KEY_RETIRING)
		return row->why;
	if (clock_unix_s() < v->until_unix_s)
		return str_printf(a, "keep the record until %.*s", STR_ARG(key_time_print(a, v->until_unix_s)));
	return STR("the record may go; then: gatepost key check");
}

static void fill_cells(struct arena *a, const struct key_row *row, struct str cells[COLUMNS])
{
	const struct key_version *v = row->version;
	struct str none = STR("-");
	cells[0] = row->name;
	cells[1] = row->selector.n == 0 ? none : row->selector;
	cells[2] = row->domain.n == 0 ? none : row->domain;
	cells[3] = row->key == NULL ? none :
				      str_printf(a, "%s-%u", key_type_words[row->key->type], row->key->bits);
	if (row->key != NULL && row->key->type == KEY_ED25519)
		cells[3] = str_of(key_type_words[KEY_ED25519]);
	cells[4] = str_of(key_phase_words[v == NULL ? KEY_ACTIVE : v->phase]);
	cells[5] = v == NULL ? none : key_time_print(a, v->since_unix_s);
	cells[6] = key_row_has_record(row) ? str_of(published_words[row->published]) : none;
	cells[7] = note(a, row);
}

static void print_cells(const struct str cells[COLUMNS], const size_t widths[COLUMNS], FILE *out)
{
	for (size_t i = 0; i + 1 < COLUMNS; i++)
		fprintf(out, "%-*.*s  ", (int)widths[i], STR_ARG(cells[i]));
	fprintf(out, "%.*s\n", STR_ARG(cells[COLUMNS - 1]));
}

void key_lines_print_table(struct arena *a, const struct key_lines *lines, FILE *out)
{
	size_t widths[COLUMNS];
	struct str cells[COLUMNS];
	for (size_t i = 0; i < COLUMNS; i++) {
		cells[i] = str_of(titles[i]);
		widths[i] = cells[i].n;
	}
	struct str head[COLUMNS];
	memcpy(head, cells, sizeof(head));
	EACH_KEY_ROW(row, lines) {
		fill_cells(a, row, cells);
		for (size_t i = 0; i < COLUMNS; i++)
			widths[i] = cells[i].n > widths[i] ? cells[i].n : widths[i];
	}
	print_cells(head, widths, out);
	EACH_KEY_ROW(row, lines) {
		fill_cells(a, row, cells);
		print_cells(cells, widths, out);
	}
}

static void set_text(json_t *object, const char *name, struct str text)
{
	if (text.n > 0)
		json_object_set_new(object, name, json_stringn(text.p, text.n));
}

static json_t *json_of(struct arena *a, const struct key_row *row)
{
	const struct key_version *v = row->version;
	json_t *o = json_object();
	set_text(o, "key", row->name);
	set_text(o, "domain", row->domain);
	set_text(o, "selector", row->selector);
	set_text(o, "state", str_of(key_phase_words[v == NULL ? KEY_ACTIVE : v->phase]));
	if (v != NULL)
		set_text(o, "since", key_time_print(a, v->since_unix_s));
	if (v != NULL && v->phase == KEY_RETIRING)
		set_text(o, "until", key_time_print(a, v->until_unix_s));
	set_text(o, "file", row->path);
	set_text(o, "wrong", row->wrong);
	if (row->key != NULL) {
		set_text(o, "type", str_of(key_type_words[row->key->type]));
		json_object_set_new(o, "bits", json_integer(row->key->bits));
		set_text(o, "record", row->key->record);
	}
	if (key_row_has_record(row)) {
		set_text(o, "record_name", row->key->record_name);
		set_text(o, "published", str_of(published_words[row->published]));
		set_text(o, "why", row->why);
	}
	return o;
}

void key_lines_print_json(struct arena *a, const struct key_lines *lines, FILE *out)
{
	json_t *list = json_array();
	EACH_KEY_ROW(row, lines)
		json_array_append_new(list, json_of(a, row));
	json_dumpf(list, out, JSON_INDENT(1));
	fprintf(out, "\n");
	json_decref(list);
}

void key_row_print_record(const struct key_row *row, FILE *out)
{
	struct str rest;
	if (row->key == NULL) {
		fprintf(out, "; key %.*s: %.*s\n", STR_ARG(row->name), STR_ARG(row->wrong));
		return;
	}
	if (row->selector.n == 0)
		fprintf(out, "; key %.*s has no state: name SELECTOR and DOMAIN as its workflow does\n"
			     "SELECTOR._domainkey.DOMAIN. IN TXT (", STR_ARG(row->name));
	else
		fprintf(out, "; key %.*s, %s\n%.*s. IN TXT (", STR_ARG(row->name),
			key_phase_words[row->version == NULL ? KEY_ACTIVE : row->version->phase], STR_ARG(row->key->record_name));
	for (rest = row->key->record; rest.n > 0; rest = str_skip(rest, TXT_STRING_MAX))
		fprintf(out, "\n\t\"%.*s\"", STR_ARG(str_sub(rest, 0, TXT_STRING_MAX)));
	fprintf(out, " )\n");
}
