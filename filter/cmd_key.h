/* cmd_key.h - what `gatepost key` shows of keys.
 *
 * Owns:    nothing.
 * Threads: the main thread.
 * Fails:   never. */
#pragma once

#include <stdio.h>

#include "auth/key_line.h"

struct options;

/* Keys without a state get domain and selector from the workflows that sign with them. */
void key_lines_complete(struct arena *, const struct options *, const struct key_lines *);
void key_lines_print_table(struct arena *, const struct key_lines *, FILE *);
void key_lines_print_json(struct arena *, const struct key_lines *, FILE *);
/* As a line of a zone file; what is only for people stands behind ';'. */
void key_row_print_record(const struct key_row *, FILE *);
