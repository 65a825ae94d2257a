#include "auth/key_line.h"

#include <openssl/evp.h>

#include "base/arena.h"
#include "base/clock.h"
#include "dns/dns.h"

static void read_key(struct arena *a, const struct key_folder *f, struct key_row *row)
{
	EVP_PKEY *key = key_folder_read_key(f, a, row->path.p, &row->wrong);
	if (key == NULL)
		return;
	row->key = signing_key_new(a, key, row->domain, row->selector);
	EVP_PKEY_free(key);
}

static void add_row(struct arena *a, const struct key_folder *f, struct key_line *line, struct str file,
		    const struct key_version *version)
{
	const char *path = key_folder_find(f, a, file);
	struct key_row *row = &line->rows[line->count++];
	*row = (struct key_row){
		.name = line->name, .domain = STR_EMPTY, .selector = STR_EMPTY, .version = version,
		.path = str_of(path), .wrong = STR_EMPTY, .why = STR_EMPTY,
	};
	if (version != NULL) {
		row->domain = line->state.domain;
		row->selector = version->selector;
	}
	if (path == NULL)
		row->wrong = str_printf(a, "the file %.*s is missing", STR_ARG(file));
	else
		read_key(a, f, row);
}

struct key_line *key_line_read(struct arena *a, const struct key_folder *f, struct str name, struct diags *diags)
{
	struct key_line *line = ARENA_NEW(a, struct key_line);
	struct str bare = str_printf(a, "%.*s.pem", STR_ARG(name));
	const char *path = key_folder_find(f, a, str_printf(a, "%.*s.state", STR_ARG(name)));
	line->name = str_dup(a, name);
	line->has_state = path != NULL;
	if (path == NULL) {
		if (key_folder_find(f, a, bare) == NULL)
			return NULL;
		add_row(a, f, line, bare, NULL);
		return line;
	}
	if (!key_state_read(a, path, name, &line->state, diags))
		return NULL;
	for (size_t i = 0; i < line->state.count; i++) {
		const struct key_version *v = &line->state.versions[i];
		add_row(a, f, line, key_version_file(a, name, v->selector), v);
	}
	return line;
}

void key_lines_read(struct arena *a, const struct key_folder *f, struct diags *diags, struct key_lines *lines)
{
	const struct str *names;
	size_t count;
	if (!key_folder_list(f, a, diags, &names, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct key_line *line = key_line_read(a, f, names[i], diags);
		if (line != NULL)
			VEC_PUSH(a, lines, line);
	}
}

void key_row_complete(struct arena *a, struct key_row *row, struct str domain, struct str selector)
{
	if (row->version != NULL || row->key == NULL)
		return;
	row->domain = domain;
	row->selector = selector;
	row->key = signing_key_new(a, row->key->key, domain, selector);
}

void key_lines_ask(struct arena *a, const struct key_lines *lines, struct dns *dns, int64_t timeout_ms)
{
	int64_t deadline_mono_ms = clock_mono_ms() + timeout_ms;
	EACH_KEY_ROW(row, lines)
		if (key_row_has_record(row))
			dns_prefetch(dns, row->key->record_name, DNS_TXT);
	EACH_KEY_ROW(row, lines)
		if (key_row_has_record(row)) {
			const struct dns_answer *answer =
				dns_ask(dns, row->key->record_name, DNS_TXT, deadline_mono_ms, a);
			row->published = signing_key_compare(a, row->key, answer, &row->why);
		}
}
