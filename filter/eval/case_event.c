#include "eval/case_reader.h"

#include <string.h>

#include "base/arena.h"

enum { ARGS_MAX = 15, PAD_BYTES_MAX = 64 << 20 };

void event_close(struct reader *r)
{
	if (r->events.count == 0)
		return;
	struct case_event *e = &r->events.items[r->events.count - 1];
	e->checks = r->checks.items;
	e->check_count = r->checks.count;
	memset(&r->checks, 0, sizeof(r->checks));
}

static struct case_event *event_add(struct reader *r, enum case_event_kind kind)
{
	event_close(r);
	if (r->events.count == 0)
		r->file->setup = setup_now(r);
	VEC_PUSH(r->arena, &r->events, (struct case_event){ .kind = kind, .at = case_place(r), .times = r->times });
	struct case_event *e = &r->events.items[r->events.count - 1];
	e->macros = r->macros.items;
	e->macro_count = r->macros.count;
	memset(&r->macros, 0, sizeof(r->macros));
	r->times = 1;
	if (kind == EVENT_MESSAGE)
		e->want.outcome = OUTCOME_ACCEPT;
	if (r->answer.p != NULL && !case_answer_parse(r->answer, &e->want))
		case_error(r, "not an answer: %.*s", STR_ARG(r->answer));
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
	struct str *args = arena_array(r->arena, ARGS_MAX, sizeof(*args));
	e->args = args;
	while (rest.n > 0 && e->arg_count < ARGS_MAX) {
		args[e->arg_count++] = path_take(&rest);
	}
	if (e->arg_count < least || rest.n > 0)
		case_error(r, "%s wants %zu to %d words", case_event_words[e->kind], least, ARGS_MAX);
}

void take_connect(struct reader *r, struct str rest)
{
	struct case_event *e = event_add(r, EVENT_CONNECT);
	struct str client = word_take(&rest);
	uint64_t port = 0;
	if (!str_eq(client, STR("unknown")) && !ip_parse(client, &e->client))
		case_error(r, "connect wants an address or unknown, then a host name");
	event_args(r, e, rest, 0);
	if (e->arg_count > 2 || (e->arg_count == 2 && (!str_to_u64(e->args[1], &port) || port > 65535)))
		case_error(r, "connect ADDRESS [HOST [PORT]]");
	e->port = e->arg_count == 2 ? (uint16_t)port : 40000;
}

void take_helo(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_HELO), rest, 1);
}

void take_mail(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_MAIL), rest, 1);
}

void take_rcpt(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_RCPT), rest, 1);
}

void take_unknown(struct reader *r, struct str rest)
{
	struct case_event *e = event_add(r, EVENT_UNKNOWN);
	struct str *args = arena_array(r->arena, 1, sizeof(*args));
	args[0] = rest;
	e->args = args;
	e->arg_count = 1;
}

static size_t pads_bytes(const struct pads *l)
{
	size_t bytes = 0;
	for (size_t i = 0; i < l->count; i++)
		bytes += (size_t)l->items[i].count * (l->items[i].text.n + 1);
	return bytes;
}

static char *pads_print(char *p, struct pads *l)
{
	for (size_t i = 0; i < l->count; i++)
		for (uint64_t n = 0; n < l->items[i].count; n++) {
			p = mempcpy(p, l->items[i].text.p, l->items[i].text.n);
			*p++ = '\n';
		}
	*l = (struct pads){ 0 };
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

void take_message(struct reader *r, struct str rest)
{
	take_message_of(r, EVENT_MESSAGE, rest);
}

void take_headers(struct reader *r, struct str rest)
{
	take_message_of(r, EVENT_HEADERS, rest);
}

void take_data(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_DATA), rest, 0);
}

void take_abort(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_ABORT), rest, 0);
}

void take_quit(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_QUIT), rest, 0);
}

void take_drop(struct reader *r, struct str rest)
{
	event_args(r, event_add(r, EVENT_DROP), rest, 0);
}

void take_reload(struct reader *r, struct str rest)
{
	struct case_event *e = event_add(r, EVENT_RELOAD);
	event_args(r, e, rest, 0);
	e->setup = setup_now(r);
}

void take_macro(struct reader *r, struct str rest)
{
	struct case_macro m = { .name = word_take(&rest) };
	if (rest.n > 0)
		m.value = rest;
	if (m.name.n == 0)
		case_error(r, "macro wants a name, as in {auth_authen}");
	VEC_PUSH(r->arena, &r->macros, m);
}

void take_repeat(struct reader *r, struct str rest)
{
	uint64_t times;
	if (!str_to_u64(rest, &times) || times < 1 || times > 100000)
		case_error(r, "repeat wants a number of times for the next event");
	else
		r->times = (unsigned)times;
}

void take_pad(struct reader *r, struct str rest)
{
	struct str where = word_take(&rest), number = word_take(&rest);
	bool is_fold = str_eq(where, STR("fold")), is_header = is_fold || str_eq(where, STR("header"));
	struct pad p = { .text = is_fold ? str_printf(r->arena, " %.*s", STR_ARG(rest)) : rest };
	if ((!is_header && !str_eq(where, STR("body"))) || !str_to_u64(number, &p.count)) {
		case_error(r, "pad wants header, fold or body, a number of lines and the line");
		return;
	}
	if (p.count > (PAD_BYTES_MAX - r->pad_bytes) / (p.text.n + 1)) {
		case_error(r, "more than %d bytes of padding in one case", PAD_BYTES_MAX);
		return;
	}
	r->pad_bytes += (size_t)p.count * (p.text.n + 1);
	VEC_PUSH(r->arena, is_header ? &r->header_pads : &r->body_pads, p);
}
