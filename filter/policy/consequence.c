#include "policy/consequence.h"

#include "base/fail.h"
#include "base/nametab.h"
#include "policy/parse.h"

enum argument_kind { KIND_REPLY, KIND_TEMPLATE, KIND_FIELD, KIND_WORD };

enum { WORD_MAX = 64, FIELD_MAX = 76, ARGUMENTS_MAX = 4 };

static const struct argument {
	enum action action;
	const char *name;
	bool is_needed;
	enum argument_kind kind;
} arguments[] = {
#define ARGUMENT(action, name, needed, kind) { ACTION_##action, name, needed, KIND_##kind },
#include "policy/argument_table.def"
#undef ARGUMENT
};

enum { ARGUMENT_COUNT = sizeof(arguments) / sizeof(*arguments) };

static const char *const action_names[] = {
#define ACTION(id, name, first, last, final, reply, doc) name,
#include "policy/action_table.def"
#undef ACTION
};

enum { ACTION_NAMES = sizeof(action_names) / sizeof(*action_names) };

/* RFC 5322 3.6 allows these once, so adding one breaks the message; the others speak for us or the MTA. */
static const char *const fields_not_to_add[] = {
	"date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject",
	"mime-version", "content-type", "content-transfer-encoding", "authentication-results", "dkim-signature",
	"received", "received-spf", "return-path", "arc-seal", "arc-message-signature", "arc-authentication-results",
};

bool word_is_valid(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
			return false;
	return s.n > 0 && s.n <= WORD_MAX;
}

static const char *field_check(struct arena *a, struct str name)
{
	for (size_t i = 0; i < name.n; i++) /* RFC 5322 2.2 */
		if (!char_is_printable(name.p[i]) || name.p[i] == ' ' || name.p[i] == ':')
			return "is no name of a header field";
	if (name.n == 0 || name.n > FIELD_MAX)
		return "is no name of a header field: 1 to 76 bytes";
	unsigned index;
	if (nametab_find(fields_not_to_add, sizeof(fields_not_to_add) / sizeof(*fields_not_to_add), str_lower(a, name),
			 &index))
		return "is a field that a policy may not add";
	return NULL;
}

static const char *reply_check(struct arena *a, enum action action, struct str text, struct reply_template *reply)
{
	const char *wrong = reply_template_parse(a, text, reply);
	int class = action_descs[action].reply_class;
	if (wrong == NULL && reply->code / 100 != class)
		return str_printf(a, "does not go with the action: %s answers %dxx", action_descs[action].name, class).p;
	return wrong == NULL ? NULL : str_printf(a, "is no reply: %s", wrong).p;
}

static const char *template_check(struct arena *a, struct str text)
{
	const char *wrong = text.n == 0 ? "it is empty" : text_template_check(a, text);
	return wrong == NULL ? NULL : str_printf(a, "is no good text: %s", wrong).p;
}

static void take_argument(struct loader *l, const config_setting_t *s, const struct argument *arg,
			  struct consequence *c)
{
	struct str text;
	const char *wrong = NULL;
	if (!lc_text(s, l->diags, &text))
		return;
	text = str_dup(l->arena, text);
	switch (arg->kind) {
	case KIND_REPLY:
		wrong = reply_check(l->arena, c->action, text, &c->reply);
		break;
	case KIND_TEMPLATE:
		wrong = template_check(l->arena, text);
		c->text = wrong == NULL ? text : STR_EMPTY;
		break;
	case KIND_FIELD:
		wrong = field_check(l->arena, text);
		c->name = text;
		break;
	case KIND_WORD:
		wrong = word_is_valid(text) ? NULL : "is no word: up to 64 letters, digits, '-', '_' and '.'";
		c->text = text;
		break;
	}
	if (wrong != NULL)
		diag_error(l->diags, lc_place(l->arena, s), "\"%.*s\" %s", STR_ARG(text), wrong);
}

static void take_arguments(struct loader *l, const config_setting_t *group, struct consequence *c)
{
	const char *names[ARGUMENTS_MAX] = { "action" };
	size_t count = 1;
	for (size_t i = 0; i < ARGUMENT_COUNT; i++) {
		const struct argument *arg = &arguments[i];
		if (arg->action != c->action)
			continue;
		BUG_IF(count == ARGUMENTS_MAX);
		names[count++] = arg->name;
		const config_setting_t *s = config_setting_get_member(group, arg->name);
		if (s != NULL)
			take_argument(l, s, arg, c);
		else if (arg->is_needed)
			diag_error(l->diags, c->at, "%s needs `%s`", action_descs[c->action].name, arg->name);
	}
	lc_check_names(group, names, count, l->diags);
}

/* Without `reply` or `reason`. */
static void set_defaults(struct loader *l, const struct rule *r, struct consequence *c)
{
	if (c->action == ACTION_REJECT && c->reply.code == 0)
		c->reply = (struct reply_template){ 550, STR("5.7.1"), STR("Refused by policy") };
	if (c->action == ACTION_DEFER && c->reply.code == 0)
		c->reply = (struct reply_template){ 451, STR("4.7.1"), STR("Not now by policy, try again later") };
	if (c->action == ACTION_QUARANTINE && c->text.n == 0)
		c->text = str_printf(l->arena, "policy rule %s", r->place.rule);
}

static void consequence_parse(struct loader *l, const config_setting_t *group, struct rule *r)
{
	const config_setting_t *s = config_setting_get_member(group, "action");
	struct consequence c = { .at = lc_place(l->arena, group) };
	unsigned value;
	if (s == NULL)
		diag_error(l->diags, c.at, "an `action` is missing");
	if (!word_parse(l, s, action_names, ACTION_NAMES, &value))
		return;
	c.action = (enum action)(ACTION_CONTINUE + 1 + value);
	take_arguments(l, group, &c);
	set_defaults(l, r, &c);
	VEC_PUSH(l->arena, &r->then, c);
}

void consequences_parse(struct loader *l, const config_setting_t *s, struct rule *r)
{
	if (config_setting_is_group(s)) {
		consequence_parse(l, s, r);
		return;
	}
	if (!lc_is_group_list(s, l->diags))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		consequence_parse(l, config_setting_get_elem(s, (unsigned)i), r);
	if (config_setting_length(s) == 0)
		diag_error(l->diags, lc_place(l->arena, s), "an `action` is missing");
	for (size_t i = 0; i + 1 < r->then.count; i++) {
		const struct consequence *c = &r->then.items[i];
		if (action_descs[c->action].is_final)
			diag_error(l->diags, c->at, "nothing can come behind %s", action_descs[c->action].name);
	}
}

void consequence_facts(const struct consequence *c, void (*use)(void *context, enum fact_id), void *context)
{
	if (c->reply.code != 0)
		reply_template_facts(&c->reply, use, context);
	if (c->action != ACTION_TAG)
		text_template_facts(c->text, use, context);
}
