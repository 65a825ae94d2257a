#include "eval/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"

static bool fail(struct diags *diags, const char *path)
{
	diag_error(diags, (struct place){ .file = path }, "cannot write: %s", strerror(errno));
	return false;
}

bool workspace_open(struct workspace *w, struct arena *a, struct diags *diags)
{
	const char *tmp = getenv("TMPDIR");
	struct str template = str_printf(a, "%s/gatepost-case-XXXXXX", tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
	char *folder = str_to_c(a, template);
	*w = (struct workspace){ .arena = a };
	if (mkdtemp(folder) == NULL)
		return fail(diags, folder);
	w->folder = folder;
	w->config = str_printf(a, "%s/gatepost.conf", folder).p;
	w->socket = str_printf(a, "unix:%s/milter.sock", folder).p;
	w->log = str_printf(a, "%s/log", folder).p;
	return true;
}

static bool write_file(struct workspace *w, const char *name, struct str text, struct diags *diags)
{
	const char *path = str_printf(w->arena, "%s/%s", w->folder, name).p;
	FILE *f = fopen(path, "we");
	if (f == NULL)
		return fail(diags, path);
	/* A case may bring a signing key. */
	bool ok = fchmod(fileno(f), 0600) == 0 && fwrite(text.p, 1, text.n, f) == text.n;
	return (fclose(f) == 0 && ok) || fail(diags, path);
}

/* --- gatepost.conf --- */

/* What every case has unless it says otherwise. @DIR@ is the folder. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{ "listen", "( { socket = \"unix:@DIR@/milter.sock\"; } )" },
	{ "authserv_id", "\"mx.example.com\"" },
	{ "policies", "\"policies\"" },
	{ "dns.zone_file", "\"zone\"" },
	{ "dns.timeout_ms", "1000" },
	{ "store", "\"memory:\"" },
	{ "log.target", "\"file:@DIR@/log\"" },
	{ "log.format", "\"json\"" },
};

static void add_value(struct buf *b, const char *folder, struct str value)
{
	struct str mark = STR("@DIR@");
	for (size_t i = 0; i < value.n; i++) {
		if (str_starts(str_skip(value, i), mark)) {
			buf_add(b, str_of(folder));
			i += mark.n - 1;
		} else {
			buf_add_char(b, value.p[i]);
		}
	}
}

struct setting {
	struct str group, name, value;
};

static void setting_put(struct setting *list, size_t *count, struct str dotted, struct str value)
{
	struct setting s = { .group = STR_EMPTY, .name = dotted, .value = value };
	struct str head, tail;
	if (str_cut(dotted, '.', &head, &tail))
		s = (struct setting){ head, tail, value };
	for (size_t i = 0; i < *count; i++)
		if (str_eq(list[i].group, s.group) && str_eq(list[i].name, s.name)) {
			list[i] = s;
			return;
		}
	list[(*count)++] = s;
}

/* Members of one group stand together; libconfig takes a group only once. */
static void print_settings(struct workspace *w, struct buf *b, struct setting *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str group = list[i].group;
		if (list[i].name.n == 0)
			continue;
		if (group.n > 0)
			buf_printf(b, "%.*s = {\n", STR_ARG(group));
		for (size_t k = i; k < (group.n > 0 ? count : i + 1); k++) {
			if (!str_eq(list[k].group, group) || list[k].name.n == 0)
				continue;
			buf_printf(b, "%.*s = ", STR_ARG(list[k].name));
			add_value(b, w->folder, list[k].value);
			buf_add(b, STR(";\n"));
			list[k].name = STR_EMPTY;
		}
		if (group.n > 0)
			buf_add(b, STR("};\n"));
	}
}

static bool write_config(struct workspace *w, const struct case_setup *s, const char *policies, struct diags *diags)
{
	size_t count = 0, default_count = sizeof(defaults) / sizeof(defaults[0]);
	struct setting *list = arena_array(w->arena, default_count + 1 + s->options.count, sizeof(*list));
	for (size_t i = 0; i < default_count; i++)
		setting_put(list, &count, str_of(defaults[i].name), str_of(defaults[i].value));
	if (policies != NULL)
		setting_put(list, &count, STR("policies"), str_printf(w->arena, "\"%s\"", policies));
	for (size_t i = 0; i < s->options.count; i++)
		setting_put(list, &count, s->options.items[i].name, s->options.items[i].text);
	struct buf b;
	buf_init(&b, 0);
	print_settings(w, &b, list, count);
	bool ok = write_file(w, "gatepost.conf", buf_str(&b), diags);
	buf_fini(&b);
	return ok;
}

/* --- the folder --- */

static void empty_folder(const char *path)
{
	DIR *d = opendir(path);
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

bool workspace_write(struct workspace *w, const struct case_setup *s, const char *default_policies, struct diags *diags)
{
	const char *policies = str_printf(w->arena, "%s/policies", w->folder).p;
	if (mkdir(policies, 0700) != 0 && errno != EEXIST)
		return fail(diags, policies);
	empty_folder(policies);
	for (size_t i = 0; i < s->policies.count; i++) {
		/* The number keeps the order of the case. */
		const char *name = str_printf(w->arena, "policies/%02zu-%.*s", i, STR_ARG(s->policies.items[i].name)).p;
		if (!write_file(w, name, s->policies.items[i].text, diags))
			return false;
	}
	for (size_t i = 0; i < s->files.count; i++) {
		const char *name = str_printf(w->arena, "policies/%.*s", STR_ARG(s->files.items[i].name)).p;
		if (!write_file(w, name, s->files.items[i].text, diags))
			return false;
	}
	return write_file(w, "zone", s->zone, diags) &&
	       write_config(w, s, s->policies.count == 0 ? default_policies : NULL, diags);
}

void workspace_close(struct workspace *w)
{
	if (w->folder == NULL)
		return;
	const char *policies = str_printf(w->arena, "%s/policies", w->folder).p;
	empty_folder(policies);
	rmdir(policies);
	empty_folder(w->folder);
	rmdir(w->folder);
	w->folder = NULL;
}
