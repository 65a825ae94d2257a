/* gatepost status, gatepost reload - ask the running daemon. */
#include "cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/diag.h"
#include "cmd_status.h"
#include "option/options.h"
#include "service/control.h"

/* ---- what an answer holds ------------------------------------------------------------------------------- */

int64_t status_number(const json_t *object, const char *a, const char *b)
{
	const json_t *value = json_object_get(object, a);
	return json_integer_value(b == NULL ? value : json_object_get(value, b));
}

const char *status_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text == NULL ? "" : text;
}

void status_print_safe(FILE *out, const char *text)
{
	for (const char *p = text; *p != 0; p++) {
		if (char_is_printable(*p))
			fputc(*p, out);
		else
			fprintf(out, "\\x%02x", (unsigned char)*p);
	}
}

/* ---- status --------------------------------------------------------------------------------------------- */

static void print_decisions(const char *name, const json_t *values)
{
	const char *word;
	json_t *value;
	printf("%-15s", name);
	json_object_foreach((json_t *)(uintptr_t)values, word, value)
		if (json_integer_value(value) > 0 || strcmp(word, "accept") == 0)
			printf(" %s %" JSON_INTEGER_FORMAT, word, json_integer_value(value));
	printf("\n");
}

static void print_listeners(const json_t *status)
{
	size_t i;
	const json_t *l;
	json_array_foreach(json_object_get(status, "listeners"), i, l)
		printf("%-15s %s, process %" PRId64 ", %" PRId64 " connections, %" PRId64 " messages, %" PRId64
		       " restarts, %s\n", status_text(l, "name"), status_text(l, "state"), status_number(l, "pid", NULL),
		       status_number(l, "connections", NULL), status_number(l, "messages", NULL),
		       status_number(l, "restarts", NULL), status_text(l, "socket"));
}

static void print_problems(const json_t *status)
{
	size_t i;
	const json_t *p;
	json_array_foreach(json_object_get(status, "problems"), i, p) {
		printf("%-15s ", i == 0 ? "to look at" : "");
		status_print_safe(stdout, status_text(p, "found"));
		printf("\n%-15s > %s\n", "", status_text(p, "advice"));
	}
}

/* 0, or 1 if there is something to look at. */
static int print_status(const json_t *status)
{
	const json_t *config = json_object_get(status, "config");
	int64_t now = status_number(status, "now_unix_s", NULL);
	printf("gatepost %s on %s, up for %" PRId64 " s\n", status_text(status, "version"), status_text(config, "authserv_id"),
	       now - status_number(status, "started_unix_s", NULL));
	print_problems(status);
	printf("%-15s generation %" PRId64 ", %" PRId64 " rules, %" PRId64 " workflows, loaded %" PRId64 " s ago%s\n",
	       "configuration", status_number(config, "generation", NULL), status_number(config, "rules", NULL),
	       status_number(config, "workflows", NULL), now - status_number(config, "loaded_unix_s", NULL),
	       json_is_true(json_object_get(config, "is_last_reload_good")) ? "" : "; the last reload was refused");
	print_listeners(status);
	print_decisions("last hour", json_object_get(status, "hour"));
	print_decisions("last 24 hours", json_object_get(status, "day"));
	return json_array_size(json_object_get(status, "problems")) > 0 ? 1 : EX_OK;
}

/* ---- asking --------------------------------------------------------------------------------------------- */

static const struct options *options_of(struct arena *a, const char *config_path)
{
	struct diags *diags = diags_new();
	const struct options *o = options_load(a, config_path, diags);
	/* The daemon may run with an older file: what is wrong with this one matters only if it cannot be read. */
	if (!o->is_read)
		diags_print(diags, stderr);
	diags_free(diags);
	return o->is_read ? o : NULL;
}

json_t *status_ask(const char *who, const struct options *o, struct buf *text)
{
	bool is_good = false;
	json_t *status = NULL;
	if (!control_ask(who, o, "GET", "/status.json", text, &is_good))
		return NULL;
	if (is_good)
		status = json_loadb(text->p, text->n, 0, NULL);
	if (status == NULL)
		fprintf(stderr, "gatepost %s: the daemon's answer is not understood; is it of another version?\n", who);
	return status;
}

int status_with_options(const char *config_path, int (*run)(const struct options *, void *), void *context)
{
	struct arena *a = arena_new();
	const struct options *o = options_of(a, config_path);
	int code = o == NULL ? EX_CONFIG : run(o, context);
	arena_free(a);
	return code;
}

static int run_status(const struct options *o, void *wants_json)
{
	struct buf text;
	buf_init(&text, 0);
	json_t *status = status_ask("status", o, &text);
	int code = EX_UNAVAILABLE;
	if (status != NULL && *(const bool *)wants_json) {
		fwrite(text.p, 1, text.n, stdout);
		code = EX_OK;
	} else if (status != NULL) {
		code = print_status(status);
	}
	json_decref(status);
	buf_fini(&text);
	return code;
}

int cmd_status(int argc, char **argv)
{
	static const struct option long_options[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	const char *path = GATEPOST_CONFIG;
	bool wants_json = false;
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
		if (option == 'c')
			path = optarg;
		else if (option == 'j')
			wants_json = true;
		else
			return cmd_option_error(argv);
	}
	if (optind < argc)
		return cmd_usage_error(argv[0], "\"%s\" is too much", argv[optind]);
	return status_with_options(path, run_status, &wants_json);
}

static int run_reload(const struct options *o, void *context)
{
	struct buf said;
	bool is_good = false;
	(void)context;
	buf_init(&said, 0);
	bool is_told = control_ask("reload", o, "POST", "/reload", &said, &is_good);
	fprintf(is_good ? stdout : stderr, "%.*s", (int)said.n, said.n == 0 ? "" : said.p);
	buf_fini(&said);
	return !is_told ? EX_UNAVAILABLE : is_good ? EX_OK : EX_CONFIG;
}

int cmd_reload(int argc, char **argv)
{
	const char *path;
	if (!cmd_options(argc, argv, &path))
		return EX_USAGE;
	return status_with_options(path, run_reload, NULL);
}
