/* milter/milter.h - libmilter's side of the gate: no decisions here.
 *
 * libmilter serves one socket per process, so there is one gate.
 * Owns:    the sessions behind libmilter's connections.
 * Threads: milter_open, milter_run one thread; milter_stop any. libmilter runs
 *          the callbacks of one connection on changing threads.
 * Fails:   milter_open answers false after a diagnostic. */
#pragma once

#include <stdbool.h>

struct diags;
struct gate;
struct listener;

/* Registers with libmilter and opens the socket. */
bool milter_open(struct gate *, const struct listener *, struct diags *);
/* Serves until milter_stop. False if libmilter gave up by itself. */
bool milter_run(void);
void milter_stop(void);
