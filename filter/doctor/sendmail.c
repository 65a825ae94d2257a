/* Sendmail: sendmail.cf as it runs with, or the .mc file that it is made from. */
#include "doctor/patient.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum { READ_REPLY_MS = 10000, END_MS = 300000 /* defaults of T= */, FILE_MAX = 1 << 20 };

struct filter {
	struct str name, equates; /* "S=..., F=T, T=..." */
};

struct filters {
	VEC(struct filter) items;
	struct str order;         /* "gatepost, other" */
};

/* ---- the file ------------------------------------------------------------------------------------------- */

static bool read_file(struct arena *a, const char *path, struct str *text)
{
	char *bytes = arena_alloc(a, FILE_MAX);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	*text = (struct str){ bytes, fread(bytes, 1, FILE_MAX, file) };
	bool ok = ferror(file) == 0;
	fclose(file);
	return ok;
}

/* `NAME', `EQUATES' behind the bracket of a macro. */
static bool quoted(struct str *rest, struct str *text)
{
	struct str before;
	return str_cut(*rest, '`', &before, rest) && str_cut(*rest, '\'', text, rest);
}

static void take_mc_line(struct patient *p, struct filters *f, struct str line)
{
	struct filter one;
	struct str name, value;
	bool is_input = str_starts(line, STR("INPUT_MAIL_FILTER("));
	if ((is_input || str_starts(line, STR("MAIL_FILTER("))) && quoted(&line, &one.name) && quoted(&line, &one.equates)) {
		VEC_PUSH(p->arena, &f->items, one);
		if (is_input)
			f->order = str_printf(p->arena, "%.*s %.*s", STR_ARG(f->order), STR_ARG(one.name));
	} else if (str_starts(line, STR("define(")) && quoted(&line, &name) && quoted(&line, &value) &&
		   str_eq(name, STR("confINPUT_MAIL_FILTERS"))) {
		f->order = value;
	}
}

/* "Xgatepost, S=local:/run/..., F=T, T=R:30s" and "O InputMailFilters=gatepost" */
static void take_cf_line(struct patient *p, struct filters *f, struct str line)
{
	struct filter one;
	struct str option = STR("O InputMailFilters=");
	if (str_starts(line, STR("X")) && str_cut(str_skip(line, 1), ',', &one.name, &one.equates))
		VEC_PUSH(p->arena, &f->items, one);
	else if (str_starts(line, option))
		f->order = str_skip(line, option.n);
}

/* ---- what it says --------------------------------------------------------------------------------------- */

/* "30s", "5m"; without a unit seconds. */
static int64_t time_ms(struct str text)
{
	int64_t amount, unit_ms = 1000;
	char unit = text.n == 0 ? 0 : text.p[text.n - 1];
	if (!char_is_digit(unit)) {
		unit_ms = unit == 'm' ? 60000 : unit == 'h' ? 3600000 : 1000;
		text = str_sub(text, 0, text.n == 0 ? 0 : text.n - 1);
	}
	return str_to_i64(text, &amount) && amount < 1000000 ? amount * unit_ms : 0;
}

/* "C:5m;S:30s;R:30s;E:5m" */
static void take_times(struct milter *m, struct str text)
{
	struct str item, letter, value;
	while (str_next(&text, ';', &item)) {
		if (!str_cut(item, ':', &letter, &value))
			continue;
		if (str_eq(str_trim(letter), STR("R")))
			m->command_ms = time_ms(str_trim(value));
		else if (str_eq(str_trim(letter), STR("E")))
			m->content_ms = time_ms(str_trim(value));
	}
}

static struct str action_of(struct str flag)
{
	if (str_eq(flag, STR("T")))
		return STR("tempfail");
	if (str_eq(flag, STR("R")))
		return STR("reject");
	return str_eq(flag, STR("4")) ? STR("shutdown") : STR("accept");
}

static struct milter read_milter(struct patient *p, struct str equates)
{
	struct milter m = {
		.written = STR_EMPTY, .path = STR_EMPTY, .default_action = STR("accept"),
		.command_ms = READ_REPLY_MS, .content_ms = END_MS,
	};
	struct str item, name, value, scheme;
	while (str_next(&equates, ',', &item)) {
		str_cut(str_trim(item), '=', &name, &value);
		if (str_eq(name, STR("S")))
			m.written = str_trim(value);
		else if (str_eq(name, STR("F")))
			m.default_action = action_of(str_trim(value));
		else if (str_eq(name, STR("T")))
			take_times(&m, value);
	}
	if (str_starts(m.written, STR("local:")) || str_starts(m.written, STR("unix:")))
		str_cut(m.written, ':', &scheme, &m.path);
	else if (str_starts(m.written, STR("/")))
		m.path = m.written;
	milter_relate(p, &m);
	return m;
}

static void take_order(struct patient *p, const struct filters *f)
{
	struct hook h = { .name = STR("sendmail"), .milters_setting = STR("INPUT_MAIL_FILTER"), .is_submission = true };
	struct str rest = f->order, name;
	while (list_next(&rest, &name))
		for (size_t i = 0; i < f->items.count; i++)
			if (str_eq(str_trim(f->items.items[i].name), name))
				VEC_PUSH(p->arena, &h.milters, read_milter(p, f->items.items[i].equates));
	VEC_PUSH(p->arena, &p->hooks, h);
}

void sendmail_read(struct patient *p)
{
	const char *path = p->settings->sendmail_file != NULL ? p->settings->sendmail_file : "/etc/mail/sendmail.cf";
	struct str text, line;
	struct filters f = { .order = STR_EMPTY };
	p->mta = MTA_SENDMAIL;
	p->mta_problem = STR_EMPTY;
	if (!read_file(p->arena, path, &text)) {
		p->mta_problem = str_printf(p->arena, "%s: %s", path, strerror(errno));
		return;
	}
	bool is_mc = str_ends_nocase(str_of(path), STR(".mc"));
	while (str_next(&text, '\n', &line)) {
		if (is_mc)
			take_mc_line(p, &f, str_trim(line));
		else
			take_cf_line(p, &f, line);
	}
	take_order(p, &f);
}
