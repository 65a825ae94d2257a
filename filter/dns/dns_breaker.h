/* dns/dns_breaker.h - do most questions of the last half minute fail?
 *
 * Owns:    nothing. Threads: one at a time. Fails: never. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_WINDOW_S = 30, BREAKER_LEAST_QUESTIONS = 20 };

struct dns_breaker {
	int percent; /* 0: never open */
	struct {
		int64_t second;
		uint32_t total, failed;
	} bucket[BREAKER_WINDOW_S];
};

void dns_breaker_note(struct dns_breaker *, int64_t now_s, bool has_failed);
bool dns_breaker_is_open(const struct dns_breaker *, int64_t now_s);
