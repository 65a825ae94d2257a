#include "mail/hygiene.h"

#include "base/clock.h"
#include "config/snapshot.h"
#include "mail/date.h"
#include "mail/unsubscribe.h"
#include "session/state.h"

enum { FIELD_NAME_SHOWN_BYTES = 128 };

static const enum fact_id line_facts[] = { FACT_MESSAGE_LONGEST_LINE, FACT_MESSAGE_BARE_CR, FACT_MESSAGE_BARE_LF };

static void take_date(struct session *s)
{
	struct message *m = s->message;
	int64_t date_unix_s;
	enum date_status status = date_of(s->message_arena, m->headers, &date_unix_s);
	facts_set_text(m->facts, FACT_DATE_STATUS, str_of(date_status_words[status]));
	if (status == DATE_OK)
		facts_set_int(m->facts, FACT_DATE_SKEW_S, date_unix_s - clock_unix_s());
	else
		facts_set_absent(m->facts, FACT_DATE_SKEW_S);
}

void hygiene_take_header(struct session *s)
{
	struct message *m = s->message;
	struct hygiene h = hygiene_of(s->message_arena, m->headers);
	facts_set_list(m->facts, FACT_HEADER_DUPLICATES, h.duplicates, h.duplicate_count);
	facts_set_list(m->facts, FACT_HEADER_MISSING, h.missing, h.missing_count);
	facts_set_bool(m->facts, FACT_HEADER_EIGHT_BIT, h.has_eight_bit);
	facts_set_text_or_absent(m->facts, FACT_HEADER_EIGHT_BIT_FIELD,
				 str_sub(h.eight_bit_field, 0, FIELD_NAME_SHOWN_BYTES));
	facts_set_int(m->facts, FACT_HEADER_LONGEST_LINE, (int64_t)h.longest_line);
	facts_set_text_or_absent(m->facts, FACT_HEADER_LONGEST_FIELD,
				 str_sub(h.longest_field, 0, FIELD_NAME_SHOWN_BYTES));
	take_date(s);
	facts_set_text(m->facts, FACT_UNSUBSCRIBE_STATUS,
		       str_of(unsubscribe_status_words[unsubscribe_of(s->message_arena, m->headers)]));
	m->lines = (struct line_scan){
		.longest = h.longest_line, .has_bare_cr = h.has_bare_cr, .has_bare_lf = h.has_bare_lf,
	};
}

bool hygiene_wants_body(const struct bits *asked)
{
	for (size_t i = 0; i < sizeof(line_facts) / sizeof(line_facts[0]); i++)
		if (bits_has(asked, line_facts[i]))
			return true;
	return false;
}

void hygiene_take_body(struct session *s, struct str bytes)
{
	if (s->message->wants_lines)
		line_scan_add(&s->message->lines, bytes);
}

void hygiene_take_end(struct session *s)
{
	struct message *m = s->message;
	if (!m->wants_lines || m->limit_reply.code != 0) {
		for (size_t i = 0; i < sizeof(line_facts) / sizeof(line_facts[0]); i++)
			facts_set_absent(m->facts, line_facts[i]);
		return;
	}
	line_scan_end(&m->lines);
	facts_set_int(m->facts, FACT_MESSAGE_LONGEST_LINE, (int64_t)m->lines.longest);
	facts_set_bool(m->facts, FACT_MESSAGE_BARE_CR, m->lines.has_bare_cr);
	facts_set_bool(m->facts, FACT_MESSAGE_BARE_LF, m->lines.has_bare_lf);
}
