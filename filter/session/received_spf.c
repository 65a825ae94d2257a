#include "auth/results.h"
#include "base/arena.h"
#include "base/buf.h"
#include "session/state.h"

enum { RECEIVED_SPF_MAX = 1500 };

/* A quoted-string (RFC 5322 3.2.4) of printable ASCII; anything else becomes '?'. */
static void add_quoted(struct buf *b, struct str text)
{
	buf_add_char(b, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, char_is_printable(text.p[i]) ? text.p[i] : '?');
	}
	buf_add_char(b, '"');
}

static void add_pair(struct buf *b, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_printf(b, "\n\t%s=", name);
	add_quoted(b, str_sub(value, 0, 320));
	buf_add_char(b, ';');
}

struct str received_spf_print(struct arena *a, const struct spf_verdict *v, struct ip client, struct str mail_from,
			      struct str helo, struct str receiver)
{
	struct buf b;
	char ip[IP_TEXT_MAX];
	buf_init(&b, RECEIVED_SPF_MAX * 2);
	buf_add(&b, str_of(result_words[v->result]));
	add_pair(&b, "receiver", receiver);
	add_pair(&b, "client-ip", str_of(ip_print(client, ip)));
	add_pair(&b, "envelope-from", mail_from);
	add_pair(&b, "helo", helo);
	add_pair(&b, "identity", v->identity);
	add_pair(&b, "mechanism", v->mechanism);
	if (v->result == RESULT_PERMERROR || v->result == RESULT_TEMPERROR)
		add_pair(&b, "problem", v->reason);
	struct str text = buf_str(&b);
	text = str_dup(a, str_sub(text, 0, text.n > 0 && text.p[text.n - 1] == ';' ? text.n - 1 : text.n));
	buf_fini(&b);
	return text;
}
