#include "dns/dns_breaker.h"

#include <stddef.h>

void dns_breaker_note(struct dns_breaker *b, int64_t now_s, bool has_failed)
{
	size_t i = (size_t)(now_s % BREAKER_WINDOW_S);
	if (b->bucket[i].second != now_s) {
		b->bucket[i].second = now_s;
		b->bucket[i].total = b->bucket[i].failed = 0;
	}
	b->bucket[i].total++;
	b->bucket[i].failed += has_failed;
}

bool dns_breaker_is_open(const struct dns_breaker *b, int64_t now_s)
{
	uint64_t total = 0, failed = 0;
	for (size_t i = 0; i < BREAKER_WINDOW_S; i++) {
		if (b->bucket[i].second > now_s - BREAKER_WINDOW_S) {
			total += b->bucket[i].total;
			failed += b->bucket[i].failed;
		}
	}
	return b->percent > 0 && total >= BREAKER_LEAST_QUESTIONS && failed * 100 >= total * (uint64_t)b->percent;
}
