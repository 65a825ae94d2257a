/* cmd_preflight.h - what `gatepost preflight` shows.
 *
 * Owns:    nothing. Threads: the main thread. Fails: never. */
#pragma once

#include <stdio.h>

#include "preflight/preflight.h"

void preflight_print_table(const struct preflight *, FILE *);
void preflight_print_json(const struct preflight *, FILE *);
