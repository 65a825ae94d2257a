/* service/signals.h - signals become calls on threads of our own.
 *
 * SIGTERM, SIGINT -> stop; SIGHUP, SIGUSR1 -> reload; SIGPIPE is ignored.
 * A signal during a reload causes one more, however many come. A reload does
 * not delay a stop: it has a thread of its own.
 * libmilter starts a thread that waits for the same signals and ends the
 * daemon at SIGHUP. It never gets one: sigwait is defined here (signals.c).
 * Owns:    two threads. Threads: stop and reload may run at the same time.
 * Fails:   signals_start answers NULL if threads cannot be made. */
#pragma once

struct signals;

struct signal_actions {
	void (*stop)(void *context); /* at each signal: must be quick, and harmless when repeated */
	void (*reload)(void *context);
	void *context;
};

/* In main, before the first thread. */
void signals_block(void);
struct signals *signals_start(const struct signal_actions *);
/* Waits for a reload that is under way; nothing is called afterwards. NULL is allowed. */
void signals_end(struct signals *);
