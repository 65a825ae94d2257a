/* cmd_wrap.h - text in the width of a terminal.
 *
 * Owns:    nothing. Threads: the main thread. Fails: never. */
#pragma once

#include <stdio.h>

#include "base/str.h"

/* Columns; 80 if it is no terminal. */
size_t cmd_width(FILE *);
/* From the column `indent` on, where the cursor stands, broken at blanks, with a newline behind it. A word that is too long
 * stays whole, to be copied. */
void cmd_print_wrapped(struct str, size_t indent, size_t width, FILE *);
