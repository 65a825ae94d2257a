#include "milter/milter.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/diag.h"
#include "base/fail.h"
#include "config/snapshot.h"
#include "milter/mta.h"
#include "milter/inbox.h"

/* libmilter's callbacks carry no pointer of ours before the first smfi_setpriv. */
static struct gate *the_gate;

static sfsistat on_negotiate(SMFICTX *context, unsigned long offered_actions, unsigned long offered_steps,
			     unsigned long reserved1, unsigned long reserved2, unsigned long *actions,
			     unsigned long *steps, unsigned long *out1, unsigned long *out2)
{
	(void)reserved1;
	(void)reserved2;
	*out1 = *out2 = 0;
	struct mta *mta = smfi_getpriv(context);
	if (mta == NULL) {
		mta = fail_if_null(calloc(1, sizeof(*mta)));
		mta->context = context;
		mta->gate = the_gate;
		mta->session = session_new(the_gate, &milter_ops, mta);
		smfi_setpriv(context, mta);
	}
	return negotiate(mta, offered_actions, offered_steps, actions, steps) ? SMFIS_CONTINUE : SMFIS_REJECT;
}

static int port_of(const _SOCK_ADDR *address)
{
	if (address != NULL && address->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
	if (address != NULL && address->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
	return 0;
}

/* Runs `call` on the session. Without one - an MTA that uses a connection again without negotiating - nothing can be
 * judged, so nothing is let through. */
#define ANSWER(no_reply, call)                                                                                         \
	struct mta *mta = smfi_getpriv(context);                                                                       \
	if (mta == NULL)                                                                                               \
		return SMFIS_TEMPFAIL;                                                                                 \
	struct answer answer = call;                                                                                   \
	sfsistat status = milter_status(mta, &answer, no_reply);                                                       \
	session_rest(mta->session);                                                                                    \
	return status

static sfsistat on_connect(SMFICTX *context, char *host_name, _SOCK_ADDR *address)
{
	ANSWER(SMFIP_NR_CONN,
	       stage_connect(mta->session, host_name, ip_from_sockaddr(address), port_of(address)));
}

static sfsistat on_helo(SMFICTX *context, char *name)
{
	ANSWER(SMFIP_NR_HELO, stage_helo(mta->session, name));
}

static sfsistat on_mail(SMFICTX *context, char **argv)
{
	ANSWER(SMFIP_NR_MAIL, stage_mail(mta->session, argv));
}

static sfsistat on_rcpt(SMFICTX *context, char **argv)
{
	ANSWER(SMFIP_NR_RCPT, stage_rcpt(mta->session, argv));
}

static sfsistat on_data(SMFICTX *context)
{
	ANSWER(SMFIP_NR_DATA, stage_data(mta->session));
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
	ANSWER(SMFIP_NR_HDR, stage_header(mta->session, name, value));
}

static sfsistat on_headers_end(SMFICTX *context)
{
	ANSWER(SMFIP_NR_EOH, stage_headers_end(mta->session));
}

static sfsistat on_body(SMFICTX *context, unsigned char *bytes, size_t count)
{
	ANSWER(SMFIP_NR_BODY, stage_body(mta->session, bytes, count));
}

static sfsistat on_end(SMFICTX *context)
{
	ANSWER(0, stage_end(mta->session));
}

static sfsistat on_unknown(SMFICTX *context, const char *command)
{
	ANSWER(SMFIP_NR_UNKN, stage_unknown(mta->session, command));
}

static sfsistat on_abort(SMFICTX *context)
{
	struct mta *mta = smfi_getpriv(context);
	if (mta != NULL) {
		stage_abort(mta->session);
		session_rest(mta->session);
	}
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *context)
{
	struct mta *mta = smfi_getpriv(context);
	if (mta != NULL) {
		session_free(mta->session);
		free(mta);
		smfi_setpriv(context, NULL);
	}
	inbox_close();
	return SMFIS_CONTINUE;
}

static bool register_callbacks(void)
{
	static char name[] = "gatepost";
	struct smfiDesc description = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_eoh = on_headers_end,
		.xxfi_body = on_body,
		.xxfi_eom = on_end,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_unknown = on_unknown,
		.xxfi_data = on_data,
		.xxfi_negotiate = on_negotiate,
	};
	return smfi_register(description) == MI_SUCCESS;
}

enum {
	BACKLOG = 512,
	PACKET_SLACK_BYTES = 64 * 1024,
};

/* A packet carries one header field at most. One that is larger than a whole header section may be ends the
 * connection. */
static size_t max_packet_bytes(const struct gate *gate)
{
	const struct snapshot *snapshot = gate->snapshot();
	size_t bytes = (size_t)snapshot->options->max_header_bytes + PACKET_SLACK_BYTES;
	snapshot_put(snapshot);
	return bytes;
}

bool milter_open(struct gate *gate, const struct listener *listener, struct diags *diags)
{
	char *socket = fail_if_null(strndup(listener->socket.p, listener->socket.n));
	struct place at = { .setting = "listen" };
	size_t max_bytes = max_packet_bytes(gate);
	bool is_open = false;
	the_gate = gate;
	if (!inbox_open(max_bytes))
		diag_warn(diags, at, "this libmilter reads packets unguarded: see to it that nobody but the MTA reaches %s",
			  socket);
	smfi_setmaxdatasize(max_bytes);
	smfi_setbacklog(BACKLOG);
	if (smfi_setconn(socket) != MI_SUCCESS || !register_callbacks())
		diag_error(diags, at, "libmilter does not take the socket %s", socket);
	else if (smfi_opensocket(false) != MI_SUCCESS)
		diag_error(diags, at, "cannot listen on %s: does another process use it, may this user create it?", socket);
	else
		is_open = true;
	free(socket);
	return is_open;
}

bool milter_run(void)
{
	return smfi_main() == MI_SUCCESS;
}

void milter_stop(void)
{
	smfi_stop();
}
