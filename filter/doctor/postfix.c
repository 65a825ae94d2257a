/* Postfix, as postconf(1) tells of it: with all defaults, and expanded. */
#include "doctor/patient.h"

#include "base/arena.h"
#include "base/map.h"
#include "doctor/spawn.h"

enum { ARGUMENTS_MAX = 8, FIELDS = 8 };

struct str postfix_parameter(const struct patient *p, const struct service *s, const char *name)
{
	const struct str *value = NULL;
	if (s != NULL)
		value = map_get(s->overrides, str_of(name));
	if (value == NULL && p->parameters != NULL)
		value = map_get(p->parameters, str_of(name));
	return value == NULL ? STR_EMPTY : *value;
}

bool postfix_is_yes(const struct patient *p, const struct service *s, const char *name)
{
	return str_eq_nocase(postfix_parameter(p, s, name), STR("yes"));
}

/* ---- postconf ------------------------------------------------------------------------------------------- */

static bool is_noted(const struct patient *p, struct str warning)
{
	for (size_t i = 0; i < p->mta_warnings.count; i++)
		if (str_eq(p->mta_warnings.items[i], warning))
			return true;
	return false;
}

/* It says some of them often. */
static void note_warnings(struct patient *p, struct str err)
{
	struct str line, mark = STR("postconf: warning: ");
	while (str_next(&err, '\n', &line))
		if (str_starts(line, mark) && !is_noted(p, str_skip(line, mark.n)))
			VEC_PUSH(p->arena, &p->mta_warnings, str_skip(line, mark.n));
}

static bool postconf(struct patient *p, const char *what, struct str *out)
{
	const char *argv[ARGUMENTS_MAX] = { "postconf" };
	size_t n = 1;
	struct spawned done;
	if (p->settings->postfix_folder != NULL) {
		argv[n++] = "-c";
		argv[n++] = p->settings->postfix_folder;
	}
	argv[n++] = "-x";
	if (what != NULL)
		argv[n++] = what;
	if (!spawn(p->arena, argv, &done)) {
		p->mta_problem = STR("postconf cannot be run");
		return false;
	}
	p->mta = MTA_POSTFIX;
	*out = done.out;
	if (what == NULL)
		note_warnings(p, done.err);
	if (done.code != 0)
		p->mta_problem = str_trim(done.err);
	return done.code == 0;
}

/* "name = value" */
static bool take_line(struct patient *p, struct str line, struct str *name, struct str **value)
{
	if (!str_cut(line, '=', name, &line))
		return false;
	*name = str_trim(*name);
	*value = ARENA_NEW(p->arena, struct str);
	**value = str_trim(line);
	return true;
}

static void take_parameters(struct patient *p, struct str text)
{
	struct str line, name, *value;
	p->parameters = map_new(p->arena);
	while (str_next(&text, '\n', &line))
		if (take_line(p, line, &name, &value))
			map_add(p->parameters, name, value);
}

/* ---- master.cf ------------------------------------------------------------------------------------------ */

static bool next_word(struct str *rest, struct str *word)
{
	while (str_next(rest, ' ', word))
		if (word->n > 0)
			return true;
	return false;
}

/* Since compatibility level 1 "-" is no chroot. */
static bool is_chrooted(const struct patient *p, struct str column)
{
	struct str level = postfix_parameter(p, NULL, "compatibility_level");
	if (str_eq(column, STR("-")))
		return str_eq(level, STR("0"));
	return str_eq(column, STR("y"));
}

/* "submission inet n - y - - smtpd -o ..." */
static void take_service(struct patient *p, struct str line)
{
	struct str fields[FIELDS];
	for (size_t i = 0; i < FIELDS; i++)
		if (!next_word(&line, &fields[i]))
			return;
	if (str_eq(fields[7], STR("cleanup")))
		p->is_cleanup_chrooted = is_chrooted(p, fields[4]);
	if (!str_eq(fields[7], STR("smtpd")))
		return;
	VEC_PUSH(p->arena, &p->services,
		 (struct service){ str_printf(p->arena, "%.*s/%.*s", STR_ARG(fields[0]), STR_ARG(fields[1])),
				   is_chrooted(p, fields[4]), map_new(p->arena) });
}

/* "submission/inet/smtpd_milters = ..." */
static void take_override(struct patient *p, struct str line)
{
	struct str name, *value;
	if (!take_line(p, line, &name, &value))
		return;
	ptrdiff_t slash = str_find_last(name, '/');
	for (size_t i = 0; slash > 0 && i < p->services.count; i++)
		if (str_eq(p->services.items[i].name, str_sub(name, 0, (size_t)slash)))
			map_add(p->services.items[i].overrides, str_skip(name, (size_t)slash + 1), value);
}

/* ---- milters -------------------------------------------------------------------------------------------- */

/* "30s", "5m"; without a unit seconds. */
static int64_t time_ms(struct str text)
{
	static const struct { char unit; int64_t ms; } units[] = {
		{ 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 }, { 'w', 604800000 },
	};
	int64_t amount, ms = 1000;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && text.n > 0; i++)
		if (text.p[text.n - 1] == units[i].unit) {
			ms = units[i].ms;
			text.n--;
			break;
		}
	return str_to_i64(text, &amount) && amount < 1000000 ? amount * ms : 0;
}

static void take_setting(struct milter *m, struct str item)
{
	struct str name, value;
	str_cut(item, '=', &name, &value);
	name = str_trim(name);
	value = str_trim(value);
	if (str_eq(name, STR("default_action")))
		m->default_action = value;
	else if (str_eq(name, STR("command_timeout")))
		m->command_ms = time_ms(value);
	else if (str_eq(name, STR("content_timeout")))
		m->content_ms = time_ms(value);
}

/* A path is relative to the queue directory; in a chroot, every path. */
static struct str outside_path(const struct patient *p, const struct hook *h, struct str socket)
{
	struct str queue = postfix_parameter(p, NULL, "queue_directory");
	struct str path = str_skip(socket, sizeof("unix:") - 1);
	if (!str_starts(socket, STR("unix:")))
		return STR_EMPTY;
	if (str_starts(path, STR("/")) && !h->is_chrooted)
		return path;
	return str_printf(p->arena, "%.*s/%.*s", STR_ARG(queue), STR_ARG(str_skip(path, str_starts(path, STR("/")))));
}

void postfix_take_milters(struct patient *p, struct hook *h, struct str list)
{
	const struct service *s = h->service;
	struct str item, inner;
	while (list_next(&list, &item)) {
		struct milter m = {
			.default_action = postfix_parameter(p, s, "milter_default_action"),
			.command_ms = time_ms(postfix_parameter(p, s, "milter_command_timeout")),
			.content_ms = time_ms(postfix_parameter(p, s, "milter_content_timeout")),
		};
		if (!list_next(&item, &m.written))
			continue;
		while (list_next(&item, &inner))
			take_setting(&m, inner);
		m.path = outside_path(p, h, m.written);
		milter_relate(p, &m);
		VEC_PUSH(p->arena, &h->milters, m);
	}
}

static bool has_word(struct str list, struct str word)
{
	struct str item;
	while (list_next(&list, &item))
		if (str_eq(item, word))
			return true;
	return false;
}

static bool is_submission(const struct patient *p, const struct service *s)
{
	static const char *const names[] = { "submission/", "submissions/", "smtps/", "465/", "587/" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_starts(s->name, str_of(names[i])))
			return true;
	return postfix_is_yes(p, s, "smtpd_sasl_auth_enable");
}

static bool is_loopback(struct str name)
{
	return str_starts(name, STR("127.")) || str_starts(name, STR("localhost:")) || str_starts(name, STR("[::1]:"));
}

static void add_hook(struct patient *p, const struct service *s)
{
	bool has_own = map_has(s->overrides, STR("smtpd_milters"));
	struct hook h = {
		.name = s->name,
		.milters_setting = has_own ? str_printf(p->arena, "%.*s/smtpd_milters", STR_ARG(s->name)) : STR("smtpd_milters"),
		.is_submission = is_submission(p, s),
		.is_loopback = is_loopback(s->name),
		.is_switched_off = has_word(postfix_parameter(p, s, "receive_override_options"), STR("no_milters")),
		.is_chrooted = s->is_chrooted,
		.service = s,
	};
	postfix_take_milters(p, &h, postfix_parameter(p, s, "smtpd_milters"));
	VEC_PUSH(p->arena, &p->hooks, h);
}

/* cleanup(8) asks for these; it reads main.cf as all do. */
static void add_local_hook(struct patient *p)
{
	struct hook h = { .name = STR("sendmail(1)"), .milters_setting = STR("non_smtpd_milters"), .is_local = true,
			  .is_chrooted = p->is_cleanup_chrooted };
	postfix_take_milters(p, &h, postfix_parameter(p, NULL, "non_smtpd_milters"));
	VEC_PUSH(p->arena, &p->hooks, h);
}

void postfix_read(struct patient *p)
{
	struct str main_cf, services, overrides, line;
	if (!postconf(p, NULL, &main_cf) || !postconf(p, "-M", &services) || !postconf(p, "-P", &overrides))
		return;
	take_parameters(p, main_cf);
	while (str_next(&services, '\n', &line))
		take_service(p, line);
	while (str_next(&overrides, '\n', &line))
		take_override(p, line);
	for (size_t i = 0; i < p->services.count; i++)
		add_hook(p, &p->services.items[i]);
	add_local_hook(p);
	if (p->services.count == 0)
		p->mta_problem = STR("master.cf has no smtpd");
}
