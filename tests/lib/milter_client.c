#include "lib/milter_client.h"

#include <libmilter/mfdef.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "lib/milter_steps.h"

enum {
	EDITS_MAX = 512,
	FLUSH_BYTES = 128 * 1024,
};

struct milter_client {
	struct milter_link link;
	struct milter_terms terms;
	struct arena *arena;           /* of one message: edits */
	struct milter_edit *edits;
	size_t edit_count;
	bool body_skipped, is_message_open;
	char text[1024];               /* of the last reply */
};

const char *const milter_answer_words[MILTER_ANSWER_COUNT] = {
	"continue", "not sent", "no reply", "accept", "discard", "skip", "reply", "broken",
};

struct milter_client *milter_client_new(int timeout_ms)
{
	struct milter_client *c = fail_if_null(calloc(1, sizeof(*c)));
	link_init(&c->link, timeout_ms);
	terms_init(&c->terms);
	c->arena = arena_new();
	return c;
}

void milter_client_free(struct milter_client *c)
{
	if (c == NULL)
		return;
	terms_fini(&c->terms);
	link_fini(&c->link);
	arena_free(c->arena);
	free(c);
}

void milter_client_drop(struct milter_client *c)
{
	link_drop(&c->link);
}

const char *milter_client_failure(const struct milter_client *c)
{
	return c->link.failure;
}

/* --- connection --- */

bool milter_client_dial(struct milter_client *c, const char *socket_name)
{
	return link_dial(&c->link, socket_name);
}

void milter_client_offer(struct milter_client *c, uint32_t actions, uint32_t steps)
{
	c->terms.actions = actions;
	c->terms.steps = steps;
}

bool milter_client_negotiate(struct milter_client *c)
{
	struct packet p;
	terms_offer(&c->terms, &c->link);
	return link_flush(&c->link) && packet_read(&c->link, &p, clock_mono_ms() + c->link.timeout_ms) &&
	       terms_take(&c->terms, &c->link, p);
}

uint32_t milter_client_actions(const struct milter_client *c)
{
	return c->terms.actions;
}

uint32_t milter_client_steps(const struct milter_client *c)
{
	return c->terms.steps;
}

const char *milter_client_symlist(const struct milter_client *c, unsigned stage)
{
	return stage < MILTER_STAGES ? c->terms.symlists[stage] : NULL;
}

void milter_client_macro(struct milter_client *c, const char *name, const char *value)
{
	terms_macro(&c->terms, name, value);
}

/* --- answers --- */

static struct milter_answer broken(void)
{
	return (struct milter_answer){ .kind = MILTER_BROKEN };
}

bool milter_goes_on(struct milter_answer a)
{
	return a.kind == MILTER_CONTINUE || a.kind == MILTER_NOT_SENT || a.kind == MILTER_NO_REPLY;
}

static bool is_enhanced_code(struct str word, char class)
{
	if (word.n < 5 || word.p[0] != class || word.p[1] != '.')
		return false;
	for (size_t i = 0; i < word.n; i++)
		if (!char_is_digit(word.p[i]) && word.p[i] != '.')
			return false;
	return true;
}

/* "550 5.7.1 text", or several lines "550-5.7.1 text" with CRLF between. */
static struct milter_answer answer_of_reply(struct milter_client *c, struct str data)
{
	struct milter_answer a = { .kind = MILTER_REPLY };
	struct str all, line;
	size_t used = 0;
	if (!take_text(&data, &all) || data.n > 0 || all.n > 16 * 1024) {
		link_fail(&c->link, "the filter's reply is not one text");
		return broken();
	}
	while (str_next(&all, '\n', &line)) {
		uint64_t code;
		line = str_trim(line);
		if (used > 0 && used < sizeof(c->text))
			c->text[used++] = '\n';
		if (!str_to_u64(str_sub(line, 0, 3), &code) || code < 400 || code > 599 ||
		    (a.code != 0 && a.code != (int)code)) {
			link_fail(&c->link, "the filter's reply has no valid code: %.*s", STR_ARG(str_sub(line, 0, 80)));
			return broken();
		}
		a.code = (int)code;
		line = str_skip(line, 4);
		struct str word, text;
		str_cut(line, ' ', &word, &text);
		if (is_enhanced_code(word, (char)('0' + a.code / 100))) {
			a.enhanced = word;
			line = text;
		}
		/* MTAs take the text for a format: "%%" means "%", and what else it means nobody knows. */
		for (size_t i = 0; i < line.n && used < sizeof(c->text); i++) {
			c->text[used++] = line.p[i];
			if (line.p[i] == '%' && (++i == line.n || line.p[i] != '%')) {
				link_fail(&c->link, "the filter's reply has a \"%%\" that is not doubled");
				return broken();
			}
		}
	}
	a.text = (struct str){ c->text, used };
	return a;
}

static struct milter_answer answer_plain(int code, const char *enhanced)
{
	return (struct milter_answer){ .kind = MILTER_REPLY, .code = code, .enhanced = str_of(enhanced), .is_plain = true };
}

static struct milter_answer answer_of_packet(struct milter_client *c, struct packet p)
{
	switch (p.command) {
	case SMFIR_CONTINUE:
		return (struct milter_answer){ .kind = MILTER_CONTINUE };
	case SMFIR_ACCEPT:
		return (struct milter_answer){ .kind = MILTER_ACCEPT };
	case SMFIR_DISCARD:
		return (struct milter_answer){ .kind = MILTER_DISCARD };
	case SMFIR_SKIP:
		return (struct milter_answer){ .kind = MILTER_SKIP };
	case SMFIR_REJECT:
		return answer_plain(550, "5.7.1");
	case SMFIR_TEMPFAIL:
		return answer_plain(451, "4.7.1");
	case SMFIR_SHUTDOWN:
	case SMFIR_CONN_FAIL:
		return answer_plain(421, "4.3.2");
	case SMFIR_REPLYCODE:
		return answer_of_reply(c, p.data);
	default:
		link_fail(&c->link, "the filter answered with an unknown packet 0x%02x", (unsigned char)p.command);
		return broken();
	}
}

static struct milter_edit *edit_new(struct milter_client *c, enum milter_edit_kind kind)
{
	if (c->edits == NULL)
		c->edits = arena_array(c->arena, EDITS_MAX, sizeof(*c->edits));
	if (c->edit_count == EDITS_MAX) {
		link_fail(&c->link, "the filter sent more than %d edits", EDITS_MAX);
		return NULL;
	}
	struct milter_edit *e = &c->edits[c->edit_count++];
	e->kind = kind;
	return e;
}

/* True if the packet is an edit; false with *bad set if it is one that is broken or was not agreed on. */
static bool edit_take(struct milter_client *c, struct packet p, bool *bad)
{
	static const struct {
		char command;
		uint32_t action;
		enum milter_edit_kind kind;
		bool has_index, has_name;
	} kinds[] = {
		{ SMFIR_ADDHEADER, SMFIF_ADDHDRS, EDIT_ADD_HEADER, false, true },
		{ SMFIR_INSHEADER, SMFIF_ADDHDRS, EDIT_INSERT_HEADER, true, true },
		{ SMFIR_CHGHEADER, SMFIF_CHGHDRS, EDIT_CHANGE_HEADER, true, true },
		{ SMFIR_QUARANTINE, SMFIF_QUARANTINE, EDIT_QUARANTINE, false, false },
		{ SMFIR_ADDRCPT, SMFIF_ADDRCPT, EDIT_OTHER, false, false },
		{ SMFIR_DELRCPT, SMFIF_DELRCPT, EDIT_OTHER, false, false },
		{ SMFIR_REPLBODY, SMFIF_CHGBODY, EDIT_OTHER, false, false },
		{ SMFIR_CHGFROM, SMFIF_CHGFROM, EDIT_OTHER, false, false },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].command != p.command)
			continue;
		struct milter_edit *e = edit_new(c, kinds[i].kind);
		*bad = e == NULL;
		if (*bad)
			return false;
		e->command = p.command;
		*bad = (c->terms.actions & kinds[i].action) == 0 || (kinds[i].has_index && !take_u32(&p.data, &e->index)) ||
		       (kinds[i].has_name && !take_text(&p.data, &e->name));
		if (!*bad && e->kind != EDIT_OTHER)
			*bad = !take_text(&p.data, &e->value);
		e->name = str_dup(c->arena, e->name);
		e->value = str_dup(c->arena, e->value);
		if (*bad)
			link_fail(&c->link, "the filter's edit '%c' is broken or was not agreed on", p.command);
		return !*bad;
	}
	return false;
}

/* Every packet of the filter, the progress packets too, restarts the clock, as in an MTA. */
static struct milter_answer answer_wait(struct milter_client *c, bool may_edit)
{
	struct packet p;
	bool bad = false;
	if (!link_flush(&c->link))
		return broken();
	for (;;) {
		if (!packet_read(&c->link, &p, clock_mono_ms() + c->link.timeout_ms))
			return broken();
		if (p.command == SMFIR_PROGRESS || (may_edit && edit_take(c, p, &bad)))
			continue;
		return bad ? broken() : answer_of_packet(c, p);
	}
}

/* --- events --- */

static struct milter_answer step_finish(struct milter_client *c, const struct milter_step *step)
{
	packet_end(&c->link);
	if ((c->terms.steps & step->no_reply) == 0)
		return answer_wait(c, step == &step_end);
	if (c->link.out.n > FLUSH_BYTES && !link_flush(&c->link))
		return broken();
	return (struct milter_answer){ .kind = c->link.fd < 0 ? MILTER_BROKEN : MILTER_NO_REPLY };
}

static struct milter_answer step_text(struct milter_client *c, const struct milter_step *step, const struct str *texts,
				      size_t count)
{
	if (!step_begin(&c->terms, &c->link, step))
		return (struct milter_answer){ .kind = MILTER_NOT_SENT };
	for (size_t i = 0; i < count; i++)
		packet_add_text(&c->link, texts[i]);
	return step_finish(c, step);
}

struct milter_answer milter_client_connect(struct milter_client *c, const char *host, struct ip client, uint16_t port)
{
	if (!step_begin(&c->terms, &c->link, &step_connect))
		return (struct milter_answer){ .kind = MILTER_NOT_SENT };
	step_add_client(&c->link, host, client, port);
	return step_finish(c, &step_connect);
}

struct milter_answer milter_client_helo(struct milter_client *c, const char *name)
{
	struct str text = str_of(name);
	if (c->is_message_open && !milter_client_abort(c)) /* RFC 5321 4.1.4: EHLO resets, and Postfix says so */
		return broken();
	return step_text(c, &step_helo, &text, 1);
}

struct milter_answer milter_client_mail(struct milter_client *c, const struct str *args, size_t count)
{
	arena_reset(c->arena);
	c->edits = NULL;
	c->edit_count = 0;
	c->body_skipped = false;
	c->is_message_open = true;
	return step_text(c, &step_mail, args, count);
}

struct milter_answer milter_client_rcpt(struct milter_client *c, const struct str *args, size_t count)
{
	return step_text(c, &step_rcpt, args, count);
}

struct milter_answer milter_client_data(struct milter_client *c)
{
	return step_text(c, &step_data, NULL, 0);
}

struct milter_answer milter_client_header(struct milter_client *c, struct str name, struct str value)
{
	struct str texts[] = { name, step_header_value(&c->terms, value) };
	return step_text(c, &step_header, texts, 2);
}

struct milter_answer milter_client_headers_end(struct milter_client *c)
{
	return step_text(c, &step_headers_end, NULL, 0);
}

struct milter_answer milter_client_body(struct milter_client *c, struct str bytes)
{
	struct milter_answer a = { .kind = MILTER_NOT_SENT };
	while (bytes.n > 0 && !c->body_skipped && step_begin(&c->terms, &c->link, &step_body)) {
		struct str chunk = str_sub(bytes, 0, MILTER_CHUNK_SIZE);
		bytes = str_skip(bytes, chunk.n);
		buf_add(&c->link.out, chunk);
		a = step_finish(c, &step_body);
		if (a.kind == MILTER_SKIP) {
			if ((c->terms.steps & SMFIP_SKIP) == 0) {
				link_fail(&c->link, "the filter skips the body without having agreed to");
				return broken();
			}
			c->body_skipped = true;
			a.kind = MILTER_CONTINUE;
		}
		if (!milter_goes_on(a))
			break;
	}
	return a;
}

struct milter_answer milter_client_end(struct milter_client *c)
{
	c->is_message_open = false;
	return step_text(c, &step_end, NULL, 0);
}

struct milter_answer milter_client_unknown(struct milter_client *c, const char *command)
{
	struct str text = str_of(command);
	return step_text(c, &step_unknown, &text, 1);
}

static bool send_alone(struct milter_client *c, char command)
{
	packet_begin(&c->link, command);
	packet_end(&c->link);
	return link_flush(&c->link);
}

bool milter_client_abort(struct milter_client *c)
{
	c->is_message_open = false;
	return send_alone(c, SMFIC_ABORT);
}

bool milter_client_quit(struct milter_client *c)
{
	bool sent = send_alone(c, SMFIC_QUIT);
	milter_client_drop(c);
	return sent;
}

bool milter_client_quit_next(struct milter_client *c)
{
	return send_alone(c, SMFIC_QUIT_NC);
}

size_t milter_client_edit_count(const struct milter_client *c)
{
	return c->edit_count;
}

const struct milter_edit *milter_client_edit_at(const struct milter_client *c, size_t i)
{
	return i < c->edit_count ? &c->edits[i] : NULL;
}
