/* milter/packet.h - is a packet what the protocol says it is?
 *
 * libmilter counts on texts that end and on macros that come in pairs, and
 * reads memory that is not its own where they do not. So each packet is
 * looked at first.
 * Owns:    nothing. Threads: any.
 * Fails:   never. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* The data as the protocol has it for that command (SMFIC_*). Commands that libmilter does not know it refuses. */
bool packet_is_sound(char command, struct str data);
