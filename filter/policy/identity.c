#include "policy/identity.h"

#include "base/buf.h"
#include "base/glob.h"
#include "mail/address.h"
#include "mail/header.h"
#include "policy/condition.h"
#include "policy/lists.h"
#include "policy/match.h"
#include "policy/text_set.h"
#include "policy/workflow.h"

/* The fact that each part is written like; for the fields the name in the message. */
static const struct {
	const char *setting;
	enum fact_id like;
	struct str field;
} rows[PART_COUNT] = {
	[PART_MAIL_FROM] = { "mail_from", FACT_MAIL_FROM, { NULL, 0 } },
	[PART_RETURN_PATH_DOMAIN] = { "return_path_domain", FACT_MAIL_DOMAIN, { NULL, 0 } },
	[PART_FROM] = { "from", FACT_FROM_ADDRESS, { "From", 4 } },
	[PART_SENDER] = { "sender", FACT_FROM_ADDRESS, { "Sender", 6 } },
	[PART_REPLY_TO] = { "reply_to", FACT_FROM_ADDRESS, { "Reply-To", 8 } },
};

enum { ALLOWED_SHOWN = 3 };

/* A pattern without '@' would cover domains that nobody meant: "*example.org" those of badexample.org. */
static void check_addresses(struct loader *l, const struct condition *c)
{
	for (size_t i = 0; i < c->literals.count; i++) {
		struct str literal = c->literals.items[i];
		if (str_find(literal, '@') < 0 && !str_eq(literal, STR("*")))
			diag_error(l->diags, c->at, "\"%.*s\" has no @: write \"*@example.org\", or \"*\" for any address",
				   STR_ARG(literal));
	}
}

/* Names of lists say nothing to a client. */
static struct str print_allowed(struct arena *a, const struct condition *c)
{
	struct buf b;
	buf_init(&b, 0);
	for (size_t i = 0; i < c->literals.count && i < ALLOWED_SHOWN; i++)
		buf_printf(&b, "%s%.*s", i == 0 ? "" : " or ", STR_ARG(c->literals.items[i]));
	if (c->literals.count > ALLOWED_SHOWN)
		buf_printf(&b, " or one of %zu more", c->literals.count - ALLOWED_SHOWN);
	struct str text = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return text;
}

static void take_part(struct loader *l, const config_setting_t *group, enum identity_part part, struct identity *identity)
{
	const config_setting_t *s = config_setting_get_member(group, rows[part].setting);
	if (s == NULL)
		return;
	struct condition *c = ARENA_NEW(l->arena, struct condition);
	*c = condition_parse(l, s, rows[part].like);
	if (fact_descs[rows[part].like].type == TYPE_ADDRESS)
		check_addresses(l, c);
	identity->parts[part] = c;
	identity->allowed[part] = print_allowed(l->arena, c);
}

static void set_as_from(struct identity *identity, enum identity_part part)
{
	identity->parts[part] = identity->parts[PART_FROM];
	identity->allowed[part] = identity->allowed[PART_FROM];
}

void identity_parse(struct loader *l, const config_setting_t *group, struct identity *identity)
{
	const char *names[PART_COUNT];
	if (!lc_is_group(group, l->diags))
		return;
	for (enum identity_part part = 0; part < PART_COUNT; part++) {
		names[part] = rows[part].setting;
		take_part(l, group, part, identity);
	}
	lc_check_names(group, names, PART_COUNT, l->diags);
	if (identity->parts[PART_FROM] == NULL)
		diag_error(l->diags, lc_place(l->arena, group), "an identity needs `from`: the addresses that may stand there");
	if (identity->parts[PART_MAIL_FROM] == NULL && identity->parts[PART_RETURN_PATH_DOMAIN] == NULL)
		set_as_from(identity, PART_MAIL_FROM);
	if (identity->parts[PART_SENDER] == NULL)
		set_as_from(identity, PART_SENDER);
	if (identity->parts[PART_REPLY_TO] == NULL)
		set_as_from(identity, PART_REPLY_TO);
}

static bool has(const struct identity *identity, enum identity_part part, struct str address, struct arena *a)
{
	struct matcher m = { .arena = a };
	return identity->parts[part] != NULL && condition_has_address(&m, identity->parts[part], address);
}

bool identity_has_author(const struct identity *identity, struct str address, struct arena *a)
{
	return address.n > 0 && has(identity, PART_FROM, address, a);
}

bool identity_has_sender(const struct identity *identity, const struct facts *facts, struct arena *a)
{
	struct str address = facts_text(facts, FACT_MAIL_FROM), domain = facts_text(facts, FACT_MAIL_DOMAIN);
	/* What is no address may look like one to a pattern. */
	if (!facts_is_true(facts, FACT_MAIL_VALID) || address.n == 0)
		return false;
	return has(identity, PART_MAIL_FROM, address, a) ||
	       (domain.n > 0 && has(identity, PART_RETURN_PATH_DOMAIN, domain, a));
}

/* A blank may stand in front of the colon (RFC 5322 4.5.8), and is part of the name here. */
static bool is_field(const struct header *h, enum identity_part part)
{
	return str_eq_nocase(str_trim(h->name), rows[part].field);
}

bool identity_has_field(const struct identity *identity, enum identity_part part, const struct header_list *headers,
			struct arena *a, struct str *wrong)
{
	*wrong = STR_EMPTY;
	for (size_t i = 0; i < header_list_count(headers); i++) {
		const struct header *h = header_list_at(headers, i);
		if (!is_field(h, part))
			continue;
		struct mailboxes found = mailboxes_parse(a, h->value);
		if (found.status == MAILBOXES_MALFORMED || found.status == MAILBOXES_TOO_MANY)
			return false;
		for (size_t k = 0; k < found.count; k++) {
			if (has(identity, part, found.list[k].address.whole, a))
				continue;
			*wrong = found.list[k].address.whole;
			return false;
		}
	}
	return true;
}

/* The sets of a condition: of its literals (index 0), then of each list. NULL: no literals. */
static const struct text_set *set_at(const struct condition *c, size_t index)
{
	return index == 0 ? c->text_set : c->lists.items[index - 1]->texts;
}

static bool has_domain(const struct workflow_domains *domains, struct str name)
{
	for (size_t i = 0; i < domains->count; i++)
		if (str_eq(domains->items[i].name, name))
			return true;
	return false;
}

/* "bounce+*@example.org", "*@*.example.org", "*"; "example.org" or ".example.org" of a domain. */
static void add_domain(struct arena *a, struct str literal, struct workflow_domains *domains)
{
	ptrdiff_t at = str_find_last(literal, '@');
	struct workflow_domain d = { .name = str_skip(literal, (size_t)(at + 1)), .address = literal };
	d.is_pattern = glob_is_pattern(d.name) || str_starts(d.name, STR("."));
	if (at < 0)
		d.address = str_printf(a, "postmaster@%.*s", STR_ARG(d.name));
	if (has_domain(domains, d.name))
		return;
	if (domains->count < WORKFLOW_DOMAINS_MAX)
		domains->items[domains->count++] = d;
	else
		domains->is_cut = true;
}

void identity_add_domains(const struct identity *identity, enum identity_part part, struct arena *a,
			  struct workflow_domains *domains)
{
	const struct condition *c = identity->parts[part];
	for (size_t i = 0; c != NULL && i <= c->lists.count; i++) {
		const struct text_set *set = set_at(c, i);
		for (size_t k = 0; set != NULL && k < text_set_count(set) && !domains->is_cut; k++)
			add_domain(a, text_set_at(set, k, a), domains);
	}
}

struct str identity_common_author(struct arena *a, const struct identity *one, const struct identity *other)
{
	const struct condition *x = one->parts[PART_FROM], *y = other->parts[PART_FROM];
	struct str common = STR_EMPTY;
	if (x == NULL || y == NULL)
		return common;
	for (size_t i = 0; i <= x->lists.count && common.n == 0; i++)
		for (size_t j = 0; j <= y->lists.count && common.n == 0; j++)
			if (set_at(x, i) != NULL && set_at(y, j) != NULL)
				common = text_set_common(a, set_at(x, i), set_at(y, j));
	return common;
}
