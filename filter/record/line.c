#include "record/line.h"

#include <string.h>

#include "base/buf.h"
#include "base/glob.h"
#include "record/member.h"

enum { VALUE_MAX_BYTES = 320, LISTED_MAX = 16 };

static bool is_safe(char c)
{
	return c > 0x20 && c < 0x7f && c != '=' && c != '<' && c != '>' && c != '[' && c != ']' && c != '\\';
}

void line_add_safe(struct buf *b, struct str value)
{
	static const char hex[] = "0123456789abcdef";
	bool is_long = value.n > VALUE_MAX_BYTES;
	if (value.n == 0)
		buf_add_char(b, '-');
	for (size_t i = 0; i < (is_long ? VALUE_MAX_BYTES : value.n); i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (is_safe(value.p[i]))
			buf_add_char(b, value.p[i]);
		else
			buf_printf(b, "\\x%c%c", hex[c >> 4], hex[c & 15]);
	}
	if (is_long)
		buf_add(b, STR("..."));
}

/* ---- the line -------------------------------------------------------------------------------------------- */

static const struct {
	const char *word, *colour; /* SGR of ECMA-48 */
} decisions[] = {
	{ "accept", "32" },      { "reject", "1;31" },  { "defer", "1;33" },
	{ "quarantine", "1;35" }, { "discard", "1;35" }, { "aborted", "2" },
};
enum { DECISION_COUNT = sizeof(decisions) / sizeof(decisions[0]) };

struct line {
	struct buf buf;
	bool is_coloured;
};

static void begin(struct line *l, const char *colour)
{
	if (l->is_coloured)
		buf_printf(&l->buf, "\033[%sm", colour);
}

static void end(struct line *l)
{
	if (l->is_coloured)
		buf_add(&l->buf, STR("\033[0m"));
}

static void add_label(struct line *l, const char *label)
{
	begin(l, "2");
	buf_printf(&l->buf, " %s=", label);
	end(l);
}

/* Facts that could not be told are "unknown"; what is not there is left out. */
static void add_field(struct line *l, const char *label, const json_t *value)
{
	if (value == NULL)
		return;
	add_label(l, label);
	if (json_is_integer(value))
		buf_printf(&l->buf, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		line_add_safe(&l->buf, json_is_string(value) ? str_of(json_string_value(value)) : STR("unknown"));
}

/* "<a@b>", "<>" for the null sender. */
static void add_path(struct line *l, const char *address)
{
	buf_add_char(&l->buf, '<');
	if (address[0] != '\0')
		line_add_safe(&l->buf, str_of(address));
	buf_add_char(&l->buf, '>');
}

static void add_client(struct line *l, const json_t *record)
{
	const char *name = member_text(record, "client.name"), *ip = member_text(record, "client.ip");
	add_label(l, "client");
	line_add_safe(&l->buf, str_of(name[0] == '\0' ? "unknown" : name));
	buf_add_char(&l->buf, '[');
	line_add_safe(&l->buf, str_of(ip[0] == '\0' ? "unknown" : ip));
	buf_add_char(&l->buf, ']');
}

static void add_recipients(struct line *l, const json_t *record)
{
	const json_t *list = member_at(record, "recipients.list");
	size_t count = (size_t)json_integer_value(member_at(record, "recipients.count")), told = json_array_size(list);
	if (count == 0)
		return;
	add_label(l, "to");
	if (told > LISTED_MAX)
		told = LISTED_MAX;
	for (size_t i = 0; i < told; i++) {
		if (i > 0)
			buf_add_char(&l->buf, ',');
		add_path(l, member_text(json_array_get(list, i), "address"));
	}
	if (count > told)
		buf_printf(&l->buf, ",+%zu", count - told);
}

/* The texts of a list, or one member of its objects. */
static void add_list(struct line *l, const char *label, const json_t *list, const char *member)
{
	for (size_t i = 0; i < json_array_size(list) && i < LISTED_MAX; i++) {
		const json_t *one = json_array_get(list, i);
		if (i == 0)
			add_label(l, label);
		else
			buf_add_char(&l->buf, ',');
		line_add_safe(&l->buf, str_of(member == NULL ? json_string_value(one) : member_text(one, member)));
	}
}

static void add_head(struct line *l, const json_t *record)
{
	const char *queue_id = member_text(record, "message.queue_id"), *word = member_text(record, "disposition");
	const char *colour = "0";
	for (size_t i = 0; i < DECISION_COUNT; i++)
		if (strcmp(word, decisions[i].word) == 0)
			colour = decisions[i].colour;
	begin(l, "2");
	line_add_safe(&l->buf, str_of(member_text(record, "time")));
	end(l);
	buf_add_char(&l->buf, ' ');
	line_add_safe(&l->buf, str_of(queue_id[0] == '\0' ? "NOQUEUE" : queue_id));
	buf_add(&l->buf, STR(": "));
	begin(l, colour);
	line_add_safe(&l->buf, str_of(word));
	end(l);
	buf_add_char(&l->buf, ':');
}

void line_print(const json_t *record, bool is_coloured, FILE *out)
{
	struct line l = { .is_coloured = is_coloured };
	buf_init(&l.buf, 0);
	add_head(&l, record);
	add_field(&l, "stage", member_at(record, "stage"));
	add_client(&l, record);
	add_field(&l, "code", member_at(record, "reply.code"));
	add_field(&l, "esc", member_at(record, "reply.enhanced"));
	add_field(&l, "rule", member_at(record, "decision.rule"));
	if (member_at(record, "mail.from") != NULL) {
		add_label(&l, "from");
		add_path(&l, member_text(record, "mail.from"));
	}
	add_recipients(&l, record);
	add_field(&l, "author", member_at(record, "from.domain"));
	add_field(&l, "login", member_at(record, "auth.login"));
	add_field(&l, "workflow", member_at(record, "workflow.name"));
	add_field(&l, "helo", member_at(record, "helo.name"));
	add_field(&l, "spf", member_at(record, "spf.result"));
	add_field(&l, "dkim", member_at(record, "dkim.result"));
	add_field(&l, "dmarc", member_at(record, "dmarc.result"));
	add_list(&l, "tags", member_at(record, "decision.tags"), NULL);
	add_list(&l, "observed", member_at(record, "decision.observed"), "rule");
	add_field(&l, "id", member_at(record, "id"));
	buf_add_char(&l.buf, '\n');
	fwrite(l.buf.p, 1, l.buf.n, out);
	buf_fini(&l.buf);
}

/* ---- filters --------------------------------------------------------------------------------------------- */

const char *const line_filter_names[FILTER_COUNT] = {
#define FILTER(id, name, kind, members) [FILTER_##id] = name,
#include "record/filter_table.def"
#undef FILTER
};

enum kind { KIND_TEXT, KIND_DOMAIN };

static const struct {
	enum kind kind;
	const char *members;
} filters[FILTER_COUNT] = {
#define FILTER(id, name, kind, members) [FILTER_##id] = { KIND_##kind, members },
#include "record/filter_table.def"
#undef FILTER
};

const char *const *line_decisions(size_t *count)
{
	static const char *words[DECISION_COUNT];
	for (size_t i = 0; i < DECISION_COUNT; i++)
		words[i] = decisions[i].word;
	*count = DECISION_COUNT;
	return words;
}

static bool text_fits(enum kind kind, struct str text, struct str pattern)
{
	if (kind == KIND_TEXT)
		return glob_match(pattern, text);
	struct str domain = str_skip(text, (size_t)(str_find_last(text, '@') + 1));
	while (domain.n > 0 && !glob_match(pattern, domain))
		str_cut(domain, '.', &(struct str){ 0 }, &domain);
	return domain.n > 0;
}

/* Every value that the path leads to. */
static bool any_fits(const json_t *from, struct str path, enum kind kind, struct str pattern)
{
	struct str part;
	if (path.n == 0)
		return json_is_string(from) && text_fits(kind, str_of(json_string_value(from)), pattern);
	str_cut(path, '.', &part, &path);
	if (!str_eq(part, STR("*")))
		return any_fits(json_object_getn(from, part.p, part.n), path, kind, pattern);
	for (size_t i = 0; i < json_array_size(from); i++)
		if (any_fits(json_array_get(from, i), path, kind, pattern))
			return true;
	return false;
}

bool line_fits(const json_t *record, enum line_filter filter, struct str pattern)
{
	struct str members = str_of(filters[filter].members), path;
	while (str_next(&members, ' ', &path))
		if (any_fits(record, path, filters[filter].kind, pattern))
			return true;
	return false;
}
