#include "eval/case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/nametab.h"
#include "mail/reply.h"

enum { CASE_BYTES_MAX = 16 << 20, PAD_BYTES_MAX = 64 << 20, NTH_MAX = 4096 };

const char *const case_event_words[EVENT_COUNT] = {
	"connect", "helo", "mail", "rcpt", "data", "headers", "message", "unknown", "abort", "quit", "drop", "reload",
};

const char *const case_outcome_words[OUTCOME_COUNT] = {
	"continue", "accept", "reject", "defer", "discard", "quarantine", "refused",
};

/* A list that grows in the arena. */
struct list {
	void *items;
	size_t count, room;
};

struct reader {
	struct arena *arena;
	struct diags *diags;
	const char *path, *folder, *policy_folder;
	struct str rest;                 /* of the file */
	int line;
	struct str answer;               /* behind "->" of this line; p NULL: none */
	struct case_file *file;
	struct list events, macros, checks;
	struct list policies, files, options, zone; /* set-up so far */
	struct list header_pads, body_pads;
	size_t pad_bytes;                /* in the whole file */
	unsigned times;
	bool has_errors;
};

struct pad {
	uint64_t count;
	struct str text;
};

static void *list_add(struct reader *r, struct list *l, size_t item_bytes)
{
	if (l->count == l->room) {
		size_t room = l->room == 0 ? 8 : l->room * 2;
		void *items = arena_array(r->arena, room, item_bytes);
		if (l->count > 0)
			memcpy(items, l->items, l->count * item_bytes);
		l->items = items;
		l->room = room;
	}
	return (char *)l->items + l->count++ * item_bytes;
}

static struct place here(const struct reader *r)
{
	return (struct place){ .file = r->path, .line = r->line };
}

#define error(r, ...) (diag_error((r)->diags, here(r), __VA_ARGS__), (r)->has_errors = true)

bool case_slurp(struct arena *a, const char *path, size_t max_bytes, struct str *out)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = fstat(fd, &st) == 0;
	if (ok && (!S_ISREG(st.st_mode) || (size_t)st.st_size > max_bytes)) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		ok = false;
	}
	if (ok) {
		char *bytes = arena_alloc(a, (size_t)st.st_size + 1);
		size_t have = 0;
		ssize_t n;
		while (have < (size_t)st.st_size && (n = read(fd, bytes + have, (size_t)st.st_size - have)) > 0)
			have += (size_t)n;
		*out = (struct str){ bytes, have };
		ok = have == (size_t)st.st_size;
	}
	close(fd);
	return ok;
}

/* --- pieces of a line --- */

static struct str word_take(struct str *rest)
{
	struct str s = str_trim(*rest);
	size_t n = 0;
	while (n < s.n && !char_is_space(s.p[n]))
		n++;
	*rest = str_trim(str_skip(s, n));
	return str_sub(s, 0, n);
}

static bool line_next(struct reader *r, struct str *line)
{
	if (!str_next(&r->rest, '\n', line))
		return false;
	r->line++;
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

/* The lines up to the one that is the end word alone. */
static struct str block_take(struct reader *r, struct str end)
{
	const char *start = r->rest.p;
	int start_line = r->line;
	struct str line;
	while (line_next(r, &line)) {
		if (str_eq(line, end))
			return (struct str){ start, (size_t)(line.p - start) };
	}
	r->line = start_line;
	error(r, "no line %.*s ends this block", STR_ARG(end));
	return STR_EMPTY;
}

/* "<<END" or a file's name. False after a diagnostic. */
static bool text_take(struct reader *r, struct str rest, const char *second_folder, struct str *text)
{
	if (str_starts(rest, STR("<<"))) {
		*text = block_take(r, str_skip(rest, 2));
		return !r->has_errors;
	}
	const char *name = str_to_c(r->arena, rest);
	const char *folders[] = { rest.n > 0 && rest.p[0] == '/' ? "" : r->folder, second_folder };
	for (size_t i = 0; i < 2 && rest.n > 0; i++) {
		if (folders[i] == NULL)
			continue;
		struct str path = str_printf(r->arena, "%s%s%s", folders[i], folders[i][0] != '\0' ? "/" : "", name);
		if (case_slurp(r->arena, path.p, CASE_BYTES_MAX, text))
			return true;
	}
	error(r, "cannot read %s: %s", name, rest.n > 0 ? strerror(errno) : "no file is named");
	return false;
}

bool case_answer_parse(struct str text, struct case_answer *a)
{
	unsigned value;
	struct str rest = text;
	*a = (struct case_answer){ .enhanced = STR_EMPTY, .text = STR_EMPTY };
	if (!nametab_find(case_outcome_words, OUTCOME_COUNT, word_take(&rest), &value))
		return false;
	a->outcome = (enum case_outcome)value;
	if (a->outcome != OUTCOME_REJECT && a->outcome != OUTCOME_DEFER)
		return rest.n == 0;
	uint64_t code;
	struct str after = rest;
	if (str_to_u64(word_take(&after), &code)) {
		if (code / 100 != (a->outcome == OUTCOME_REJECT ? 5 : 4))
			return false;
		a->code = (int)code;
		rest = after;
		struct str enhanced = word_take(&after);
		if (enhanced.n >= 5 && enhanced.p[1] == '.') {
			a->enhanced = enhanced;
			rest = after;
		}
	}
	a->text = rest;
	return true;
}

/* --- set-up --- */

static struct case_text *setup_add(struct reader *r, struct list *l)
{
	return list_add(r, l, sizeof(struct case_text));
}

static void take_policy(struct reader *r, struct str rest)
{
	struct case_text *t = setup_add(r, &r->policies);
	struct str name = rest;
	if (str_starts(rest, STR("<<")))
		name = str_printf(r->arena, "line-%d.conf", r->line);
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '/')
			t->name = str_skip(name, i + 1);
	if (t->name.n == 0)
		t->name = name;
	text_take(r, rest, r->policy_folder, &t->text);
}

static void take_file(struct reader *r, struct str rest)
{
	struct case_text *t = setup_add(r, &r->files);
	t->name = word_take(&rest);
	if (t->name.n == 0 || str_find(t->name, '/') >= 0)
		error(r, "file wants a name without a slash");
	text_take(r, rest, NULL, &t->text);
}

static void take_option(struct reader *r, struct str rest)
{
	struct case_text *t = setup_add(r, &r->options);
	if (!str_cut(rest, '=', &t->name, &t->text))
		error(r, "option wants NAME = VALUE");
	t->name = str_trim(t->name);
	t->text = str_trim(t->text);
}

static void take_dns(struct reader *r, struct str rest)
{
	struct case_text *t = list_add(r, &r->zone, sizeof(*t));
	if (str_starts(rest, STR("<<")))
		t->text = block_take(r, str_skip(rest, 2));
	else
		t->text = str_printf(r->arena, "%.*s\n", STR_ARG(rest));
}

static void take_zone(struct reader *r, struct str rest)
{
	struct case_text *t = list_add(r, &r->zone, sizeof(*t));
	text_take(r, rest, NULL, &t->text);
}

static void take_time(struct reader *r, struct str rest)
{
	uint64_t seconds;
	if (!str_to_u64(rest, &seconds) || seconds > INT64_MAX)
		error(r, "time wants seconds since 1970");
	else
		r->file->time_unix_s = (int64_t)seconds;
}

static struct case_setup *setup_now(struct reader *r)
{
	struct case_setup *s = ARENA_NEW(r->arena, struct case_setup);
	struct case_text *lists[] = { r->policies.items, r->files.items, r->options.items };
	const size_t counts[] = { r->policies.count, r->files.count, r->options.count };
	struct case_text *copies[3];
	for (size_t i = 0; i < 3; i++) {
		copies[i] = arena_array(r->arena, counts[i] + 1, sizeof(struct case_text));
		if (counts[i] > 0)
			memcpy(copies[i], lists[i], counts[i] * sizeof(struct case_text));
	}
	s->policies = copies[0];
	s->files = copies[1];
	s->options = copies[2];
	s->policy_count = counts[0];
	s->file_count = counts[1];
	s->option_count = counts[2];
	s->zone = STR_EMPTY;
	const struct case_text *zone = r->zone.items;
	for (size_t i = 0; i < r->zone.count; i++)
		s->zone = str_printf(r->arena, "%.*s%.*s", STR_ARG(s->zone), STR_ARG(zone[i].text));
	return s;
}

/* --- events --- */

/* Checks belong to the event before them. */
static void event_close(struct reader *r)
{
	if (r->events.count == 0)
		return;
	struct case_event *e = (struct case_event *)r->events.items + r->events.count - 1;
	e->checks = r->checks.items;
	e->check_count = r->checks.count;
	r->checks = (struct list){ 0 };
}

static struct case_event *event_add(struct reader *r, enum case_event_kind kind)
{
	event_close(r);
	if (r->events.count == 0)
		r->file->setup = setup_now(r);
	struct case_event *e = list_add(r, &r->events, sizeof(*e));
	*e = (struct case_event){ .kind = kind, .at = here(r), .times = r->times, .want = { .enhanced = STR_EMPTY } };
	e->macros = r->macros.items;
	e->macro_count = r->macros.count;
	r->macros = (struct list){ 0 };
	r->times = 1;
	if (kind == EVENT_MESSAGE)
		e->want.outcome = OUTCOME_ACCEPT;
	if (r->answer.p != NULL && !case_answer_parse(r->answer, &e->want))
		error(r, "not an answer: %.*s", STR_ARG(r->answer));
	if (kind == EVENT_MESSAGE && e->want.outcome == OUTCOME_CONTINUE)
		e->want.outcome = OUTCOME_ACCEPT;
	r->answer.p = NULL;
	return e;
}

/* A path is one word up to its '>', blanks and all. */
static struct str path_take(struct str *rest)
{
	struct str s = str_trim(*rest);
	ptrdiff_t end = s.n > 0 && s.p[0] == '<' ? str_find(s, '>') : -1;
	if (end < 0)
		return word_take(rest);
	*rest = str_trim(str_skip(s, (size_t)end + 1));
	return str_sub(s, 0, (size_t)end + 1);
}

static void event_args(struct reader *r, struct case_event *e, struct str rest, size_t least)
{
	struct str *args = arena_array(r->arena, 16, sizeof(*args));
	e->args = args;
	while (rest.n > 0 && e->arg_count < 15) {
		args[e->arg_count++] = path_take(&rest);
	}
	if (e->arg_count < least || rest.n > 0)
		error(r, "%s wants %zu to 15 words", case_event_words[e->kind], least);
}

static void take_connect(struct reader *r, struct str rest)
{
	struct case_event *e = event_add(r, EVENT_CONNECT);
	struct str client = word_take(&rest);
	uint64_t port = 0;
	if (!str_eq(client, STR("unknown")) && !ip_parse(client, &e->client))
		error(r, "connect wants an address or unknown, then a host name");
	event_args(r, e, rest, 0);
	if (e->arg_count > 2 || (e->arg_count == 2 && (!str_to_u64(e->args[1], &port) || port > 65535)))
		error(r, "connect ADDRESS [HOST [PORT]]");
	e->port = e->arg_count == 2 ? (uint16_t)port : 40000;
}

static void take_helo(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_HELO), rest, 1);
}

static void take_mail(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_MAIL), rest, 1);
}

static void take_rcpt(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_RCPT), rest, 1);
}

static void take_unknown(struct reader *r, struct str rest)
{
	struct case_event *e = event_add(r, EVENT_UNKNOWN);
	struct str *args = arena_array(r->arena, 1, sizeof(*args));
	args[0] = rest;
	e->args = args;
	e->arg_count = 1;
}

static size_t pads_bytes(const struct list *l)
{
	const struct pad *pads = l->items;
	size_t bytes = 0;
	for (size_t i = 0; i < l->count; i++)
		bytes += (size_t)pads[i].count * (pads[i].text.n + 1);
	return bytes;
}

static char *pads_print(char *p, struct list *l)
{
	const struct pad *pads = l->items;
	for (size_t i = 0; i < l->count; i++)
		for (uint64_t n = 0; n < pads[i].count; n++) {
			p = mempcpy(p, pads[i].text.p, pads[i].text.n);
			*p++ = '\n';
		}
	*l = (struct list){ 0 };
	return p;
}

/* Padding goes behind the header section (before the empty line) and behind the body. */
static struct str padded(struct reader *r, struct str message)
{
	struct str head = message, body = STR_EMPTY;
	for (size_t i = 0; i + 1 < message.n && body.n == 0; i++) {
		size_t blank = message.p[i + 1] == '\r' ? 2 : 1;
		if (message.p[i] == '\n' && i + blank < message.n && message.p[i + blank] == '\n') {
			head = str_sub(message, 0, i + 1);
			body = str_skip(message, i + 1);
		}
	}
	size_t bytes = head.n + body.n + pads_bytes(&r->header_pads) + pads_bytes(&r->body_pads);
	char *out = arena_alloc(r->arena, bytes + 1), *p = out;
	p = pads_print(mempcpy(p, head.p, head.n), &r->header_pads);
	p = pads_print(mempcpy(p, body.p, body.n), &r->body_pads);
	return (struct str){ out, (size_t)(p - out) };
}

static void take_message_of(struct reader *r, enum case_event_kind kind, struct str rest)
{
	struct case_event *e = event_add(r, kind);
	struct str message = STR_EMPTY;
	if (text_take(r, rest, NULL, &message))
		e->message = padded(r, message);
}

static void take_message(struct reader *r, struct str rest)
{
	take_message_of(r, EVENT_MESSAGE, rest);
}

static void take_headers(struct reader *r, struct str rest)
{
	take_message_of(r, EVENT_HEADERS, rest);
}

static void take_data(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_DATA), rest, 0);
}

static void take_abort(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_ABORT), rest, 0);
}

static void take_quit(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_QUIT), rest, 0);
}

static void take_drop(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_DROP), rest, 0);
}

static void take_reload(struct reader *r, struct str rest)
{
	struct case_event *e = event_add(r, EVENT_RELOAD);
	event_args(r, e, rest, 0);
	e->setup = setup_now(r);
}

/* The policies so far are no longer part of the set-up: others follow, for the next reload. */
static void take_forget(struct reader *r, struct str rest)
{
	if (str_eq(rest, STR("policies")))
		r->policies = (struct list){ 0 };
	else if (str_eq(rest, STR("dns")))
		r->zone = (struct list){ 0 };
	else
		error(r, "forget wants policies or dns");
}

static void take_macro(struct reader *r, struct str rest)
{
	struct case_macro *m = list_add(r, &r->macros, sizeof(*m));
	m->name = word_take(&rest);
	m->value = rest.n > 0 ? rest : (struct str){ NULL, 0 };
	if (m->name.n == 0)
		error(r, "macro wants a name, as in {auth_authen}");
}

static void take_repeat(struct reader *r, struct str rest)
{
	uint64_t times;
	if (!str_to_u64(rest, &times) || times < 1 || times > 100000)
		error(r, "repeat wants a number of times for the next event");
	else
		r->times = (unsigned)times;
}

static void take_pad(struct reader *r, struct str rest)
{
	struct str where = word_take(&rest), number = word_take(&rest);
	bool is_fold = str_eq(where, STR("fold")), is_header = is_fold || str_eq(where, STR("header"));
	struct pad p = { .text = is_fold ? str_printf(r->arena, " %.*s", STR_ARG(rest)) : rest };
	if ((!is_header && !str_eq(where, STR("body"))) || !str_to_u64(number, &p.count)) {
		error(r, "pad wants header, fold or body, a number of lines and the line");
		return;
	}
	if (p.count > (PAD_BYTES_MAX - r->pad_bytes) / (p.text.n + 1)) {
		error(r, "more than %d bytes of padding in one case", PAD_BYTES_MAX);
		return;
	}
	r->pad_bytes += (size_t)p.count * (p.text.n + 1);
	struct pad *pad = list_add(r, is_header ? &r->header_pads : &r->body_pads, sizeof(p));
	*pad = p;
}

/* --- checks --- */

static struct case_check *check_add(struct reader *r, enum case_check_kind kind)
{
	struct case_check *c = list_add(r, &r->checks, sizeof(*c));
	*c = (struct case_check){ .kind = kind, .at = here(r), .nth = 1 };
	if (r->events.count == 0)
		error(r, "nothing has happened yet that this could be about");
	return c;
}

static void check_compare(struct reader *r, struct case_check *c, struct str rest)
{
	c->name = word_take(&rest);
	struct str sign = word_take(&rest);
	c->is_part = str_eq(sign, STR("~"));
	c->value = rest;
	if (!c->is_part && !str_eq(sign, STR("=")))
		error(r, "wanted: NAME = VALUE, or NAME ~ PART OF IT");
}

static void take_fact(struct reader *r, struct str rest)
{
	struct case_check *c = check_add(r, CHECK_FACT);
	check_compare(r, c, rest);
	if (fact_find(c->name) == FACT_COUNT)
		error(r, "there is no fact %.*s", STR_ARG(c->name));
}

static void take_record(struct reader *r, struct str rest)
{
	check_compare(r, check_add(r, CHECK_RECORD), rest);
}

static void take_header(struct reader *r, struct str rest)
{
	struct case_check *c = check_add(r, CHECK_HEADER);
	if (!str_cut(rest, ':', &c->name, &c->value))
		error(r, "header wants NAME: PART OF THE VALUE");
	c->name = str_trim(c->name);
	c->value = str_trim(c->value);
}

static void take_no_header(struct reader *r, struct str rest)
{
	check_add(r, CHECK_NO_HEADER)->name = rest;
}

static void take_deleted(struct reader *r, struct str rest)
{
	struct case_check *c = check_add(r, CHECK_DELETED);
	uint64_t nth = 1;
	c->name = word_take(&rest);
	if (rest.n > 0 && (!str_to_u64(rest, &nth) || nth < 1 || nth > NTH_MAX))
		error(r, "deleted wants NAME [NTH]");
	else
		c->nth = (int)nth;
}

/* --- the file --- */

static const struct keyword {
	const char *word;
	void (*take)(struct reader *, struct str rest);
	bool may_answer; /* "-> ..." at the end of the line */
} keywords[] = {
	{ "policy", take_policy, false },
	{ "file", take_file, false },
	{ "option", take_option, false },
	{ "dns", take_dns, false },
	{ "zone", take_zone, false },
	{ "forget", take_forget, false },
	{ "time", take_time, false },
	{ "macro", take_macro, false },
	{ "repeat", take_repeat, false },
	{ "pad", take_pad, false },
	{ "connect", take_connect, true },
	{ "helo", take_helo, true },
	{ "mail", take_mail, true },
	{ "rcpt", take_rcpt, true },
	{ "data", take_data, true },
	{ "headers", take_headers, true },
	{ "message", take_message, true },
	{ "unknown", take_unknown, true },
	{ "abort", take_abort, true },
	{ "quit", take_quit, true },
	{ "drop", take_drop, true },
	{ "reload", take_reload, true },
	{ "fact", take_fact, false },
	{ "record", take_record, false },
	{ "header", take_header, false },
	{ "no-header", take_no_header, false },
	{ "deleted", take_deleted, false },
};

/* Takes " -> ANSWER" off the end. */
static void answer_cut(struct reader *r, struct str *rest)
{
	for (size_t i = 0; i + 1 < rest->n; i++) {
		bool is_word = (i == 0 || char_is_space(rest->p[i - 1])) && (i + 2 == rest->n || char_is_space(rest->p[i + 2]));
		if (rest->p[i] == '-' && rest->p[i + 1] == '>' && is_word) {
			r->answer = str_trim(str_skip(*rest, i + 2));
			*rest = str_trim(str_sub(*rest, 0, i));
			return;
		}
	}
}

static void line_take(struct reader *r, struct str line)
{
	struct str rest = line, word = word_take(&rest);
	if (word.n == 0 || word.p[0] == '#')
		return;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (!str_eq(word, str_of(keywords[i].word)))
			continue;
		if (keywords[i].may_answer)
			answer_cut(r, &rest);
		keywords[i].take(r, rest);
		return;
	}
	error(r, "there is no keyword %.*s", STR_ARG(word));
}

static const char *folder_of(struct arena *a, const char *path)
{
	ptrdiff_t slash = str_find_last(str_of(path), '/');
	return slash < 0 ? "." : str_to_c(a, str_sub(str_of(path), 0, slash == 0 ? 1 : (size_t)slash));
}

const struct case_file *case_read(struct arena *a, const char *path, const char *policy_folder, struct diags *diags)
{
	struct reader r = {
		.arena = a, .diags = diags, .path = str_to_c(a, str_of(path)), .policy_folder = policy_folder, .times = 1,
	};
	r.folder = folder_of(a, r.path);
	r.file = ARENA_NEW(a, struct case_file);
	r.file->path = r.path;
	if (!case_slurp(a, path, CASE_BYTES_MAX, &r.rest)) {
		diag_error(diags, (struct place){ .file = r.path }, "cannot read: %s", strerror(errno));
		return NULL;
	}
	struct str line;
	while (line_next(&r, &line))
		line_take(&r, line);
	event_close(&r);
	if (r.events.count == 0)
		error(&r, "nothing happens in this case");
	r.file->events = r.events.items;
	r.file->event_count = r.events.count;
	return r.has_errors ? NULL : r.file;
}
