#include "option/options.h"

#include "base/arena.h"
#include "base/nametab.h"
#include "option/check.h"
#include "option/lc.h"
#include "option/listener.h"
#include "option/value.h"

const struct option_desc option_descs[OPTION_COUNT] = {
#define OPTION(field, name, type, def, min, max, when, doc) \
	[OPTION_ID_##field] = { name, OPTION_##type, def, min, max, OPTION_##when, doc, \
				offsetof(struct options, field) },
#include "option/option_table.def"
#undef OPTION
};

const char *const option_type_words[] = {
	[OPTION_STRING] = "text",
	[OPTION_FILE] = "file",
	[OPTION_FOLDER] = "folder",
	[OPTION_WORD] = "word",
	[OPTION_INT] = "number",
	[OPTION_SIZE] = "size",
	[OPTION_DURATION] = "duration",
	[OPTION_BOOL] = "true or false",
	[OPTION_STRINGS] = "list of texts",
	[OPTION_NETS] = "list of networks",
	[OPTION_LISTEN] = "list of groups",
};

const char *const option_when_words[] = {
	[OPTION_RELOAD] = "reload",
	[OPTION_RESTART] = "restart",
};

/* "/etc/gatepost/gatepost.conf" -> "/etc/gatepost/" */
static struct str folder_of(struct str path)
{
	return str_sub(path, 0, (size_t)(str_find_last(path, '/') + 1));
}

static struct options *defaults(struct arena *a, struct str folder)
{
	struct options *o = ARENA_NEW(a, struct options);
	o->folder = str_dup(a, folder);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		option_set_default(a, o, &option_descs[i]);
	return o;
}

struct options *options_default(struct arena *a)
{
	return defaults(a, folder_of(STR(GATEPOST_CONFIG)));
}

struct loader {
	struct arena *arena;
	struct diags *diags;
	struct options *options;
	struct place places[OPTION_COUNT];
};

static const struct option_desc *find(struct str name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (str_eq(str_of(option_descs[i].name), name))
			return &option_descs[i];
	return NULL;
}

/* What may stand in the group `prefix` ("", "dns."): "deadline", "dns", each once. */
static size_t names_in_group(struct arena *a, struct str prefix, const char *names[OPTION_COUNT])
{
	size_t count = 0;
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		struct str head = str_of(option_descs[i].name), tail;
		unsigned known;
		if (!str_starts(head, prefix))
			continue;
		str_cut(str_skip(head, prefix.n), '.', &head, &tail);
		if (!nametab_find(names, count, head, &known))
			names[count++] = str_to_c(a, head);
	}
	return count;
}

static void load_group(struct loader *l, const config_setting_t *group, struct str prefix)
{
	const char *names[OPTION_COUNT];
	size_t count = names_in_group(l->arena, prefix, names);
	lc_check_names(group, names, count, l->diags);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *setting = config_setting_get_member(group, names[i]);
		struct str name = str_printf(l->arena, "%.*s%s", STR_ARG(prefix), names[i]);
		const struct option_desc *desc = find(name);
		if (setting == NULL)
			continue;
		if (desc != NULL) {
			l->places[desc - option_descs] = lc_place(l->arena, setting);
			option_load(l->arena, l->options, desc, setting, l->diags);
		} else if (lc_is_group(setting, l->diags)) {
			load_group(l, setting, str_printf(l->arena, "%s.", name.p));
		}
	}
}

struct options *options_load(struct arena *a, const char *path, struct diags *diags)
{
	struct loader l = { .arena = a, .diags = diags, .options = defaults(a, folder_of(str_of(path))) };
	for (size_t i = 0; i < OPTION_COUNT; i++)
		l.places[i] = (struct place){ .file = path, .setting = option_descs[i].name };
	struct lc *lc = lc_read(path, diags);
	l.options->is_read = lc != NULL;
	if (lc != NULL) {
		load_group(&l, lc_root(lc), STR_EMPTY);
		options_check(l.options, l.places, diags);
		digest_add(&l.options->digest, lc_digest(lc));
		lc_free(lc);
	}
	return l.options;
}

void options_keep_restart_values(struct arena *a, struct options *next, const struct options *running,
				 const char *path, struct diags *diags)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_desc *desc = &option_descs[i];
		if (desc->when != OPTION_RESTART || option_is_equal(desc, next, running))
			continue;
		diag_warn(diags, (struct place){ .file = path, .setting = desc->name },
			  "needs a restart; the old value stays in force");
		option_copy(a, desc, next, running);
		next->kept = str_printf(a, "%.*s%s%s", STR_ARG(next->kept), next->kept.n == 0 ? "" : ", ", desc->name);
	}
}
