/* tests/bench/null_milter - a filter on libmilter that does nothing: what the protocol alone costs.
 *
 * usage: null_milter SOCKET STEPS
 * STEPS: the SMFIP_* bits to ask for, as a number: which steps and answers the MTA may leave out. */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static unsigned long steps;

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long offered, unsigned long f2,
			     unsigned long f3, unsigned long *out_actions, unsigned long *out_steps,
			     unsigned long *out2, unsigned long *out3)
{
	(void)ctx, (void)f2, (void)f3;
	*out_actions = actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS);
	*out_steps = offered & steps;
	*out2 = *out3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat answer(unsigned long no_reply)
{
	return (steps & no_reply) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	(void)ctx, (void)name, (void)address;
	return answer(SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx, (void)name;
	return answer(SMFIP_NR_HELO);
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
	(void)ctx, (void)argv;
	return answer(SMFIP_NR_MAIL);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv)
{
	(void)ctx, (void)argv;
	return answer(SMFIP_NR_RCPT);
}

static sfsistat on_data(SMFICTX *ctx)
{
	(void)ctx;
	return answer(SMFIP_NR_DATA);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	return answer(SMFIP_NR_HDR);
}

static sfsistat on_headers_end(SMFICTX *ctx)
{
	(void)ctx;
	return answer(SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t count)
{
	(void)ctx, (void)bytes, (void)count;
	return answer(SMFIP_NR_BODY);
}

static sfsistat on_end(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat on_unknown(SMFICTX *ctx, const char *command)
{
	(void)ctx, (void)command;
	return answer(SMFIP_NR_UNKN);
}

int main(int argc, char **argv)
{
	static char name[] = "null";
	struct smfiDesc description = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_data = on_data,
		.xxfi_header = on_header,
		.xxfi_eoh = on_headers_end,
		.xxfi_body = on_body,
		.xxfi_eom = on_end,
		.xxfi_unknown = on_unknown,
		.xxfi_negotiate = on_negotiate,
	};
	if (argc != 3) {
		fprintf(stderr, "usage: null_milter SOCKET STEPS\n");
		return EX_USAGE;
	}
	steps = strtoul(argv[2], NULL, 0);
	smfi_setbacklog(512);
	if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(description) != MI_SUCCESS)
		return EX_UNAVAILABLE;
	return smfi_main() == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}
