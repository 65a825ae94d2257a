#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "option/listener.h"
#include "option/value.h"

struct unit {
	int64_t factor;
	const char *name;
};

static const struct unit size_units[] = { { 1 << 30, "GB" }, { 1 << 20, "MB" }, { 1 << 10, "KB" }, { 1, "B" } };
static const struct unit duration_units[] = {
	{ 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" },
};

/* In the largest unit that leaves no remainder. */
static struct str with_unit(struct arena *a, const struct unit *unit, int64_t number)
{
	while (unit->factor > 1 && (number == 0 || number % unit->factor != 0))
		unit++;
	return str_printf(a, "%" PRId64 "%s", number / unit->factor, unit->name);
}

struct str option_print_number(struct arena *a, const struct option_desc *desc, int64_t number)
{
	if (desc->type == OPTION_SIZE)
		return with_unit(a, size_units, number);
	if (desc->type == OPTION_DURATION)
		return with_unit(a, duration_units, number);
	return str_printf(a, "%" PRId64, number);
}

static void print_text(struct str text, FILE *out)
{
	fputc('"', out);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c >= 0 && c < 0x20)
			fprintf(out, "\\x%02x", (unsigned)c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void print_listeners(const struct listeners *list, FILE *out)
{
	fprintf(out, "( ");
	for (size_t i = 0; i < list->count; i++) {
		const struct listener *l = &list->items[i];
		fprintf(out, "%s{ socket = ", i == 0 ? "" : ", ");
		print_text(l->socket, out);
		fprintf(out, "; role = \"%s\"; ", listen_role_words[l->role]);
		if (listener_unix_path(l).n > 0) {
			fprintf(out, "group = ");
			print_text(l->group, out);
			fprintf(out, "; mode = \"0%o\"; ", l->mode);
		}
		fprintf(out, "peer_trusted = %s; }", l->peer_trusted ? "true" : "false");
	}
	fprintf(out, " )");
}

static void print_nets(const struct ip_set *set, FILE *out)
{
	struct arena *a = arena_new();
	fputc('[', out);
	for (size_t i = 0; i < ip_set_count(set); i++)
		fprintf(out, "%s \"%s\"", i == 0 ? "" : ",", ip_net_print(a, ip_set_at(set, i)).p);
	fputs(" ]", out);
	arena_free(a);
}

static void print_number(const struct option_desc *desc, int64_t number, FILE *out)
{
	struct arena *a = arena_new();
	const char *quote = desc->type == OPTION_INT ? "" : "\"";
	fprintf(out, "%s%s%s", quote, option_print_number(a, desc, number).p, quote);
	arena_free(a);
}

void option_print(const struct option_desc *desc, const struct options *o, FILE *out)
{
	const void *value = (const char *)o + desc->offset;
	switch (desc->type) {
	case OPTION_STRING:
	case OPTION_FILE:
	case OPTION_FOLDER:
	case OPTION_WORD:
		print_text(*(const struct str *)value, out);
		break;
	case OPTION_INT:
	case OPTION_SIZE:
	case OPTION_DURATION:
		print_number(desc, *(const int64_t *)value, out);
		break;
	case OPTION_BOOL:
		fputs(*(const bool *)value ? "true" : "false", out);
		break;
	case OPTION_STRINGS: {
		const struct strings *list = value;
		fputc('[', out);
		for (size_t i = 0; i < list->count; i++) {
			fputs(i == 0 ? " " : ", ", out);
			print_text(list->items[i], out);
		}
		fputs(" ]", out);
		break;
	}
	case OPTION_NETS:
		print_nets(*(const struct ip_set *const *)value, out);
		break;
	case OPTION_LISTEN:
		print_listeners(value, out);
		break;
	}
}

/* Rows of a group stand together in the table. */
void options_dump(const struct options *o, FILE *out)
{
	struct arena *a = arena_new();
	struct options *standard = ARENA_NEW(a, struct options);
	struct str open_group = STR_EMPTY;
	standard->folder = o->folder;
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_desc *desc = &option_descs[i];
		struct str group, name;
		if (!str_cut(str_of(desc->name), '.', &group, &name)) {
			name = group;
			group = STR_EMPTY;
		}
		if (!str_eq(group, open_group)) {
			fputs(open_group.n > 0 ? "};\n" : "", out);
			if (group.n > 0)
				fprintf(out, "%.*s = {\n", STR_ARG(group));
			open_group = group;
		}
		option_set_default(a, standard, desc);
		fprintf(out, "%s%.*s = ", group.n > 0 ? "\t" : "", STR_ARG(name));
		option_print(desc, o, out);
		fprintf(out, ";%s\n", option_is_equal(desc, o, standard) ? " # default" : "");
	}
	fputs(open_group.n > 0 ? "};\n" : "", out);
	arena_free(a);
}
