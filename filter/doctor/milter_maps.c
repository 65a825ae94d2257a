/* smtpd_milter_maps: clients for which Postfix asks other milters, or none. */
#include "doctor/patient.h"

#include "base/arena.h"
#include "doctor/spawn.h"

static bool is_this_host(struct str client)
{
	return str_starts(client, STR("127.")) || str_starts(client, STR("::1")) || str_starts(client, STR("[::1]"));
}

static bool asks_us(struct patient *p, const struct hook *h, struct str list)
{
	struct hook other = { .is_chrooted = h->is_chrooted, .service = h->service };
	postfix_take_milters(p, &other, list);
	for (size_t i = 0; i < other.milters.count; i++)
		if (other.milters.items[i].relation == MILTER_OURS)
			return true;
	return false;
}

/* "192.0.2.0/24 DISABLE", "192.0.2.7 inet:localhost:8891, unix:x" */
static void check_entry(struct patient *p, const struct hook *h, struct str map, struct str line)
{
	size_t n = 0;
	while (n < line.n && !char_is_space(line.p[n]))
		n++;
	struct str client = str_sub(line, 0, n), list = str_trim(str_skip(line, n));
	bool is_none = str_eq_nocase(list, STR("DISABLE"));
	if (client.n == 0 || client.p[0] == '#' || (is_none && is_this_host(client)) || asks_us(p, h, list))
		return;
	complain(p, "%.*s: for clients %.*s smtpd_milter_maps (%.*s) says %.*s: their mail is not judged", STR_ARG(h->name),
		 STR_ARG(client), STR_ARG(map), STR_ARG(list))->advice =
		STR("add Gatepost's socket to that entry, as it stands in smtpd_milters, or take the entry out, if that is not meant");
}

/* What is a text to Postfix is one to us, in a file or in braces; postmap lists the entries of other types. False: it does not. */
static bool list_entries(struct patient *p, struct str map, struct str *entries)
{
	struct spawned done;
	struct str type, name, entry, lines = STR_EMPTY;
	str_cut(map, ':', &type, &name);
	bool is_text = str_eq(type, STR("cidr")) || str_eq(type, STR("regexp")) || str_eq(type, STR("pcre")) ||
		       str_eq(type, STR("texthash"));
	if (is_text && list_next(&(struct str){ name.p, name.n }, &entry) && str_starts(name, STR("{"))) {
		while (list_next(&entry, &name))
			lines = str_printf(p->arena, "%.*s%.*s\n", STR_ARG(lines), STR_ARG(name));
		*entries = lines;
		return true;
	}
	const char *const cat[] = { "cat", "--", str_to_c(p->arena, name), NULL };
	const char *const postmap[] = { "postmap", "-s", str_to_c(p->arena, map), NULL };
	if (!spawn(p->arena, is_text ? cat : postmap, &done))
		return false;
	*entries = done.out;
	return done.code == 0;
}

static void check_map(struct patient *p, const struct hook *h, struct str map)
{
	struct str entries, line;
	if (!list_entries(p, map, &entries))
		complain(p, "%.*s: smtpd_milter_maps: %.*s cannot be listed: for its clients other milters may be asked, or none",
			 STR_ARG(h->name), STR_ARG(map))->advice =
			str_printf(p->arena, "postmap -q ADDRESS '%.*s' tells what is asked for a client", STR_ARG(map));
	else
		while (str_next(&entries, '\n', &line))
			check_entry(p, h, map, line);
}

void check_milter_maps(struct patient *p)
{
	for (size_t i = 0; i < p->hooks.count; i++) {
		const struct hook *h = &p->hooks.items[i];
		struct str maps = h->is_local ? STR_EMPTY : postfix_parameter(p, h->service, "smtpd_milter_maps"), map;
		while (!h->is_switched_off && list_next(&maps, &map))
			check_map(p, h, map);
	}
}
