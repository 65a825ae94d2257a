#include "lib/milter_steps.h"

#include <arpa/inet.h>
#include <libmilter/mfdef.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* What Postfix sends at a stage unless the filter asks for something else (postconf -d milter_*_macros). */
static const char *const postfix_symlists[MILTER_STAGES] = {
	[SMFIM_CONNECT] = "j {daemon_name} {daemon_addr} v _",
	[SMFIM_HELO] = "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
	[SMFIM_ENVFROM] = "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}",
	[SMFIM_ENVRCPT] = "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
	[SMFIM_DATA] = "i",
	[SMFIM_EOM] = "i",
	[SMFIM_EOH] = "i",
};

const struct milter_step step_connect = { SMFIC_CONNECT, SMFIP_NOCONNECT, SMFIP_NR_CONN, SMFIM_CONNECT };
const struct milter_step step_helo = { SMFIC_HELO, SMFIP_NOHELO, SMFIP_NR_HELO, SMFIM_HELO };
const struct milter_step step_mail = { SMFIC_MAIL, SMFIP_NOMAIL, SMFIP_NR_MAIL, SMFIM_ENVFROM };
const struct milter_step step_rcpt = { SMFIC_RCPT, SMFIP_NORCPT, SMFIP_NR_RCPT, SMFIM_ENVRCPT };
const struct milter_step step_data = { SMFIC_DATA, SMFIP_NODATA, SMFIP_NR_DATA, SMFIM_DATA };
const struct milter_step step_header = { SMFIC_HEADER, SMFIP_NOHDRS, SMFIP_NR_HDR, -1 };
const struct milter_step step_headers_end = { SMFIC_EOH, SMFIP_NOEOH, SMFIP_NR_EOH, SMFIM_EOH };
const struct milter_step step_body = { SMFIC_BODY, SMFIP_NOBODY, SMFIP_NR_BODY, -1 };
const struct milter_step step_end = { SMFIC_BODYEOB, 0, 0, SMFIM_EOM };
const struct milter_step step_unknown = { SMFIC_UNKNOWN, SMFIP_NOUNKNOWN, SMFIP_NR_UNKN, -1 };

void terms_init(struct milter_terms *t)
{
	*t = (struct milter_terms){ .actions = SMFI_CURR_ACTS, .steps = SMFI_CURR_PROT };
}

void terms_fini(struct milter_terms *t)
{
	for (size_t i = 0; i < t->macro_count; i++) {
		free(t->macros[i].name);
		free(t->macros[i].value);
	}
	for (size_t i = 0; i < MILTER_STAGES; i++)
		free(t->symlists[i]);
}

void terms_offer(const struct milter_terms *t, struct milter_link *l)
{
	uint32_t offer[3] = { htonl(SMFI_PROT_VERSION), htonl(t->actions), htonl(t->steps) };
	packet_begin(l, SMFIC_OPTNEG);
	buf_add(&l->out, (struct str){ (const char *)offer, sizeof(offer) });
	packet_end(l);
}

static bool symlists_read(struct milter_terms *t, struct milter_link *l, struct str data)
{
	while (data.n > 0) {
		uint32_t stage;
		struct str names;
		if (!take_u32(&data, &stage) || stage >= MILTER_STAGES || !take_text(&data, &names))
			return link_fail(l, "the filter sent a broken list of macros");
		free(t->symlists[stage]);
		t->symlists[stage] = fail_if_null(strndup(names.p, names.n));
	}
	return true;
}

bool terms_take(struct milter_terms *t, struct milter_link *l, struct packet p)
{
	uint32_t version, actions, steps;
	if (p.command != SMFIC_OPTNEG || !take_u32(&p.data, &version) || !take_u32(&p.data, &actions) ||
	    !take_u32(&p.data, &steps))
		return link_fail(l, "the filter's negotiation is broken");
	if (version < 2 || version > SMFI_PROT_VERSION)
		return link_fail(l, "the filter speaks protocol version %u", version);
	if ((actions & ~t->actions) != 0 || (steps & ~t->steps) != 0)
		return link_fail(l, "the filter wants what was not offered: actions %x, steps %x", actions & ~t->actions,
				 steps & ~t->steps);
	t->actions = actions;
	t->steps = steps;
	return symlists_read(t, l, p.data);
}

static const struct milter_macro *macro_find(const struct milter_terms *t, struct str name)
{
	for (size_t i = 0; i < t->macro_count; i++)
		if (str_eq(str_of(t->macros[i].name), name))
			return &t->macros[i];
	return NULL;
}

void terms_macro(struct milter_terms *t, const char *name, const char *value)
{
	const struct milter_macro *known = macro_find(t, str_of(name));
	struct milter_macro *m = known != NULL ? &t->macros[known - t->macros] : &t->macros[t->macro_count++];
	BUG_IF(t->macro_count > MILTER_MACROS_MAX);
	if (known == NULL) {
		m->name = fail_if_null(strdup(name));
	}
	free(m->value);
	m->value = value == NULL ? NULL : fail_if_null(strdup(value));
}

static void macros_write(const struct milter_terms *t, struct milter_link *l, const struct milter_step *step)
{
	const char *names = t->symlists[step->stage] != NULL ? t->symlists[step->stage] : postfix_symlists[step->stage];
	if (names == NULL)
		return;
	packet_begin(l, SMFIC_MACRO);
	buf_add_char(&l->out, step->command);
	struct str rest = str_of(names), name;
	while (str_next(&rest, ' ', &name)) {
		const struct milter_macro *m = macro_find(t, name);
		if (m == NULL || m->value == NULL)
			continue;
		packet_add_text(l, name);
		packet_add_text(l, str_of(m->value));
	}
	packet_end(l);
}

bool step_begin(const struct milter_terms *t, struct milter_link *l, const struct milter_step *step)
{
	if (step->stage >= 0)
		macros_write(t, l, step);
	if ((t->steps & step->no_step) != 0)
		return false;
	packet_begin(l, step->command);
	return true;
}

void step_add_client(struct milter_link *l, const char *host, struct ip client, uint16_t port)
{
	static const char families[] = { [IP_NONE] = SMFIA_UNKNOWN, [IP_V4] = SMFIA_INET, [IP_V6] = SMFIA_INET6 };
	packet_add_text(l, str_of(host));
	buf_add_char(&l->out, families[client.family]);
	if (client.family == IP_NONE)
		return;
	char text[IP_TEXT_MAX];
	uint16_t net_port = htons(port);
	buf_add(&l->out, (struct str){ (const char *)&net_port, sizeof(net_port) });
	packet_add_text(l, str_of(ip_print(client, text)));
}

struct str step_header_value(const struct milter_terms *t, struct str value)
{
	bool filter_keeps_blank = (t->steps & SMFIP_HDR_LEADSPC) != 0;
	return !filter_keeps_blank && str_starts(value, STR(" ")) ? str_skip(value, 1) : value;
}
