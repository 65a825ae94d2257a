/* gatepost doctor - what is wrong between MTA, daemon and host, and what to type. */
#include "cmd.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/arena.h"
#include "cmd_wrap.h"
#include "doctor/doctor.h"

enum { INDENT = 9, TEXT_ROOM = 1500 };

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* What to type stays on one line, to be copied. */
static void print_finding(const struct doctor_finding *f, size_t width)
{
	static const char *const marks[DOCTOR_SEVERITY_COUNT] = {
		[DOCTOR_OK] = "ok", [DOCTOR_SKIPPED] = "-", [DOCTOR_WARN] = "warn", [DOCTOR_ERROR] = "ERROR",
	};
	char text[TEXT_ROOM];
	snprintf(text, sizeof(text), "%s: %.*s", f->check, STR_ARG(f->found));
	printf("  %-5s  ", marks[f->severity]);
	cmd_print_wrapped(str_of(text), INDENT, width, stdout);
	if (f->advice.n > 0)
		printf("%*s> %.*s\n", INDENT, "", STR_ARG(f->advice));
}

static void print_table(const struct doctor_report *r)
{
	size_t width = cmd_width(stdout);
	for (size_t i = 0; i < r->count; i++)
		print_finding(&r->items[i], width);
	printf("%zu error%s, %zu warning%s\n", r->errors, plural(r->errors), r->warnings, plural(r->warnings));
}

static json_t *finding_json(const struct doctor_finding *f)
{
	json_t *o = json_object();
	json_object_set_new(o, "check", json_string(f->check));
	json_object_set_new(o, "result", json_string(doctor_severity_words[f->severity]));
	json_object_set_new(o, "found", json_stringn(f->found.p, f->found.n));
	if (f->advice.n > 0)
		json_object_set_new(o, "advice", json_stringn(f->advice.p, f->advice.n));
	return o;
}

static void print_json(const struct doctor_report *r)
{
	json_t *o = json_object(), *list = json_array();
	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(list, finding_json(&r->items[i]));
	json_object_set_new(o, "errors", json_integer((json_int_t)r->errors));
	json_object_set_new(o, "warnings", json_integer((json_int_t)r->warnings));
	json_object_set_new(o, "findings", list);
	json_dumpf(o, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(o);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "config-dir", required_argument, NULL, 'd' }, { "sendmail", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },		{ NULL, 0, NULL, 0 },
	};
	struct doctor_settings settings = { .config_path = GATEPOST_CONFIG };
	bool wants_json = false;
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1)
		switch (option) {
		case 'c':
			settings.config_path = optarg;
			break;
		case 'd':
			settings.postfix_folder = optarg;
			break;
		case 's':
			settings.sendmail_file = optarg;
			break;
		case 'j':
			wants_json = true;
			break;
		default:
			return cmd_option_error(argv);
		}
	if (optind < argc)
		return cmd_usage_error(argv[0], "\"%s\" is too much", argv[optind]);
	if (settings.postfix_folder != NULL && settings.sendmail_file != NULL)
		return cmd_usage_error(argv[0], "either Postfix or Sendmail");
	if (geteuid() != 0)
		fprintf(stderr, "gatepost doctor: run this as root: without, it cannot see what others may and may not do\n");
	struct arena *a = arena_new();
	const struct doctor_report *r = doctor_run(&settings, a);
	if (wants_json)
		print_json(r);
	else
		print_table(r);
	int code = r->errors > 0 ? EX_CONFIG : EX_OK;
	arena_free(a);
	return code;
}
