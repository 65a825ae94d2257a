#include "option/lc.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/nametab.h"
#include "option/lc_source.h"

struct lc {
	config_t config; /* first: a setting knows its config_t */
	struct arena *arena;
	const char *path;
	struct str folder;
	struct digest digest;
};

static const struct lc *lc_of(const config_setting_t *s)
{
	return (const struct lc *)(const void *)s->config;
}

static struct str folder_of(struct arena *a, const char *path)
{
	struct str whole = str_of(path);
	ptrdiff_t slash = str_find_last(whole, '/');
	if (slash < 0)
		return STR(".");
	return slash == 0 ? STR("/") : str_dup(a, str_sub(whole, 0, (size_t)slash));
}

/* libconfig names included files as the @include does, and the text that we gave it not at all. */
static const char *file_name(struct arena *a, const struct lc *lc, const char *file)
{
	return file == NULL ? str_to_c(a, str_of(lc->path)) : str_printf(a, "%.*s/%s", STR_ARG(lc->folder), file).p;
}

struct lc *lc_read(const char *path, struct diags *diags)
{
	struct arena *a = arena_new();
	struct lc *lc = ARENA_NEW(a, struct lc);
	lc->arena = a;
	lc->path = str_to_c(a, str_of(path));
	lc->folder = folder_of(a, path);
	config_init(&lc->config);
	config_set_include_dir(&lc->config, str_to_c(a, lc->folder));

	struct str text;
	if (!lc_source_read_checked(a, lc->path, lc->folder, diags, &lc->digest, &text))
		goto bad;
	if (config_read_string(&lc->config, text.p) != CONFIG_TRUE) {
		const config_t *c = &lc->config;
		diag_error(diags, (struct place){ file_name(a, lc, c->error_file), c->error_line, NULL }, "%s",
			   c->error_text);
		goto bad;
	}
	return lc;
bad:
	lc_free(lc);
	return NULL;
}

void lc_free(struct lc *lc)
{
	if (lc == NULL)
		return;
	config_destroy(&lc->config);
	arena_free(lc->arena);
}

const config_setting_t *lc_root(const struct lc *lc)
{
	return lc->config.root;
}

struct str lc_digest(const struct lc *lc)
{
	return (struct str){ (const char *)lc->digest.bytes, sizeof(lc->digest.bytes) };
}

static void add_path(struct buf *b, const config_setting_t *s)
{
	if (s->parent == NULL)
		return;
	add_path(b, s->parent);
	if (s->name == NULL)
		buf_printf(b, "[%d]", config_setting_index(s));
	else
		buf_printf(b, "%s%s", b->n == 0 ? "" : ".", s->name);
}

struct place lc_place(struct arena *a, const config_setting_t *s)
{
	struct buf b;
	buf_init(&b, 0);
	add_path(&b, s);
	struct place at = {
		.file = file_name(a, lc_of(s), s->file),
		.line = (int)s->line,
		.setting = b.n == 0 ? NULL : str_to_c(a, buf_str(&b)),
	};
	buf_fini(&b);
	return at;
}

static struct place place(const config_setting_t *s)
{
	return lc_place(lc_of(s)->arena, s);
}

static const char *found(const config_setting_t *s)
{
	switch (s->type) {
	case CONFIG_TYPE_GROUP:
		return "a group { ... }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a text";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ... ]";
	case CONFIG_TYPE_LIST:
		return "a list ( ... )";
	}
	return "nothing"; /* CONFIG_TYPE_NONE */
}

static bool wrong_type(const config_setting_t *s, struct diags *diags, const char *wanted)
{
	diag_error(diags, place(s), "is %s, wanted is %s", found(s), wanted);
	return false;
}

bool lc_text(const config_setting_t *s, struct diags *diags, struct str *out)
{
	if (s->type != CONFIG_TYPE_STRING)
		return wrong_type(s, diags, "a text in quotes");
	*out = str_of(s->value.sval);
	return true;
}

bool lc_int(const config_setting_t *s, struct diags *diags, int64_t *out)
{
	if (s->type != CONFIG_TYPE_INT && s->type != CONFIG_TYPE_INT64)
		return wrong_type(s, diags, "a whole number");
	*out = s->type == CONFIG_TYPE_INT ? s->value.ival : s->value.llval;
	return true;
}

bool lc_bool(const config_setting_t *s, struct diags *diags, bool *out)
{
	if (s->type != CONFIG_TYPE_BOOL)
		return wrong_type(s, diags, "true or false");
	*out = s->value.ival != 0;
	return true;
}

bool lc_texts(struct arena *a, const config_setting_t *s, struct diags *diags, const struct str **out, size_t *count)
{
	bool is_list = s->type == CONFIG_TYPE_ARRAY || s->type == CONFIG_TYPE_LIST;
	if (!is_list && s->type != CONFIG_TYPE_STRING)
		return wrong_type(s, diags, "a text or a list of texts");
	size_t n = is_list ? (size_t)config_setting_length(s) : 1;
	struct str *texts = arena_array(a, n, sizeof(*texts));
	bool is_good = true;
	for (size_t i = 0; i < n; i++)
		is_good &= lc_text(is_list ? config_setting_get_elem(s, (unsigned)i) : s, diags, &texts[i]);
	if (is_good) {
		*out = texts;
		*count = n;
	}
	return is_good;
}

bool lc_is_group(const config_setting_t *s, struct diags *diags)
{
	return s->type == CONFIG_TYPE_GROUP || wrong_type(s, diags, "a group { ... }");
}

bool lc_is_group_list(const config_setting_t *s, struct diags *diags)
{
	if (s->type != CONFIG_TYPE_LIST)
		return wrong_type(s, diags, "a list of groups ( { ... }, { ... } )");
	bool is_good = true;
	for (int i = 0; i < config_setting_length(s); i++)
		is_good &= lc_is_group(config_setting_get_elem(s, (unsigned)i), diags);
	return is_good;
}

void lc_check_names(const config_setting_t *group, const char *const *names, size_t count, struct diags *diags)
{
	struct arena *a = lc_of(group)->arena;
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		unsigned index;
		if (nametab_find(names, count, str_of(s->name), &index))
			continue;
		const char *closest = nametab_closest(names, count, str_of(s->name));
		if (closest != NULL)
			diag_error(diags, place(s), "unknown setting; did you mean \"%s\"?", closest);
		else
			diag_error(diags, place(s), "unknown setting; known here: %.*s",
				   STR_ARG(nametab_join(a, names, count)));
	}
}

struct unit {
	const char *name;
	int64_t factor;
};

static const char *parse_with_unit(struct str s, const struct unit *units, size_t unit_count, const char *wrong,
				   int64_t *out)
{
	size_t digits = 0;
	while (digits < s.n && char_is_digit(s.p[digits]))
		digits++;
	uint64_t number;
	struct str unit = str_skip(s, digits);
	for (size_t i = 0; i < unit_count; i++) {
		int64_t value;
		if (!str_eq(unit, str_of(units[i].name)) || digits == 0)
			continue;
		if (!str_to_u64(str_sub(s, 0, digits), &number) || number > INT64_MAX ||
		    __builtin_mul_overflow((int64_t)number, units[i].factor, &value))
			return "is too large";
		*out = value;
		return NULL;
	}
	return wrong;
}

const char *lc_parse_duration_ms(struct str s, int64_t *out)
{
	static const struct unit units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 }, { "d", 24 * 3600 * 1000 },
	};
	return parse_with_unit(s, units, sizeof(units) / sizeof(*units),
			       "is no duration: a number with ms, s, m, h or d, such as \"30s\"", out);
}

const char *lc_parse_size_bytes(struct str s, int64_t *out)
{
	static const struct unit units[] = { { "B", 1 }, { "KB", 1 << 10 }, { "MB", 1 << 20 }, { "GB", 1 << 30 } };
	return parse_with_unit(s, units, sizeof(units) / sizeof(*units),
			       "is no size: a number with B, KB, MB or GB, such as \"10MB\"", out);
}

const char *lc_parse_mode(struct str s, unsigned *out)
{
	unsigned mode = 0;
	bool is_good = s.n == 3 || (s.n == 4 && s.p[0] == '0');
	for (size_t i = 0; i < s.n && is_good; i++) {
		is_good = s.p[i] >= '0' && s.p[i] <= '7';
		mode = mode << 3 | (unsigned)(s.p[i] - '0');
	}
	if (!is_good)
		return "is no mode: three octal digits, with or without a leading zero, such as \"0660\"";
	*out = mode;
	return NULL;
}
