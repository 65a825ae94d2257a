/* service/signals.h - signals become calls on threads of our own.
 *
 * SIGTERM, SIGINT -> stop; SIGHUP, SIGUSR1 -> reload; SIGPIPE is ignored.
 * libmilter starts a thread that waits for the same signals and ends the
 * daemon at SIGHUP. The kernel gives a signal to the first thread that
 * waits, so ours comes first and hardly ever leaves sigwait: reloading
 * happens on a second thread. A signal during a reload causes one more.
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
/* Before any library starts a thread. */
struct signals *signals_start(const struct signal_actions *);
/* Waits for a reload that is under way; nothing is called afterwards. NULL is allowed. */
void signals_end(struct signals *);
