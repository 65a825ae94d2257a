#include "lib/milter_client.h"

#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "lib/milter_link.h"

enum {
	STAGES = SMFIM_LAST + 1,
	MACROS_MAX = 48,
	EDITS_MAX = 512,
	FLUSH_BYTES = 128 * 1024,
};

struct macro {
	char *name, *value;
};

struct milter_client {
	struct milter_link link;
	uint32_t actions, steps;       /* offered; after negotiation: agreed */
	char *symlists[STAGES];
	struct macro macros[MACROS_MAX];
	size_t macro_count;
	struct arena *arena;           /* of one message: edits */
	struct milter_edit *edits;
	size_t edit_count;
	bool body_skipped, is_message_open;
	char text[1024];               /* of the last reply */
};

const char *const milter_answer_words[MILTER_ANSWER_COUNT] = {
	"continue", "not sent", "no reply", "accept", "discard", "skip", "reply", "broken",
};

/* What Postfix sends at a stage unless the filter asks for something else (postconf -d milter_*_macros). */
static const char *const postfix_symlists[STAGES] = {
	[SMFIM_CONNECT] = "j {daemon_name} {daemon_addr} v _",
	[SMFIM_HELO] = "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
	[SMFIM_ENVFROM] = "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}",
	[SMFIM_ENVRCPT] = "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
	[SMFIM_DATA] = "i",
	[SMFIM_EOM] = "i",
	[SMFIM_EOH] = "i",
};

/* One step: its command, the bits with which a filter leaves it or its reply out, and its macros. */
struct step {
	char command;
	uint32_t no_step, no_reply;
	int stage;
};

static const struct step step_connect = { SMFIC_CONNECT, SMFIP_NOCONNECT, SMFIP_NR_CONN, SMFIM_CONNECT };
static const struct step step_helo = { SMFIC_HELO, SMFIP_NOHELO, SMFIP_NR_HELO, SMFIM_HELO };
static const struct step step_mail = { SMFIC_MAIL, SMFIP_NOMAIL, SMFIP_NR_MAIL, SMFIM_ENVFROM };
static const struct step step_rcpt = { SMFIC_RCPT, SMFIP_NORCPT, SMFIP_NR_RCPT, SMFIM_ENVRCPT };
static const struct step step_data = { SMFIC_DATA, SMFIP_NODATA, SMFIP_NR_DATA, SMFIM_DATA };
static const struct step step_header = { SMFIC_HEADER, SMFIP_NOHDRS, SMFIP_NR_HDR, -1 };
static const struct step step_headers_end = { SMFIC_EOH, SMFIP_NOEOH, SMFIP_NR_EOH, SMFIM_EOH };
static const struct step step_body = { SMFIC_BODY, SMFIP_NOBODY, SMFIP_NR_BODY, -1 };
static const struct step step_end = { SMFIC_BODYEOB, 0, 0, SMFIM_EOM };
static const struct step step_unknown = { SMFIC_UNKNOWN, SMFIP_NOUNKNOWN, SMFIP_NR_UNKN, -1 };

struct milter_client *milter_client_new(int timeout_ms)
{
	struct milter_client *c = fail_if_null(calloc(1, sizeof(*c)));
	link_init(&c->link, timeout_ms);
	c->actions = SMFI_CURR_ACTS;
	c->steps = SMFI_CURR_PROT;
	c->arena = arena_new();
	return c;
}

void milter_client_free(struct milter_client *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->macro_count; i++) {
		free(c->macros[i].name);
		free(c->macros[i].value);
	}
	for (size_t i = 0; i < STAGES; i++)
		free(c->symlists[i]);
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
	c->actions = actions;
	c->steps = steps;
}

static bool symlists_read(struct milter_client *c, struct str data)
{
	while (data.n > 0) {
		uint32_t stage;
		struct str names;
		if (!take_u32(&data, &stage) || stage >= STAGES || !take_text(&data, &names))
			return link_fail(&c->link, "the filter sent a broken list of macros");
		free(c->symlists[stage]);
		c->symlists[stage] = fail_if_null(strndup(names.p, names.n));
	}
	return true;
}

bool milter_client_negotiate(struct milter_client *c)
{
	uint32_t offer[3] = { htonl(SMFI_PROT_VERSION), htonl(c->actions), htonl(c->steps) };
	packet_begin(&c->link, SMFIC_OPTNEG);
	buf_add(&c->link.out, (struct str){ (const char *)offer, sizeof(offer) });
	packet_end(&c->link);
	struct packet p;
	uint32_t version, actions, steps;
	if (!link_flush(&c->link) || !packet_read(&c->link, &p, clock_mono_ms() + c->link.timeout_ms))
		return false;
	if (p.command != SMFIC_OPTNEG || !take_u32(&p.data, &version) || !take_u32(&p.data, &actions) ||
	    !take_u32(&p.data, &steps))
		return link_fail(&c->link, "the filter's negotiation is broken");
	if (version < 2 || version > SMFI_PROT_VERSION)
		return link_fail(&c->link, "the filter speaks protocol version %u", version);
	if ((actions & ~c->actions) != 0 || (steps & ~c->steps) != 0)
		return link_fail(&c->link, "the filter wants what was not offered: actions %x, steps %x", actions & ~c->actions,
			    steps & ~c->steps);
	c->actions = actions;
	c->steps = steps;
	return symlists_read(c, p.data);
}

uint32_t milter_client_actions(const struct milter_client *c)
{
	return c->actions;
}

uint32_t milter_client_steps(const struct milter_client *c)
{
	return c->steps;
}

const char *milter_client_symlist(const struct milter_client *c, unsigned stage)
{
	return stage < STAGES ? c->symlists[stage] : NULL;
}

/* --- macros --- */

static struct macro *macro_find(struct milter_client *c, struct str name)
{
	for (size_t i = 0; i < c->macro_count; i++)
		if (str_eq(str_of(c->macros[i].name), name))
			return &c->macros[i];
	return NULL;
}

void milter_client_macro(struct milter_client *c, const char *name, const char *value)
{
	struct macro *m = macro_find(c, str_of(name));
	if (m == NULL) {
		BUG_IF(c->macro_count == MACROS_MAX);
		m = &c->macros[c->macro_count++];
		m->name = fail_if_null(strdup(name));
	}
	free(m->value);
	m->value = value == NULL ? NULL : fail_if_null(strdup(value));
}

/* Postfix sends them even when the step itself is not wanted. */
static void macros_send(struct milter_client *c, const struct step *step)
{
	const char *names = c->symlists[step->stage] != NULL ? c->symlists[step->stage] : postfix_symlists[step->stage];
	if (names == NULL)
		return;
	packet_begin(&c->link, SMFIC_MACRO);
	buf_add_char(&c->link.out, step->command);
	struct str rest = str_of(names), name;
	while (str_next(&rest, ' ', &name)) {
		const struct macro *m = macro_find(c, name);
		if (m == NULL || m->value == NULL)
			continue;
		packet_add_text(&c->link, name);
		packet_add_text(&c->link, str_of(m->value));
	}
	packet_end(&c->link);
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
		/* MTAs take the text for a format: "%%" means "%". */
		for (size_t i = 0; i < line.n && used < sizeof(c->text); i++) {
			c->text[used++] = line.p[i];
			if (line.p[i] == '%' && i + 1 < line.n && line.p[i + 1] == '%')
				i++;
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
		*bad = (c->actions & kinds[i].action) == 0 || (kinds[i].has_index && !take_u32(&p.data, &e->index)) ||
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

/* False: the filter does not want this step, its macros are sent all the same. */
static bool step_begin(struct milter_client *c, const struct step *step)
{
	if (step->stage >= 0)
		macros_send(c, step);
	if ((c->steps & step->no_step) != 0)
		return false;
	packet_begin(&c->link, step->command);
	return true;
}

static struct milter_answer step_finish(struct milter_client *c, const struct step *step)
{
	packet_end(&c->link);
	if ((c->steps & step->no_reply) == 0)
		return answer_wait(c, step == &step_end);
	if (c->link.out.n > FLUSH_BYTES && !link_flush(&c->link))
		return broken();
	return (struct milter_answer){ .kind = c->link.fd < 0 ? MILTER_BROKEN : MILTER_NO_REPLY };
}

static struct milter_answer step_text(struct milter_client *c, const struct step *step, const struct str *texts,
				      size_t count)
{
	if (!step_begin(c, step))
		return (struct milter_answer){ .kind = MILTER_NOT_SENT };
	for (size_t i = 0; i < count; i++)
		packet_add_text(&c->link, texts[i]);
	return step_finish(c, step);
}

struct milter_answer milter_client_connect(struct milter_client *c, const char *host, struct ip client, uint16_t port)
{
	static const char families[] = { [IP_NONE] = SMFIA_UNKNOWN, [IP_V4] = SMFIA_INET, [IP_V6] = SMFIA_INET6 };
	if (!step_begin(c, &step_connect))
		return (struct milter_answer){ .kind = MILTER_NOT_SENT };
	packet_add_text(&c->link, str_of(host));
	buf_add_char(&c->link.out, families[client.family]);
	if (client.family != IP_NONE) {
		char text[IP_TEXT_MAX];
		uint16_t net_port = htons(port);
		buf_add(&c->link.out, (struct str){ (const char *)&net_port, sizeof(net_port) });
		packet_add_text(&c->link, str_of(ip_print(client, text)));
	}
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
	/* The agreement says who keeps the blank after the colon. */
	if ((c->steps & SMFIP_HDR_LEADSPC) == 0 && str_starts(value, STR(" ")))
		value = str_skip(value, 1);
	struct str texts[] = { name, value };
	return step_text(c, &step_header, texts, 2);
}

struct milter_answer milter_client_headers_end(struct milter_client *c)
{
	return step_text(c, &step_headers_end, NULL, 0);
}

struct milter_answer milter_client_body(struct milter_client *c, struct str bytes)
{
	struct milter_answer a = { .kind = MILTER_NOT_SENT };
	while (bytes.n > 0 && !c->body_skipped && step_begin(c, &step_body)) {
		struct str chunk = str_sub(bytes, 0, MILTER_CHUNK_SIZE);
		bytes = str_skip(bytes, chunk.n);
		buf_add(&c->link.out, chunk);
		a = step_finish(c, &step_body);
		if (a.kind == MILTER_SKIP) {
			if ((c->steps & SMFIP_SKIP) == 0) {
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
