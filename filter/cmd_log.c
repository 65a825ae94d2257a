/* gatepost log - the records of the store as lines: what was decided since when, filtered and followed. */
#include "cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/nametab.h"
#include "feedback/when.h"
#include "option/lc.h"
#include "option/options.h"
#include "record/line.h"
#include "record/member.h"
#include "store/store.h"

enum {
	PAGE = 100,         /* records at once, so that a reader who takes his time keeps no writer waiting */
	SINCE_MS = 3600000,
	FOLLOW_EVERY_MS = 500,
};

struct call {
	const char *config_path, *since;
	const char *wanted[FILTER_COUNT]; /* NULL: anything */
	bool follows, wants_json, is_coloured;
	struct arena *arena;
	struct diags *diags;
	const struct options *options;
	struct store *store;
	struct map *seen;   /* ids that were there when following began, and are not new when they are come upon again */
	size_t shown;
};

/* ---- one look at the store ------------------------------------------------------------------------------- */

static void show(struct call *c, struct str json)
{
	json_t *record = member_read_record(json);
	bool fits = record != NULL;
	for (enum line_filter i = 0; fits && i < FILTER_COUNT; i++)
		fits = c->wanted[i] == NULL || line_fits(record, i, str_of(c->wanted[i]));
	if (fits && c->wants_json)
		printf("%.*s\n", STR_ARG(json));
	else if (fits)
		line_print(record, c->is_coloured, stdout);
	c->shown += fits;
	json_decref(record);
}

/* What is there since that time, in order of time. */
static bool show_since(struct call *c, int64_t from_ms)
{
	struct arena *page = arena_new();
	struct stored_record list[PAGE];
	char behind[64] = "";
	size_t count = PAGE;
	bool ok = true;
	while (ok && count == PAGE) {
		ok = store_next_records(c->store, from_ms, str_of(behind), page, list, PAGE, &count) == STORE_OK;
		for (size_t i = 0; i < count; i++) {
			show(c, list[i].json);
			if (c->follows)
				map_add(c->seen, list[i].id, c);
		}
		if (count > 0) {
			from_ms = list[count - 1].unix_ms;
			snprintf(behind, sizeof(behind), "%.*s", STR_ARG(list[count - 1].id));
		}
		arena_reset(page);
	}
	arena_free(page);
	return ok;
}

/* What has come behind that place, as it came. */
static bool show_new(struct call *c, int64_t *place)
{
	struct arena *page = arena_new();
	struct stored_record list[PAGE];
	size_t count = PAGE;
	bool ok = true;
	while (ok && count == PAGE) {
		ok = store_next_arrivals(c->store, place, page, list, PAGE, &count) == STORE_OK;
		for (size_t i = 0; i < count; i++)
			if (!map_has(c->seen, list[i].id))
				show(c, list[i].json);
		arena_reset(page);
	}
	arena_free(page);
	return ok;
}

static int show_all(struct call *c, int64_t from_ms)
{
	int64_t place = 0;
	c->seen = map_new(c->arena);
	/* What comes in between is in both. */
	bool ok = store_last_arrival(c->store, &place) == STORE_OK && show_since(c, from_ms);
	fflush(stdout);
	while (ok && c->follows && !ferror(stdout)) {
		nanosleep(&(struct timespec){ .tv_nsec = FOLLOW_EVERY_MS * 1000000L }, NULL);
		ok = show_new(c, &place);
		fflush(stdout);
	}
	if (!ok)
		fprintf(stderr, "gatepost log: %.*s cannot be read\n", STR_ARG(c->options->store));
	else if (c->shown == 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "Nothing since then; --since 1d looks further back, records stay for %" PRId64
				" days (record_days).\n", c->options->record_days);
	return ok ? EX_OK : EX_UNAVAILABLE;
}

/* ---- the command ----------------------------------------------------------------------------------------- */

/* A duration before now, or a point of time. */
static bool take_since(struct call *c, int64_t *from_ms)
{
	int64_t value = c->follows ? 0 : SINCE_MS;
	if (c->since == NULL || lc_parse_duration_ms(str_of(c->since), &value) == NULL)
		*from_ms = clock_unix_ms() - value;
	else if (when_parse(str_of(c->since), &value))
		*from_ms = value * 1000;
	else
		diag_error(c->diags, (struct place){ .setting = "--since" },
			   "\"%s\" is neither a duration, such as 2h, nor a time, such as 2026-11-23T10:12:00Z or 2026-11-23",
			   c->since);
	return diags_errors(c->diags) == 0;
}

static bool check_decision(struct call *c)
{
	size_t count;
	const char *const *words = line_decisions(&count);
	struct str word = str_of(c->wanted[FILTER_DECISION]);
	if (c->wanted[FILTER_DECISION] == NULL || nametab_find(words, count, word, &(unsigned){ 0 }))
		return true;
	diag_error(c->diags, (struct place){ .setting = "--decision" }, "\"%.*s\" is none: use %.*s", STR_ARG(word),
		   STR_ARG(nametab_join(c->arena, words, count)));
	return false;
}

static int run(struct call *c)
{
	int64_t from_ms = 0;
	if (!take_since(c, &from_ms) || !check_decision(c))
		return EX_USAGE;
	c->options = options_load(c->arena, c->config_path, c->diags);
	if (diags_errors(c->diags) > 0)
		return EX_CONFIG;
	c->store = store_open_reader(c->options->store, c->diags);
	return c->store == NULL ? EX_UNAVAILABLE : show_all(c, from_ms);
}

enum { SINCE = FILTER_COUNT, JSON, LONG_OPTION_COUNT };

static bool take_options(int argc, char **argv, struct call *c)
{
	struct option long_options[LONG_OPTION_COUNT + 2] = {
		[SINCE] = { "since", required_argument, NULL, SINCE },
		[JSON] = { "json", no_argument, NULL, JSON },
		[LONG_OPTION_COUNT] = { "follow", no_argument, NULL, 'f' },
	};
	for (int i = 0; i < FILTER_COUNT; i++)
		long_options[i] = (struct option){ line_filter_names[i], required_argument, NULL, i };
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:f", long_options, NULL)) != -1) {
		if (option == 'c')
			c->config_path = optarg;
		else if (option == 'f')
			c->follows = true;
		else if (option == SINCE)
			c->since = optarg;
		else if (option == JSON)
			c->wants_json = true;
		else if (option < FILTER_COUNT)
			c->wanted[option] = optarg;
		else
			return cmd_option_error(argv) == EX_OK;
	}
	if (optind < argc)
		cmd_usage_error(argv[0], "\"%s\" is too much; filters are options, such as --id %s", argv[optind],
				argv[optind]);
	return optind == argc;
}

int cmd_log(int argc, char **argv)
{
	struct call c = { .config_path = GATEPOST_CONFIG, .arena = arena_new(), .diags = diags_new() };
	const char *no_colour = getenv("NO_COLOR"); /* no-color.org */
	c.is_coloured = isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == '\0');
	int code = take_options(argc, argv, &c) ? run(&c) : EX_USAGE;
	diags_print(c.diags, stderr);
	store_close(c.store);
	diags_free(c.diags);
	arena_free(c.arena);
	return code;
}
