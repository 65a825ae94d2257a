/* milter/packet.h - every packet, between the socket and libmilter.
 *
 * libmilter counts on texts that end and on macros that come in pairs, and
 * reads memory that is not its own where they do not. So each packet is
 * looked at first; one that no MTA sends ends its connection, and the MTA's
 * message is deferred.
 * Owns:    nothing. Threads: any.
 * Fails:   packet_guard_is_set answers false if libmilter does not ask us. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* Does libmilter read packets through our mi_rd_cmd? Before milter_run. */
bool packet_guard_is_set(void);
/* The data as the protocol has it for that command (SMFIC_*). Commands that libmilter does not know it refuses. */
bool packet_is_sound(char command, struct str data);
