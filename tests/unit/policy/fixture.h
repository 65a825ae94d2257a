/* tests/unit/policy/fixture.h - a folder for policy files, what loading said about them, facts to judge. */
#pragma once

#include "../test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "policy/given.h"
#include "policy/policy.h"

struct fixture {
	struct arena *arena;
	struct diags *diags;
	char folder[64];
	const struct policy *policy;
};

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->arena = arena_new();
	f->diags = diags_new();
	strcpy(f->folder, "/tmp/gatepost-policy-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	DIR *d = opendir(f->folder);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_type == DT_REG)
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	assert_int_equal(rmdir(f->folder), 0);
	diags_free(f->diags);
	arena_free(f->arena);
	free(f);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline void write_file(struct fixture *f, const char *name, const char *text)
{
	FILE *file = fopen(str_printf(f->arena, "%s/%s", f->folder, name).p, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static inline struct str without(struct arena *a, struct str text, struct str part)
{
	char *out = arena_alloc(a, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n;) {
		bool is_there = str_starts(str_skip(text, i), part);
		if (!is_there)
			out[n++] = text.p[i];
		i += is_there ? part.n : 1;
	}
	return (struct str){ out, n };
}

/* All diagnostics so far, one a line, with files as they are called inside the folder. */
static inline struct str diags_text(struct fixture *f, const char *folder)
{
	struct str all = STR_EMPTY, prefix = str_printf(f->arena, "%s/", folder);
	for (size_t i = 0; i < diags_count(f->diags); i++) {
		struct str line = str_of(diag_line(f->diags, diags_at(f->diags, i)));
		all = str_printf(f->arena, "%.*s%.*s\n", STR_ARG(all), STR_ARG(without(f->arena, line, prefix)));
	}
	return all;
}

/* The folder's files. */
static inline const struct policy *load_folder(struct fixture *f)
{
	f->policy = policy_load(f->arena, f->folder, f->diags);
	return f->policy;
}

/* One file with this text, which must be good. */
static inline const struct policy *load_text(struct fixture *f, const char *text)
{
	write_file(f, "policy.conf", text);
	load_folder(f);
	assert_str(diags_text(f, f->folder), "");
	return f->policy;
}

/* The value as text, by the fact's type; NULL is absent, "?" cannot be told. A list is separated by blanks. */
static inline void set_fact(struct facts *facts, enum fact_id id, const char *value)
{
	struct str text = str_of(value), items[8], rest = text;
	struct ip ip;
	int64_t number;
	enum result result;
	size_t count = 0;
	if (value == NULL) {
		facts_set_absent(facts, id);
		return;
	}
	if (strcmp(value, "?") == 0) {
		facts_set_unknown(facts, id, STR("nobody answers"));
		return;
	}
	switch (fact_descs[id].type) {
	case TYPE_RESULT:
		assert_true(result_parse(text, &result));
		facts_set_result(facts, id, result);
		break;
	case TYPE_STRING:
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
		facts_set_text(facts, id, text);
		break;
	case TYPE_IP:
		assert_true(ip_parse(text, &ip));
		facts_set_ip(facts, id, ip);
		break;
	case TYPE_INT:
		assert_true(str_to_i64(text, &number));
		facts_set_int(facts, id, number);
		break;
	case TYPE_BOOL:
		facts_set_bool(facts, id, strcmp(value, "true") == 0);
		break;
	case TYPE_LIST:
		while (str_next(&rest, ' ', &items[count]))
			count++;
		facts_set_list(facts, id, items, count);
		break;
	}
}

/* A plain message from a stranger; more can be set on .message, .connection and .recipients[0]. */
static inline struct given_facts stranger_facts(struct fixture *f)
{
	static const struct given nothing;
	return given_facts_new(f->arena, &nothing);
}
