/* service/notify.h - what systemd is told (sd_notify(3)), or the supervisor in its place.
 *
 * Without either - NOTIFY_SOCKET in the environment, notify_supervisor - nothing happens.
 * Owns:    the watchdog owns a thread. Threads: any.
 * Fails:   never. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* A supervisor tells these apart; systemd knows the first two. */
#define NOTIFY_READY "READY=1"
#define NOTIFY_ALIVE "WATCHDOG=1"
#define NOTIFY_REFUSED "X_GATEPOST_REFUSED=1"

/* In a supervised child, before its first thread: whom to tell. A socket that keeps messages apart. */
void notify_supervisor(int fd);

/* In a supervised child: asks it for a reload and waits for what becomes of it. What it says begins with NOTIFY_GOOD if
 * all went well. False if it does not answer. One at a time. */
#define NOTIFY_RELOAD "X_GATEPOST_RELOAD=1"
#define NOTIFY_GOOD "+"
enum { NOTIFY_SAID_MAX = 16384 };
bool notify_ask_reload(struct buf *said);

void notify_ready(void);
/* Followed by notify_ready when the reload is over, or by notify_refused. */
void notify_reloading(void);
void notify_refused(void);
void notify_stopping(void);
/* What the watchdog below does by itself. */
void notify_alive(void);
/* One line for `systemctl status`. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct watchdog;
/* With WatchdogSec= in the unit: tells systemd twice in that time that all is well, as long as is_well says so.
 * NULL if no watchdog is wanted. */
struct watchdog *watchdog_start(bool (*is_well)(void *context), void *context);
void watchdog_end(struct watchdog *);
