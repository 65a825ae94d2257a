#include "auth/key_state.h"

#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/nametab.h"
#include "mail/domain.h"
#include "option/lc.h"

const char *const key_phase_words[KEY_PHASE_COUNT] = {
	[KEY_PENDING] = "pending",
	[KEY_ACTIVE] = "active",
	[KEY_RETIRING] = "retiring",
};

#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
enum { TIME_ROOM = 32 };

bool key_name_is_good(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!char_is_alnum(name.p[i]) && (i == 0 || (name.p[i] != '-' && name.p[i] != '_')))
			return false;
	return name.n > 0 && name.n <= KEY_NAME_MAX;
}

struct str key_version_file(struct arena *a, struct str name, struct str selector)
{
	return str_printf(a, "%.*s.%.*s.pem", STR_ARG(name), STR_ARG(selector));
}

struct str key_time_print(struct arena *a, int64_t unix_s)
{
	struct tm tm;
	time_t t = unix_s;
	char text[TIME_ROOM];
	if (gmtime_r(&t, &tm) == NULL || strftime(text, sizeof(text), TIME_FORMAT, &tm) == 0)
		return STR("?");
	return str_dup(a, str_of(text));
}

/* Strict: what prints the same. */
static bool parse_time(struct arena *a, struct str text, int64_t *unix_s)
{
	struct tm tm = { 0 };
	const char *end = strptime(str_to_c(a, text), TIME_FORMAT, &tm);
	*unix_s = timegm(&tm);
	return end != NULL && *unix_s > 0 && str_eq(key_time_print(a, *unix_s), text);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

struct reader {
	struct arena *arena;
	struct diags *diags;
	const config_setting_t *group;
};

static struct place place_of(const struct reader *r, const config_setting_t *setting)
{
	return lc_place(r->arena, setting == NULL ? r->group : setting);
}

/* An error if it is missing. */
static const config_setting_t *read_text(const struct reader *r, const char *name, struct str *text)
{
	const config_setting_t *setting = config_setting_get_member(r->group, name);
	if (setting == NULL)
		diag_error(r->diags, place_of(r, NULL), "%s is missing", name);
	return setting != NULL && lc_text(setting, r->diags, text) ? setting : NULL;
}

/* Every other spelling than the one that comparisons use would be a trap. */
static struct str read_domain(const struct reader *r, const char *name)
{
	struct str text, normal;
	const config_setting_t *setting = read_text(r, name, &text);
	if (setting == NULL)
		return STR_EMPTY;
	if (!domain_normalize(r->arena, text, &normal) || !str_eq(text, normal))
		diag_error(r->diags, place_of(r, setting), "\"%.*s\" is no name of DNS in lower case", STR_ARG(text));
	return str_dup(r->arena, text);
}

static void read_phase(const struct reader *r, struct key_version *v)
{
	struct str word;
	unsigned phase;
	const config_setting_t *setting = read_text(r, "state", &word);
	if (setting == NULL)
		return;
	if (nametab_find(key_phase_words, KEY_PHASE_COUNT, word, &phase))
		v->phase = (enum key_phase)phase;
	else
		diag_error(r->diags, place_of(r, setting), "\"%.*s\" is no state: %s", STR_ARG(word),
			   nametab_join(r->arena, key_phase_words, KEY_PHASE_COUNT).p);
}

static int64_t read_time(const struct reader *r, const char *name)
{
	struct str text;
	int64_t unix_s = 0;
	const config_setting_t *setting = read_text(r, name, &text);
	if (setting != NULL && !parse_time(r->arena, text, &unix_s))
		diag_error(r->diags, place_of(r, setting), "\"%.*s\" is no time such as \"2026-09-27T12:00:00Z\"",
			   STR_ARG(text));
	return unix_s;
}

static void read_version(const struct reader *r, struct key_state *state)
{
	static const char *const names[] = { "selector", "state", "since", "until" };
	struct key_version v = { .selector = read_domain(r, "selector") };
	size_t errors_before = diags_errors(r->diags);
	lc_check_names(r->group, names, sizeof(names) / sizeof(names[0]), r->diags);
	read_phase(r, &v);
	v.since_unix_s = read_time(r, "since");
	if (v.phase == KEY_RETIRING)
		v.until_unix_s = read_time(r, "until");
	if (diags_errors(r->diags) > errors_before)
		return;
	if (key_state_find(state, v.selector) != NULL)
		diag_error(r->diags, place_of(r, NULL), "selector %.*s is there twice", STR_ARG(v.selector));
	else if (v.phase != KEY_RETIRING && key_state_in(state, v.phase) != NULL)
		diag_error(r->diags, place_of(r, NULL), "a second version is %s", key_phase_words[v.phase]);
	state->versions[state->count++] = v;
}

static void read_versions(struct reader *r, struct key_state *state)
{
	const config_setting_t *list = config_setting_get_member(r->group, "versions");
	if (list == NULL)
		diag_error(r->diags, place_of(r, NULL), "versions are missing");
	if (list == NULL || !lc_is_group_list(list, r->diags))
		return;
	int count = config_setting_length(list);
	if (count < 1 || count > KEY_VERSIONS_MAX)
		diag_error(r->diags, place_of(r, list), "holds %d versions: 1 to %d can be", count, KEY_VERSIONS_MAX);
	for (int i = 0; i < count && i < KEY_VERSIONS_MAX; i++) {
		r->group = config_setting_get_elem(list, (unsigned)i);
		read_version(r, state);
	}
}

bool key_state_read(struct arena *a, const char *path, struct str name, struct key_state *state, struct diags *diags)
{
	static const char *const names[] = { "domain", "versions" };
	size_t errors_before = diags_errors(diags);
	*state = (struct key_state){ .name = str_dup(a, name), .domain = STR_EMPTY };
	struct lc *lc = lc_read(path, diags);
	if (lc == NULL)
		return false;
	struct reader r = { a, diags, lc_root(lc) };
	lc_check_names(r.group, names, sizeof(names) / sizeof(names[0]), diags);
	state->domain = read_domain(&r, "domain");
	read_versions(&r, state);
	lc_free(lc);
	return diags_errors(diags) == errors_before;
}

/* ---- writing and changing ------------------------------------------------------------------------------- */

struct str key_state_print(struct arena *a, const struct key_state *state)
{
	struct buf b;
	buf_init(&b, 0);
	buf_printf(&b, "# Written by `gatepost key`.\ndomain = \"%.*s\";\nversions = (", STR_ARG(state->domain));
	for (size_t i = 0; i < state->count; i++) {
		const struct key_version *v = &state->versions[i];
		buf_printf(&b, "%s\n\t{ selector = \"%.*s\"; state = \"%s\"; since = \"%.*s\"; ", i == 0 ? "" : ",",
			   STR_ARG(v->selector), key_phase_words[v->phase],
			   STR_ARG(key_time_print(a, v->since_unix_s)));
		if (v->phase == KEY_RETIRING)
			buf_printf(&b, "until = \"%.*s\"; ", STR_ARG(key_time_print(a, v->until_unix_s)));
		buf_add_char(&b, '}');
	}
	buf_add(&b, STR("\n);\n"));
	struct str text = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return text;
}

struct key_version *key_state_find(struct key_state *state, struct str selector)
{
	for (size_t i = 0; i < state->count; i++)
		if (str_eq(state->versions[i].selector, selector))
			return &state->versions[i];
	return NULL;
}

struct key_version *key_state_in(struct key_state *state, enum key_phase phase)
{
	for (size_t i = 0; i < state->count; i++)
		if (state->versions[i].phase == phase)
			return &state->versions[i];
	return NULL;
}

void key_state_add(struct key_state *state, struct str selector, int64_t now_unix_s)
{
	BUG_IF(state->count == KEY_VERSIONS_MAX || key_state_in(state, KEY_PENDING) != NULL);
	state->versions[state->count++] = (struct key_version){ selector, KEY_PENDING, now_unix_s, 0 };
}

void key_state_promote(struct key_state *state, int64_t now_unix_s, int64_t overlap_s)
{
	struct key_version *next = key_state_in(state, KEY_PENDING), *old = key_state_in(state, KEY_ACTIVE);
	BUG_IF(next == NULL);
	if (old != NULL)
		*old = (struct key_version){ old->selector, KEY_RETIRING, now_unix_s, now_unix_s + overlap_s };
	*next = (struct key_version){ next->selector, KEY_ACTIVE, now_unix_s, 0 };
}

void key_state_drop(struct key_state *state, struct key_version *v)
{
	for (struct key_version *end = &state->versions[--state->count]; v < end; v++)
		v[0] = v[1];
}
