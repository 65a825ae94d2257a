#include "eval/case_reader.h"

static struct str file_name(struct str path)
{
	return str_skip(path, (size_t)(str_find_last(path, '/') + 1));
}

void take_policy(struct reader *r, struct str rest)
{
	struct case_text t = { .name = file_name(rest) };
	if (str_starts(rest, STR("<<")))
		t.name = str_printf(r->arena, "line-%d.conf", r->line);
	text_take(r, rest, r->policy_folder, &t.text);
	VEC_PUSH(r->arena, &r->setup.policies, t);
}

void take_file(struct reader *r, struct str rest)
{
	struct case_text t = { .name = word_take(&rest) };
	if (t.name.n == 0 || str_find(t.name, '/') >= 0)
		case_error(r, "file wants a name without a slash");
	text_take(r, rest, NULL, &t.text);
	VEC_PUSH(r->arena, &r->setup.files, t);
}

void take_option(struct reader *r, struct str rest)
{
	struct case_text t;
	if (!str_cut(rest, '=', &t.name, &t.text))
		case_error(r, "option wants NAME = VALUE");
	t.name = str_trim(t.name);
	t.text = str_trim(t.text);
	VEC_PUSH(r->arena, &r->setup.options, t);
}

static void zone_add(struct reader *r, struct str lines)
{
	r->setup.zone = str_printf(r->arena, "%.*s%.*s\n", STR_ARG(r->setup.zone), STR_ARG(lines));
}

void take_dns(struct reader *r, struct str rest)
{
	zone_add(r, str_starts(rest, STR("<<")) ? block_take(r, str_skip(rest, 2)) : rest);
}

void take_zone(struct reader *r, struct str rest)
{
	struct str text;
	if (text_take(r, rest, NULL, &text))
		zone_add(r, text);
}

void take_time(struct reader *r, struct str rest)
{
	uint64_t seconds;
	if (!str_to_u64(rest, &seconds) || seconds > INT64_MAX)
		case_error(r, "time wants seconds since 1970");
	else
		r->file->time_unix_s = (int64_t)seconds;
}

/* What follows is set up in place of what was, for the next reload. */
void take_forget(struct reader *r, struct str rest)
{
	if (str_eq(rest, STR("policies")))
		r->setup.policies = (struct case_texts){ 0 };
	else if (str_eq(rest, STR("dns")))
		r->setup.zone = STR_EMPTY;
	else
		case_error(r, "forget wants policies or dns");
}

/* Later lines add behind what the copy sees. */
const struct case_setup *setup_now(struct reader *r)
{
	struct case_setup *s = ARENA_NEW(r->arena, struct case_setup);
	*s = r->setup;
	return s;
}
