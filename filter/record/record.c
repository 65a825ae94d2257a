/* The readable line, and decision ids. */
#include "record/record.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/rand.h"
#include "record/line.h"

void decision_id_make(char out[static DECISION_ID_LENGTH + 1])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* without i, l, o, u */
	enum { TIME_LENGTH = 7 };
	uint64_t seconds = (uint64_t)clock_unix_s();
	unsigned char random[DECISION_ID_LENGTH - TIME_LENGTH];
	rand_bytes(random, sizeof(random));
	for (int i = TIME_LENGTH - 1; i >= 0; i--, seconds >>= 5)
		out[i] = digits[seconds & 31];
	for (size_t i = 0; i < sizeof(random); i++)
		out[TIME_LENGTH + i] = digits[random[i] & 31];
	out[DECISION_ID_LENGTH] = '\0';
}

enum { LISTED_MAX = 16 };

static void add_name(struct buf *b, const char *name)
{
	buf_add_char(b, ' ');
	buf_add(b, str_of(name));
	buf_add_char(b, '=');
}

static void add_field(struct buf *b, const char *name, struct str value)
{
	add_name(b, name);
	line_add_safe(b, value);
}

static void add_text_fact(struct buf *b, const char *name, const struct facts *f, enum fact_id id)
{
	struct str value = facts_text(f, id);
	if (value.n > 0)
		add_field(b, name, value);
}

static void add_result(struct buf *b, const char *name, const struct facts *f, enum fact_id id)
{
	const struct fact_value *v = facts_get(f, id);
	if (v->state != FACT_VALUE && v->state != FACT_UNKNOWN)
		return;
	add_name(b, name);
	buf_add(b, str_of(v->state == FACT_VALUE ? result_words[v->result] : "unknown"));
}

/* Always there and before anything that a peer chose freely, so that fail2ban finds the address in one place. */
static void add_client(struct buf *b, const struct facts *f)
{
	char ip[IP_TEXT_MAX];
	const struct fact_value *v = facts_get(f, FACT_CLIENT_IP);
	struct str name = facts_text(f, FACT_CLIENT_NAME);
	add_field(b, "client", name.n > 0 ? name : STR("unknown"));
	buf_printf(b, "[%s]", v->state == FACT_VALUE ? ip_print(v->ip, ip) : "unknown");
}

static void add_sender(struct buf *b, const struct facts *f)
{
	if (facts_get(f, FACT_MAIL_FROM)->state != FACT_VALUE)
		return;
	struct str from = facts_text(f, FACT_MAIL_FROM);
	buf_add(b, STR(" from=<"));
	if (from.n > 0)
		line_add_safe(b, from);
	buf_add_char(b, '>');
}

static void add_tags(struct buf *b, const struct decision *d)
{
	size_t shown = 0;
	for (size_t i = 0; i < d->effect_count && shown < LISTED_MAX; i++) {
		if (d->effects[i].action != ACTION_TAG)
			continue;
		buf_add(b, shown++ == 0 ? STR(" tags=") : STR(","));
		line_add_safe(b, d->effects[i].value);
	}
}

static void add_observed(struct buf *b, const struct decision *d)
{
	for (size_t i = 0; i < d->observed_count && i < LISTED_MAX; i++) {
		buf_add(b, i == 0 ? STR(" observed=") : STR(","));
		line_add_safe(b, str_of(d->observed[i].from.rule));
	}
}

struct str record_text(struct arena *a, const struct record *r)
{
	struct buf b;
	const struct facts *f = r->facts;
	struct str queue_id = facts_text(f, FACT_MESSAGE_QUEUE_ID);
	buf_init(&b, 0);
	line_add_safe(&b, queue_id.n > 0 ? queue_id : STR("NOQUEUE"));
	buf_printf(&b, ": %s: stage=%s", r->disposition, stage_words[r->stage]);
	add_client(&b, f);
	if (r->reply.code != 0) {
		buf_printf(&b, " code=%d", r->reply.code);
		add_field(&b, "esc", r->reply.enhanced);
	}
	add_field(&b, "rule", str_of(r->decision.from.rule));
	add_sender(&b, f);
	add_text_fact(&b, "author", f, FACT_FROM_DOMAIN);
	add_text_fact(&b, "login", f, FACT_AUTH_LOGIN);
	add_text_fact(&b, "workflow", f, FACT_WORKFLOW_NAME);
	add_text_fact(&b, "helo", f, FACT_HELO_NAME);
	if (r->recipient_count > 0)
		buf_printf(&b, " rcpts=%zu", r->recipient_count);
	add_result(&b, "spf", f, FACT_SPF_RESULT);
	add_result(&b, "dkim", f, FACT_DKIM_RESULT);
	add_result(&b, "dmarc", f, FACT_DMARC_RESULT);
	add_tags(&b, &r->decision);
	add_observed(&b, &r->decision);
	add_field(&b, "id", r->id);
	struct str line = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return line;
}
