/* gatepost suppress - the list of recipients that get no mail. */
#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/fail.h"
#include "base/map.h"
#include "feedback/suppress.h"
#include "feedback/suppress_csv.h"
#include "feedback/when.h"
#include "option/lc.h"
#include "option/options.h"
#include "policy/workflow.h"
#include "store/store.h"

enum { CSV_BYTES_MAX = 512 << 20, READ_BYTES = 64 << 10 };

struct call {
	const char *config_path;
	const char *scope, *reason, *source, *expires; /* NULL: not said */
	bool wants_json;
	char *const *words;                            /* NULL behind the last */
	struct arena *arena;
	struct diags *diags;
	const struct options *options;
	struct store *store;
};

/* Opened last: a wrong call leaves no file behind. False after a word. */
static bool open_to_read(struct call *c)
{
	c->store = store_open_reader(c->options->store, c->diags);
	return c->store != NULL;
}

static bool open_to_write(struct call *c)
{
	c->store = store_open_editor(c->options->store, c->diags);
	return c->store != NULL;
}

static int cannot_use_store(const struct call *c, const char *what)
{
	fprintf(stderr, "gatepost suppress: %.*s %s\n", STR_ARG(c->options->store), what);
	return EX_UNAVAILABLE;
}

/* ---- list, export ------------------------------------------------------------------------------------------ */

struct listing {
	FILE *out;
	size_t count;
};

static bool list_text(void *context, const struct suppression *e)
{
	struct listing *l = context;
	struct arena *a = arena_new();
	struct str until = e->expires_unix_s == 0 ? STR("never") : when_print(a, e->expires_unix_s);
	if (l->count++ == 0)
		fprintf(l->out, "%-40s %-16s %-20s %-12s %s\n", "ADDRESS", "SCOPE", "EXPIRES", "SOURCE", "REASON");
	fprintf(l->out, "%-40.*s %-16.*s %-20.*s %-12.*s %.*s\n", STR_ARG(e->address),
		STR_ARG(e->scope.n == 0 ? STR("(all)") : e->scope), STR_ARG(until), STR_ARG(e->source),
		STR_ARG(e->reason));
	arena_free(a);
	return !ferror(l->out);
}

static json_t *json_of(struct str s)
{
	return json_stringn(s.p, s.n);
}

static bool list_json(void *context, const struct suppression *e)
{
	struct listing *l = context;
	struct arena *a = arena_new();
	json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "scope", json_of(e->scope), "address",
				   json_of(e->address), "reason", json_of(e->reason), "source", json_of(e->source),
				   "created", json_of(when_print(a, e->created_unix_s)), "expires",
				   e->expires_unix_s == 0 ? json_null() : json_of(when_print(a, e->expires_unix_s)));
	fail_if_null(object);
	fputs(l->count++ == 0 ? "[\n" : ",\n", l->out);
	json_dumpf(object, l->out, 0);
	json_decref(object);
	arena_free(a);
	return !ferror(l->out);
}

static bool list_csv(void *context, const struct suppression *e)
{
	struct listing *l = context;
	suppress_csv_write(l->out, e);
	return !ferror(l->out);
}

static enum store_status list_with(struct call *c, store_use_suppression *use, struct listing *l)
{
	const struct str scope = str_of(c->scope);
	return store_each_suppression(c->store, c->scope == NULL ? NULL : &scope, use, l);
}

static int run_list(struct call *c)
{
	struct listing l = { .out = stdout };
	if (!open_to_read(c))
		return EX_UNAVAILABLE;
	enum store_status status = list_with(c, c->wants_json ? list_json : list_text, &l);
	if (status != STORE_OK)
		return cannot_use_store(c, "cannot be read");
	if (c->wants_json)
		puts(l.count == 0 ? "[]" : "\n]");
	return EX_OK;
}

static int run_export(struct call *c)
{
	const char *path = c->words[0];
	if (!open_to_read(c))
		return EX_UNAVAILABLE;
	struct listing l = { .out = path == NULL || strcmp(path, "-") == 0 ? stdout : fopen(path, "we") };
	if (l.out == NULL) {
		fprintf(stderr, "gatepost suppress: %s: %s\n", path, strerror(errno));
		return EX_CANTCREAT;
	}
	suppress_csv_write_header(l.out);
	enum store_status status = list_with(c, list_csv, &l);
	bool is_written = fflush(l.out) == 0 && !ferror(l.out);
	if (l.out != stdout)
		is_written = fclose(l.out) == 0 && is_written;
	if (status != STORE_OK)
		return cannot_use_store(c, "cannot be read");
	if (!is_written)
		fprintf(stderr, "gatepost suppress: %s: %s\n", path == NULL ? "output" : path, strerror(errno));
	return is_written ? EX_OK : EX_IOERR;
}

/* ---- add, import ------------------------------------------------------------------------------------------- */

/* A scope that no workflow has is a slip, or comes before its workflow. Policies with mistakes are not talked about
 * here. */
static void warn_of_scopes(struct call *c, const struct suppression *list, size_t count)
{
	struct diags *ignored = diags_new();
	const struct policy *policy = policy_load(c->arena, str_to_c(c->arena, c->options->policies), ignored);
	struct map *known = map_new(c->arena);
	bool is_good = diags_errors(ignored) == 0;
	diags_free(ignored);
	map_add(known, STR_EMPTY, c);
	for (size_t i = 0; i < policy_workflow_count(policy); i++)
		map_add(known, policy_workflow_at(policy, i)->suppression, c);
	for (size_t i = 0; is_good && i < count; i++)
		if (map_add(known, list[i].scope, c))
			diag_warn(c->diags, (struct place){ 0 }, "no workflow has suppression = \"%.*s\"",
				  STR_ARG(list[i].scope));
}

static int store_entries(struct call *c, const struct suppression *list, size_t count)
{
	if (!open_to_write(c))
		return EX_UNAVAILABLE;
	warn_of_scopes(c, list, count);
	if (store_suppress(c->store, list, count) != STORE_OK)
		return cannot_use_store(c, "cannot be written");
	printf("%zu %s now suppressed\n", count, count == 1 ? "recipient is" : "recipients are");
	return EX_OK;
}

/* "30d" from now, or a point of time. */
static bool take_expiry(struct call *c, int64_t *unix_s)
{
	int64_t ms;
	struct str text = str_of(c->expires);
	if (c->expires == NULL)
		return true;
	if (lc_parse_duration_ms(text, &ms) == NULL)
		*unix_s = clock_unix_s() + (ms + 999) / 1000;
	else if (!when_parse(text, unix_s))
		diag_error(c->diags, (struct place){ .setting = "--expires" },
			   "\"%s\" is neither a duration, such as 30d, nor a time, such as 2026-11-23T10:12:00Z",
			   c->expires);
	return diags_errors(c->diags) == 0;
}

static int run_add(struct call *c)
{
	struct suppression e = { .scope = str_of(c->scope), .reason = str_of(c->reason), .created_unix_s = clock_unix_s(),
				 .source = c->source == NULL ? STR("admin") : str_of(c->source) };
	size_t count = 0;
	if (!take_expiry(c, &e.expires_unix_s))
		return EX_USAGE;
	while (c->words[count] != NULL)
		count++;
	struct suppression *list = arena_array(c->arena, count, sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		list[i] = e;
		list[i].address = str_of(c->words[i]);
		const char *wrong = suppress_check(c->arena, &list[i]);
		if (wrong != NULL)
			diag_error(c->diags, (struct place){ 0 }, "\"%s\" %s", c->words[i], wrong);
	}
	return diags_errors(c->diags) > 0 ? EX_DATAERR : store_entries(c, list, count);
}

/* False after a word. */
static bool read_file(struct call *c, const char *path, struct buf *text)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	char *piece = arena_alloc(c->arena, READ_BYTES);
	size_t n = 0;
	bool ok = in != NULL;
	while (ok && (n = fread(piece, 1, READ_BYTES, in)) > 0)
		ok = buf_add(text, (struct str){ piece, n });
	if (in != NULL && !text->is_full)
		ok = ok && !ferror(in);
	if (!ok)
		diag_error(c->diags, (struct place){ .file = path }, "%s",
			   text->is_full ? "is larger than 512 MB" : strerror(errno));
	if (in != NULL && !is_stdin)
		fclose(in);
	return ok;
}

static int run_import(struct call *c)
{
	const struct suppression missing = { .scope = str_of(c->scope), .reason = str_of(c->reason),
					     .source = c->source == NULL ? STR("import") : str_of(c->source),
					     .created_unix_s = clock_unix_s() };
	const struct suppression *list;
	const char *path = c->words[0];
	size_t count;
	struct buf text;
	buf_init(&text, CSV_BYTES_MAX);
	int code = EX_DATAERR;
	if (!read_file(c, path, &text))
		code = EX_NOINPUT;
	else if (suppress_csv_read(c->arena, buf_str(&text), path, &missing, &list, &count, c->diags))
		code = store_entries(c, list, count);
	else
		diag_error(c->diags, (struct place){ 0 }, "nothing of %s is taken", path);
	buf_fini(&text);
	return code;
}

/* ---- remove ------------------------------------------------------------------------------------------------ */

static int run_remove(struct call *c)
{
	struct str scope = str_of(c->scope), address;
	int code = EX_OK;
	if (!open_to_write(c))
		return EX_UNAVAILABLE;
	for (char *const *word = c->words; *word != NULL; word++) {
		const char *wrong = suppress_address(c->arena, str_of(*word), &address);
		enum store_status status = wrong != NULL ? STORE_NOT_FOUND
							 : store_unsuppress(c->store, scope, address);
		if (status == STORE_UNAVAILABLE)
			return cannot_use_store(c, "cannot be written");
		if (status == STORE_OK)
			continue;
		diag_error(c->diags, (struct place){ 0 }, "\"%s\" %s", *word,
			   wrong != NULL ? wrong : c->scope == NULL ? "is not on the list for all: is it on one of a scope?"
								    : "is not on this list");
		code = wrong != NULL ? EX_DATAERR : EX_NOINPUT;
	}
	return code;
}

/* ---- the command ------------------------------------------------------------------------------------------- */

enum flag { SCOPE = 1, REASON = 2, SOURCE = 4, EXPIRES = 8, JSON = 16 };

static const struct verb {
	const char *name;
	int (*run)(struct call *);
	int flags;               /* that it takes */
	size_t words_min, words_max;
	const char *words;       /* what is missing */
} verbs[] = {
	{ "list", run_list, SCOPE | JSON, 0, 0, "" },
	{ "add", run_add, SCOPE | REASON | SOURCE | EXPIRES, 1, SIZE_MAX, "an address is missing" },
	{ "remove", run_remove, SCOPE, 1, SIZE_MAX, "an address is missing" },
	{ "import", run_import, SCOPE | REASON | SOURCE, 1, 1, "one file at a time, or - for the standard input" },
	{ "export", run_export, SCOPE, 0, 1, "one file at a time" },
};

static const struct option long_options[] = {
	{ "scope", required_argument, NULL, SCOPE },   { "reason", required_argument, NULL, REASON },
	{ "source", required_argument, NULL, SOURCE }, { "expires", required_argument, NULL, EXPIRES },
	{ "json", no_argument, NULL, JSON },           { NULL, 0, NULL, 0 },
};

/* The flags given, or -1 after a word. */
static int take_options(int argc, char **argv, struct call *c)
{
	int option, given = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			c->config_path = optarg;
			continue;
		case SCOPE:
			c->scope = optarg;
			break;
		case REASON:
			c->reason = optarg;
			break;
		case SOURCE:
			c->source = optarg;
			break;
		case EXPIRES:
			c->expires = optarg;
			break;
		case JSON:
			c->wants_json = true;
			break;
		default:
			cmd_option_error(argv);
			return -1;
		}
		given |= option;
	}
	return given;
}

/* NULL after a word. */
static const struct verb *choose(int argc, char **argv, struct call *c)
{
	int given = take_options(argc, argv, c);
	const char *name = given < 0 || optind == argc ? "" : argv[optind];
	if (given < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct verb *v = &verbs[i];
		if (strcmp(v->name, name) != 0)
			continue;
		size_t words = (size_t)(argc - optind - 1);
		c->words = argv + optind + 1;
		for (const struct option *o = long_options; o->name != NULL; o++)
			if ((given & o->val & ~v->flags) != 0) {
				cmd_usage_error(argv[0], "--%s is nothing for %s", o->name, name);
				return NULL;
			}
		if (words >= v->words_min && words <= v->words_max)
			return v;
		if (v->words_max == 0)
			cmd_usage_error(argv[0], "\"%s\" is too much", c->words[0]);
		else
			cmd_usage_error(argv[0], "%s", v->words);
		return NULL;
	}
	cmd_usage_error(argv[0], "say what to do: list, add, remove, import or export");
	return NULL;
}

static int run(const struct verb *verb, struct call *c)
{
	c->options = options_load(c->arena, c->config_path, c->diags);
	if (diags_errors(c->diags) > 0)
		return EX_CONFIG;
	if (!suppress_scope_is_valid(str_of(c->scope))) {
		diag_error(c->diags, (struct place){ .setting = "--scope" }, "\"%s\" is no scope", c->scope);
		return EX_USAGE;
	}
	return verb->run(c);
}

int cmd_suppress(int argc, char **argv)
{
	struct call c = { .config_path = GATEPOST_CONFIG, .arena = arena_new(), .diags = diags_new() };
	const struct verb *verb = choose(argc, argv, &c);
	int code = verb == NULL ? EX_USAGE : run(verb, &c);
	diags_print(c.diags, stderr);
	store_close(c.store);
	diags_free(c.diags);
	arena_free(c.arena);
	return code;
}
