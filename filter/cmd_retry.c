/* gatepost retry - what was refused for good, and is refused again at once while it is remembered. */
#include "cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"
#include "base/map.h"
#include "base/vec.h"
#include "feedback/when.h"
#include "option/options.h"
#include "store/store.h"

struct call {
	const char *config_path;
	bool wants_json;
	char *const *words; /* ids; NULL behind the last */
	struct arena *arena;
	struct diags *diags;
	const struct options *options;
	struct store *store;
};

/* One decision may have refused a message to several recipients: each is remembered. */
struct refused {
	struct refusal first;
	int64_t repeats;
	VEC(struct str) keys;
};

struct refusals {
	struct arena *arena;
	struct map *by_id;
	VEC(struct refused *) all;
};

static bool add(void *context, const struct refusal *r)
{
	struct refusals *list = context;
	struct refused *d = map_get(list->by_id, r->id);
	if (d == NULL) {
		d = ARENA_NEW(list->arena, struct refused);
		d->first = refusal_dup(list->arena, r);
		map_add(list->by_id, d->first.id, d);
		VEC_PUSH(list->arena, &list->all, d);
	}
	d->repeats += r->repeats;
	VEC_PUSH(list->arena, &d->keys, str_dup(list->arena, r->key));
	return true;
}

static int cannot_use_store(const struct call *c, const char *what)
{
	fprintf(stderr, "gatepost retry: %.*s %s\n", STR_ARG(c->options->store), what);
	return EX_UNAVAILABLE;
}

/* EX_OK, or what to exit with. */
static int read_refusals(struct call *c, struct refusals *list)
{
	*list = (struct refusals){ .arena = c->arena, .by_id = map_new(c->arena) };
	if (c->store == NULL)
		return EX_UNAVAILABLE;
	return store_each_refusal(c->store, add, list) == STORE_OK ? EX_OK : cannot_use_store(c, "cannot be read");
}

/* ---- list -------------------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct refused *x = *(struct refused *const *)a, *y = *(struct refused *const *)b;
	return x->first.unix_s != y->first.unix_s ? (x->first.unix_s < y->first.unix_s ? -1 : 1)
						  : str_cmp(x->first.id, y->first.id);
}

static void print_text(struct call *c, const struct refusals *list)
{
	if (list->all.count > 0)
		printf("%-16s %-20s %-20s %7s %s\n", "ID", "REFUSED", "UNTIL", "REPEATS", "REPLY");
	for (size_t i = 0; i < list->all.count; i++) {
		const struct refused *d = list->all.items[i];
		const struct refusal *r = &d->first;
		printf("%-16.*s %-20.*s %-20.*s %7" PRId64 " %d %.*s %.*s\n", STR_ARG(r->id),
		       STR_ARG(when_print(c->arena, r->unix_s)), STR_ARG(when_print(c->arena, r->expires_unix_s)),
		       d->repeats, r->code, STR_ARG(r->enhanced), STR_ARG(r->text));
	}
}

static json_t *json_of(struct str s)
{
	return json_stringn(s.p, s.n);
}

static void print_json(struct call *c, const struct refusals *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->all.count; i++) {
		const struct refused *d = list->all.items[i];
		const struct refusal *r = &d->first;
		json_t *one = json_pack("{s:o, s:o, s:o, s:I, s:I, s:i, s:o, s:o, s:o}", "id", json_of(r->id), "refused",
					json_of(when_print(c->arena, r->unix_s)), "until",
					json_of(when_print(c->arena, r->expires_unix_s)), "repeats", (json_int_t)d->repeats,
					"recipients", (json_int_t)d->keys.count, "code", r->code, "enhanced",
					json_of(r->enhanced), "text", json_of(r->text), "source", json_of(r->source));
		json_array_append_new(all, fail_if_null(one));
	}
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

static int run_list(struct call *c)
{
	struct refusals list;
	c->store = store_open_reader(c->options->store, c->diags);
	int code = read_refusals(c, &list);
	if (code != EX_OK)
		return code;
	if (list.all.count > 0)
		qsort(list.all.items, list.all.count, sizeof(list.all.items[0]), by_time);
	if (c->wants_json)
		print_json(c, &list);
	else
		print_text(c, &list);
	return EX_OK;
}

/* ---- forget ------------------------------------------------------------------------------------------------ */

static int run_forget(struct call *c)
{
	struct refusals list;
	c->store = store_open_editor(c->options->store, c->diags);
	int code = read_refusals(c, &list);
	for (char *const *word = c->words; code == EX_OK && *word != NULL; word++) {
		const struct refused *d = map_get(list.by_id, str_of(*word));
		if (d == NULL)
			diag_error(c->diags, (struct place){ 0 }, "\"%s\" is not remembered; what is: gatepost retry list", *word);
		for (size_t i = 0; d != NULL && i < d->keys.count; i++)
			if (store_forget_refusal(c->store, d->keys.items[i]) == STORE_UNAVAILABLE)
				return cannot_use_store(c, "cannot be written");
		if (d != NULL)
			printf("%s is forgotten: it may be tried again\n", *word);
	}
	return code == EX_OK && diags_errors(c->diags) > 0 ? EX_NOINPUT : code;
}

/* ---- the command ------------------------------------------------------------------------------------------- */

/* NULL after a word. */
static int (*choose(int argc, char **argv, struct call *c))(struct call *)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (option == 'c')
			c->config_path = optarg;
		else if (option == 'j')
			c->wants_json = true;
		else
			return cmd_option_error(argv), NULL;
	}
	struct str verb = str_of(optind < argc ? argv[optind] : "");
	c->words = argv + optind + 1;
	bool has_ids = optind + 1 < argc;
	if (str_eq(verb, STR("list")) && !has_ids)
		return run_list;
	if (str_eq(verb, STR("forget")) && has_ids && !c->wants_json)
		return run_forget;
	cmd_usage_error(argv[0], "say what to do: list, or forget and ids");
	return NULL;
}

int cmd_retry(int argc, char **argv)
{
	struct call c = { .config_path = GATEPOST_CONFIG, .arena = arena_new(), .diags = diags_new() };
	int (*run)(struct call *) = choose(argc, argv, &c);
	int code = EX_USAGE;
	if (run != NULL) {
		c.options = options_load(c.arena, c.config_path, c.diags);
		code = diags_errors(c.diags) > 0 ? EX_CONFIG : run(&c);
	}
	diags_print(c.diags, stderr);
	store_close(c.store);
	diags_free(c.diags);
	arena_free(c.arena);
	return code;
}
