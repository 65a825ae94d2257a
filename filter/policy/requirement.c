#include "policy/requirement.h"

#include <inttypes.h>

#include "base/fail.h"
#include "policy/match.h"
#include "policy/ports.h"

/* In the order in which a client is told: at the wrong port nothing else counts, and a login without TLS is not one to
 * ask for. */
enum need { NEED_PORT, NEED_NO_LOGIN, NEED_TLS, NEED_BETTER_TLS, NEED_LOGIN, NEED_BETTER_LOGIN, NEED_CERTIFICATE,
	    NEED_OTHER };

enum { RELAY_PORT = 25, IMPLICIT_TLS_PORT = 465 }; /* RFC 5321 4.5.4.2, RFC 8314 3.3 */

static bool has_text(const struct facts *facts, enum fact_id id)
{
	return facts_text(facts, id).n > 0;
}

static enum need need_of_tls(const struct facts *facts)
{
	return has_text(facts, FACT_TLS_VERSION) ? NEED_BETTER_TLS : NEED_TLS;
}

static enum need need_of(const struct condition *c, const struct facts *facts)
{
	bool wants_absent = c->test == TEST_LACKS;
	if (c->fact == FACT_AUTH_LOGIN && wants_absent)
		return NEED_NO_LOGIN;
	if (c->fact == FACT_LISTENER_PORT && c->test == TEST_VALUE)
		return NEED_PORT;
	if (wants_absent)
		return NEED_OTHER;
	if (c->fact == FACT_TLS_VERSION || c->fact == FACT_TLS_CIPHER || c->fact == FACT_TLS_BITS)
		return need_of_tls(facts);
	if (c->fact == FACT_TLS_CERT_SUBJECT || c->fact == FACT_TLS_CERT_ISSUER)
		return NEED_CERTIFICATE;
	if (c->fact == FACT_AUTH_LOGIN || c->fact == FACT_AUTH_METHOD)
		return !has_text(facts, FACT_AUTH_LOGIN) ? NEED_LOGIN
		       : c->fact == FACT_AUTH_METHOD     ? NEED_BETTER_LOGIN
							 : NEED_OTHER;
	return NEED_OTHER;
}

const struct condition *requirement_unmet(const struct conditions *all, const struct facts *facts, struct arena *a)
{
	struct matcher m = { .arena = a, .facts = facts };
	const struct condition *first = NULL;
	for (size_t i = 0; i < all->count; i++) {
		const struct condition *c = &all->items[i];
		if (condition_match(&m, c) != TRUTH_YES && (first == NULL || need_of(c, facts) < need_of(first, facts)))
			first = c;
	}
	return first;
}

/* 0: not known. */
static int64_t port_of(const struct facts *facts)
{
	const struct fact_value *port = facts_get(facts, FACT_LISTENER_PORT);
	return port->state == FACT_VALUE ? port->number : 0;
}

static struct reply tell_port(const struct condition *c, const struct facts *facts, struct arena *a)
{
	const char *whose = has_text(facts, FACT_AUTH_LOGIN) ? "login" : "client";
	int64_t port = port_of(facts);
	return reply_of(a, 550, "5.7.1", str_printf(a, "Mail of this %s is taken on port %.*s%s", whose, STR_ARG(c->wanted),
						    port == 0 ? "" : str_printf(a, ", not on %" PRId64, port).p));
}

static struct reply tell_no_login(const struct policy *p, const struct facts *facts, struct arena *a)
{
	struct str ports = ports_for_login(p, a);
	return reply_of(a, 550, "5.7.1", str_printf(a, "Mail with a login is not taken on port %" PRId64 "%s%.*s",
						    port_of(facts), ports.n > 0 ? ", send it on port " : "",
						    STR_ARG(ports)));
}

/* RFC 3207 4 */
static struct reply tell_tls(const struct policy *p, const struct facts *facts, struct arena *a)
{
	if (port_of(facts) == IMPLICIT_TLS_PORT)
		return reply_of(a, 530, "5.7.0", STR("Port 465 takes mail over TLS only, from the first byte on"));
	return reply_of(a, 530, "5.7.0", str_printf(a, "Must issue a STARTTLS command first%s: mail is taken over TLS only",
						    ports_find(p, IMPLICIT_TLS_PORT) != NULL ? ", or use port 465" : ""));
}

static struct str needed(struct arena *a, const struct condition *c)
{
	return c->test == TEST_VALUE ? str_printf(a, ", needed is %.*s", STR_ARG(c->wanted)) : STR_EMPTY;
}

/* RFC 4954 6 for a login ("encryption required for requested authentication mechanism"), else RFC 3207 4 ("refused due
 * to lack of security"). */
static struct reply tell_better_tls(const struct condition *c, const struct facts *facts, struct arena *a)
{
	bool has_login = has_text(facts, FACT_AUTH_LOGIN);
	const char *what = c->fact == FACT_TLS_VERSION ? "The TLS version"
			   : c->fact == FACT_TLS_BITS  ? "The TLS cipher's strength in bits"
						       : "The TLS cipher";
	struct str came = fact_value_print(a, c->fact, facts_get(facts, c->fact));
	return reply_of(a, has_login ? 538 : 554, has_login ? "5.7.11" : "5.7.0",
			str_printf(a, "%s is not good enough: it is %.*s%.*s", what,
				   STR_ARG(came.n > 0 ? came : STR("unknown")), STR_ARG(needed(a, c))));
}

/* RFC 4954 6. A mail server that came to a port for logins (RFC 6409) learns where its mail goes. */
static struct reply tell_login(const struct policy *p, const struct facts *facts, struct arena *a)
{
	const struct port_group *relay = ports_find(p, RELAY_PORT);
	bool is_elsewhere = port_of(facts) != RELAY_PORT && (relay == NULL || !relay->takes_login);
	return reply_of(a, 530, "5.7.0", str_printf(a, "Authentication required: log in with AUTH first%s",
						    is_elsewhere ? "; mail servers use port 25" : ""));
}

static struct reply tell_better_login(const struct condition *c, const struct facts *facts, struct arena *a)
{
	struct str method = facts_text(facts, FACT_AUTH_METHOD);
	return reply_of(a, 534, "5.7.9", str_printf(a, "The authentication mechanism %.*s is not taken here%.*s",
						    STR_ARG(method.n > 0 ? method : STR("unknown")),
						    STR_ARG(needed(a, c))));
}

static struct reply tell_certificate(const struct facts *facts, struct arena *a)
{
	return reply_of(a, 550, "5.7.1", has_text(facts, FACT_TLS_CERT_SUBJECT)
				? STR("The client certificate is not one that may send this mail")
				: STR("A client certificate that can be verified is needed for this mail"));
}

/* What is wanted is only for those who are known. */
static struct reply tell_other(const struct condition *c, const struct facts *facts, struct arena *a)
{
	const char *name = fact_descs[c->fact].name;
	bool is_known = has_text(facts, FACT_AUTH_LOGIN) || facts_is_true(facts, FACT_CLIENT_LOCAL);
	return reply_of(a, 550, "5.7.1", is_known ? str_printf(a, "This mail may not be sent so: %.*s",
							       STR_ARG(condition_explain(a, c, facts)))
						  : str_printf(a, "This mail may not be sent so: see %s", name));
}

struct reply requirement_reply(const struct policy *p, const struct condition *c, const struct facts *facts,
			       struct arena *a)
{
	switch (need_of(c, facts)) {
	case NEED_PORT:
		return tell_port(c, facts, a);
	case NEED_NO_LOGIN:
		return tell_no_login(p, facts, a);
	case NEED_TLS:
		return tell_tls(p, facts, a);
	case NEED_BETTER_TLS:
		return tell_better_tls(c, facts, a);
	case NEED_LOGIN:
		return tell_login(p, facts, a);
	case NEED_BETTER_LOGIN:
		return tell_better_login(c, facts, a);
	case NEED_CERTIFICATE:
		return tell_certificate(facts, a);
	case NEED_OTHER:
		return tell_other(c, facts, a);
	}
	BUG_IF(true);
}
