#include "milter/mta.h"

#include <string.h>

#include "base/fail.h"
#include "log/log.h"
#include "session/macros.h"

static const unsigned long needed_actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS;
static const unsigned long wished_actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST;

/* The steps to leave out, and the answers that the MTA need not wait for. */
static unsigned long wished_steps(const struct session_needs *needs)
{
	unsigned long steps = SMFIP_HDR_LEADSPC | SMFIP_SKIP | SMFIP_NR_CONN | SMFIP_NR_HDR | SMFIP_NR_BODY |
			      SMFIP_NR_UNKN;
	if (!needs->helo)
		steps |= SMFIP_NOHELO;
	if (!needs->data)
		steps |= SMFIP_NODATA;
	if (!needs->body)
		steps |= SMFIP_NOBODY;
	if (!needs->unknown)
		steps |= SMFIP_NOUNKNOWN;
	if (!needs->reply[STAGE_HELO])
		steps |= SMFIP_NR_HELO;
	if (!needs->reply[STAGE_RCPT])
		steps |= SMFIP_NR_RCPT;
	if (!needs->reply[STAGE_DATA])
		steps |= SMFIP_NR_DATA;
	if (!needs->reply[STAGE_HEADERS])
		steps |= SMFIP_NR_EOH;
	return steps;
}

/* What the connection will carry, so that a later policy knows whether it can be obeyed here. */
static struct session_needs agreed_needs(unsigned long steps)
{
	return (struct session_needs){
		.helo = (steps & SMFIP_NOHELO) == 0,
		.data = (steps & SMFIP_NODATA) == 0,
		.body = (steps & SMFIP_NOBODY) == 0,
		.unknown = (steps & SMFIP_NOUNKNOWN) == 0,
		.reply = {
			[STAGE_HELO] = (steps & (SMFIP_NR_HELO | SMFIP_NOHELO)) == 0,
			[STAGE_MAIL] = true,
			[STAGE_RCPT] = (steps & SMFIP_NR_RCPT) == 0,
			[STAGE_DATA] = (steps & (SMFIP_NR_DATA | SMFIP_NODATA)) == 0,
			[STAGE_HEADERS] = (steps & SMFIP_NR_EOH) == 0,
			[STAGE_END] = true,
		},
	};
}

static void ask_for_macros(SMFICTX *context)
{
	static const struct {
		int place;
		enum stage stage;
	} lists[] = {
		{ SMFIM_CONNECT, STAGE_CONNECT }, { SMFIM_ENVFROM, STAGE_MAIL }, { SMFIM_ENVRCPT, STAGE_RCPT },
		{ SMFIM_DATA, STAGE_DATA },       { SMFIM_EOH, STAGE_HEADERS },  { SMFIM_EOM, STAGE_END },
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char names[512]; /* libmilter copies what it is given, but says char * */
		const char *wanted = macros_wanted_at(lists[i].stage);
		BUG_IF(strlen(wanted) >= sizeof(names));
		smfi_setsymlist(context, lists[i].place, strcpy(names, wanted));
	}
}

bool negotiate(struct mta *mta, unsigned long offered_actions, unsigned long offered_steps, unsigned long *actions,
	       unsigned long *steps)
{
	if ((offered_actions & needed_actions) != needed_actions) {
		log_error(mta->gate->log, "the MTA does not let milters add and remove header fields (it offers 0x%lx): "
			  "milter protocol 6 is needed (Postfix: milter_protocol = 6)", offered_actions);
		return false;
	}
	if ((offered_actions & SMFIF_QUARANTINE) == 0)
		log_warn(mta->gate->log, "the MTA offers no quarantine: rules with that action will be answered 451");
	*actions = offered_actions & wished_actions;
	*steps = mta->steps = offered_steps & wished_steps(session_agreed(mta->session));
	struct session_needs agreed = agreed_needs(mta->steps);
	session_set_agreed(mta->session, &agreed);
	if (offered_actions & SMFIF_SETSYMLIST)
		ask_for_macros(mta->context);
	return true;
}
