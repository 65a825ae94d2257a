#include "policy/policy.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/check.h"
#include "policy/limits_parse.h"
#include "policy/lists.h"
#include "policy/parse.h"
#include "policy/ports.h"
#include "policy/tests.h"
#include "policy/workflow_parse.h"

const struct action_desc action_descs[ACTION_COUNT] = {
	[ACTION_CONTINUE] = { "continue", STAGE_CONNECT, STAGE_END, false, 0, "No final rule held" },
#define ACTION(id, name, first, last, final, reply, doc)                                           \
	[ACTION_##id] = { name, STAGE_##first, STAGE_##last, final, reply, doc },
#include "policy/action_table.def"
#undef ACTION
};

static int is_policy_file(const struct dirent *entry)
{
	struct str name = str_of(entry->d_name);
	return name.p[0] != '.' && name.n > 5 && str_eq(str_skip(name, name.n - 5), STR(".conf"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* bytes, whatever the locale */
}

const char *const *policy_folder_files(struct arena *a, const char *folder, struct diags *diags, size_t *count)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_policy_file, by_name);
	*count = 0;
	if (n < 0) {
		diag_error(diags, (struct place){ folder, 0, NULL }, "the folder cannot be read: %s", strerror(errno));
		return NULL;
	}
	if (n == 0)
		diag_warn(diags, (struct place){ folder, 0, NULL }, "no *.conf file is in the folder: all mail is accepted");
	const char **paths = arena_array(a, (size_t)n, sizeof(*paths));
	struct str base = str_of(folder);
	bool has_slash = base.n > 0 && base.p[base.n - 1] == '/';
	for (int i = 0; i < n; i++) {
		paths[i] = str_printf(a, "%s%s%s", folder, has_slash ? "" : "/", entries[i]->d_name).p;
		free(entries[i]);
	}
	free(entries);
	*count = (size_t)n;
	return paths;
}

/* Rules name lists and tests name rules of any file, so each kind is read from all files before the next. */
static void parse_all(struct loader *l, struct lc *const *files, size_t count, const char *member,
		      void (*parse)(struct loader *, const config_setting_t *))
{
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *s =
			files[i] == NULL ? NULL : config_setting_get_member(lc_root(files[i]), member);
		if (s != NULL)
			parse(l, s);
	}
}

const struct policy *policy_load_files(struct arena *a, const char *const *paths, size_t count, struct diags *diags)
{
	static const char *const names[] = { "lists", "ports", "workflows", "limits", "rules", "tests" };
	struct policy *p = ARENA_NEW(a, struct policy);
	struct loader l = { a, diags, p, map_new(a), map_new(a), map_new(a) };
	struct arena *scratch = arena_new();
	struct lc **files = arena_array(scratch, count, sizeof(*files));
	p->arena = a;
	p->lists = lists_new(a);
	for (size_t i = 0; i < count; i++) {
		VEC_PUSH(a, &p->files, str_to_c(a, str_of(paths[i])));
		files[i] = lc_read(paths[i], diags);
		if (files[i] == NULL)
			continue;
		digest_add(&p->digest, lc_digest(files[i]));
		lc_check_names(lc_root(files[i]), names, sizeof(names) / sizeof(*names), diags);
	}
	parse_all(&l, files, count, "lists", lists_parse);
	parse_all(&l, files, count, "ports", ports_parse);
	parse_all(&l, files, count, "workflows", workflows_parse);
	parse_all(&l, files, count, "limits", limits_parse);
	parse_all(&l, files, count, "rules", rules_parse);
	lists_warn_unused(&l);
	rules_check(&l);
	workflows_check(&l);
	parse_all(&l, files, count, "tests", tests_parse);
	for (size_t i = 0; i < count; i++)
		lc_free(files[i]);
	arena_free(scratch);
	return p;
}

const struct policy *policy_load(struct arena *a, const char *folder, struct diags *diags)
{
	size_t count;
	const char *const *paths = policy_folder_files(a, folder, diags, &count);
	return policy_load_files(a, paths, count, diags);
}

struct str policy_digest(const struct policy *p)
{
	return (struct str){ (const char *)p->digest.bytes, sizeof(p->digest.bytes) };
}

const struct bits *policy_facts(const struct policy *p)
{
	return &p->facts;
}

const struct bits *policy_facts_at(const struct policy *p, enum stage stage)
{
	return &p->at[stage].facts;
}

bool policy_has_rules_at(const struct policy *p, enum stage stage)
{
	return p->at[stage].rules.count > 0;
}

/* A rule that only watches needs no answer of ours. One that only tags does, if it defers what it cannot tell. */
static bool may_refuse(const struct rule *r)
{
	enum action final = rule_final_action(r);
	return !r->is_observed && (final == ACTION_REJECT || final == ACTION_DEFER || !r->skips_unknown);
}

bool policy_decides_at(const struct policy *p, enum stage stage)
{
	bool decides = (stage == STAGE_MAIL && p->workflows.count + p->port_groups.count > 0) ||
		       (stage == STAGE_HEADERS && p->workflows.count > 0);
	for (size_t i = 0; i < p->at[stage].rules.count && !decides; i++)
		decides = may_refuse(p->at[stage].rules.items[i]);
	return decides;
}

size_t policy_rule_count(const struct policy *p)
{
	return p->rules.count;
}

size_t policy_file_count(const struct policy *p)
{
	return p->files.count;
}

const char *policy_file_at(const struct policy *p, size_t index)
{
	return p->files.items[index];
}
