#include "milter/packet.h"

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

enum {
	CONNECT_PORT_BYTES = 2,
	NEGOTIATION_BYTES = 12,
};

static size_t count_texts(struct str data)
{
	size_t count = 0;
	for (size_t i = 0; i < data.n; i++)
		count += data.p[i] == '\0';
	return count;
}

static bool ends(struct str data)
{
	return data.n > 0 && data.p[data.n - 1] == '\0';
}

/* host NUL family [ port address NUL ] */
static bool is_connect(struct str data)
{
	struct str host, rest;
	if (!str_cut(data, '\0', &host, &rest) || rest.n == 0)
		return false;
	return rest.p[0] == SMFIA_UNKNOWN ||
	       (rest.n > 1 + CONNECT_PORT_BYTES && count_texts(str_skip(rest, 1 + CONNECT_PORT_BYTES)) == 1 && ends(rest));
}

bool packet_is_sound(char command, struct str data)
{
	switch (command) {
	case SMFIC_OPTNEG:
		return data.n >= NEGOTIATION_BYTES;
	case SMFIC_MACRO: /* command { name NUL value NUL } */
		data = str_skip(data, 1);
		return data.n == 0 || (ends(data) && count_texts(data) % 2 == 0);
	case SMFIC_CONNECT:
		return is_connect(data);
	case SMFIC_HELO:
	case SMFIC_UNKNOWN:
		return ends(data) && count_texts(data) == 1;
	case SMFIC_MAIL:
	case SMFIC_RCPT: /* path NUL { parameter NUL } */
		return ends(data);
	case SMFIC_HEADER: /* name NUL value NUL: what stood behind another NUL nobody would see */
		return ends(data) && count_texts(data) == 2;
	case SMFIC_DATA:
	case SMFIC_EOH:
	case SMFIC_ABORT:
	case SMFIC_QUIT:
	case SMFIC_QUIT_NC:
		return data.n == 0;
	default:
		return true;
	}
}
