/* gatepost why - the record behind a decision id or a queue id. */
#include "cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/diag.h"
#include "option/options.h"
#include "record/record.h"
#include "store/store.h"

struct question {
	const char *config_path;
	const char *id;
	bool wants_json;
};

static int not_found(const struct question *q, const struct options *o)
{
	fprintf(stderr, "gatepost why: no record of \"%s\" in %.*s\n", q->id, STR_ARG(o->store));
	if (o->record_days == 0)
		fprintf(stderr, "record_days is 0 in %s: no records are stored.\n", q->config_path);
	else
		fprintf(stderr, "Records stay for %" PRId64 " days (record_days). Was it another gateway, or one with "
				"another configuration than %s (-c)?\n", o->record_days, q->config_path);
	return EX_NOINPUT;
}

static int print_record(const struct question *q, struct str json)
{
	if (q->wants_json) {
		printf("%.*s\n", STR_ARG(json));
		return EX_OK;
	}
	if (record_explain(json, stdout))
		return EX_OK;
	fprintf(stderr, "gatepost why: what is stored under \"%s\" is no record; --json shows it\n", q->id);
	return EX_DATAERR;
}

static int look_up(const struct question *q, const struct options *o, struct store *store, struct arena *a)
{
	struct str json;
	switch (store_find_record(store, str_of(q->id), a, &json)) {
	case STORE_OK:
		return print_record(q, json);
	case STORE_NOT_FOUND:
		return not_found(q, o);
	case STORE_UNAVAILABLE:
		break;
	}
	fprintf(stderr, "gatepost why: %.*s cannot be read\n", STR_ARG(o->store));
	return EX_UNAVAILABLE;
}

static int answer(const struct question *q, struct arena *a, struct diags *diags)
{
	const struct options *o = options_load(a, q->config_path, diags);
	if (diags_errors(diags) > 0)
		return EX_CONFIG;
	struct store *store = store_open_reader(o->store, diags);
	if (store == NULL)
		return EX_UNAVAILABLE;
	int code = look_up(q, o, store, a);
	store_close(store);
	return code;
}

int cmd_why(int argc, char **argv)
{
	static const struct option long_options[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct question q = { .config_path = GATEPOST_CONFIG };
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
		if (option == 'c')
			q.config_path = optarg;
		else if (option == 'j')
			q.wants_json = true;
		else
			return cmd_option_error(argv);
	}
	if (optind + 1 != argc)
		return cmd_usage_error(argv[0], optind == argc ? "an id is missing" : "one id at a time");
	q.id = argv[optind];

	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	int code = answer(&q, a, diags);
	for (size_t i = 0; i < diags_count(diags); i++)
		if (diags_at(diags, i)->is_error)
			fprintf(stderr, "%s\n", diag_line(diags, diags_at(diags, i)));
	diags_free(diags);
	arena_free(a);
	return code;
}
