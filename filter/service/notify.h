/* service/notify.h - what systemd is told (sd_notify(3)).
 *
 * Without NOTIFY_SOCKET in the environment nothing happens.
 * Owns:    the watchdog owns a thread. Threads: any.
 * Fails:   never. */
#pragma once

#include <stdbool.h>

void notify_ready(void);
/* Followed by notify_ready when the reload is over, however it went. */
void notify_reloading(void);
void notify_stopping(void);
/* One line for `systemctl status`. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct watchdog;
/* With WatchdogSec= in the unit: tells systemd twice in that time that all is well, as long as is_well says so.
 * NULL if no watchdog is wanted. */
struct watchdog *watchdog_start(bool (*is_well)(void *context), void *context);
void watchdog_end(struct watchdog *);
