/* eval/eml.h - a message file taken apart as an MTA does for a milter.
 *
 * Header fields end at the first line that is none; fold is LF, the value
 * keeps its leading blank (SMFIP_HDR_LEADSPC); body lines end in CRLF.
 * Owns:    nothing; results live in the arena. Threads: any. Fails: never. */
#pragma once

#include <stddef.h>

#include "base/str.h"

struct arena;

struct eml {
	const struct eml_field {
		struct str name, value;
	} *fields;
	size_t field_count;
	struct str body;
};

struct eml eml_split(struct arena *, struct str message);
