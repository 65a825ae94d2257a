/* base/clock.h - the only source of time.
 *
 * Threads: any.
 * Fails:   never. */
#pragma once

#include <stdint.h>

/* Milliseconds (microseconds) of a clock that never jumps: deadlines, durations. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Unix time. */
int64_t clock_unix_s(void);
int64_t clock_unix_ms(void);

/* Tests: the wall clock stands still at this time. 0 ends that. Deadlines go on as always. */
void clock_set_unix_s(int64_t frozen_s);
