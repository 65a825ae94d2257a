/* mail/hide.h - addresses of people in texts that others may read.
 *
 * Owns: nothing. Threads: any (pure). Fails: never. */
#pragma once

/* What stands before an @, back to where an address cannot go on, becomes one star. In place: it gets no longer. */
void hide_local_parts(char *text);
