/* service/page.h - the status page: one HTML document, figures as text, plots as SVG, no script, nothing from elsewhere.
 *
 * Owns: nothing. Threads: any. Fails: never. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

struct status;

extern const char page_style[];

/* people: addresses of people may be shown; otherwise status_hide_people was here. */
void page_write(const struct status *, bool people, struct buf *);
