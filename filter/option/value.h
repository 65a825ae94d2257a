/* option/value.h - what differs between the types of options.
 *
 * One function for each thing that is done with a value; the loader, the
 * dump and the reload go through the table and call these.
 * Owns:    values in the arena given.
 * Threads: any.
 * Fails:   option_load with a diagnostic; the default stays. */
#pragma once

#include <libconfig.h>

#include "option/options.h"

void option_set_default(struct arena *, struct options *, const struct option_desc *);
void option_load(struct arena *, struct options *, const struct option_desc *, const config_setting_t *,
		 struct diags *);
bool option_is_equal(const struct option_desc *, const struct options *, const struct options *);
/* A deep copy. */
void option_copy(struct arena *, const struct option_desc *, struct options *to, const struct options *from);
/* In the syntax of gatepost.conf, without name and semicolon. */
void option_print(const struct option_desc *, const struct options *, FILE *);
