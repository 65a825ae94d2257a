#include "dns/dns_answer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

struct dns_shared *dns_answer_new(const struct dns_answer *from)
{
	size_t count = from->count < DNS_RECORDS_MAX ? from->count : DNS_RECORDS_MAX;
	size_t text_bytes = 0;
	for (size_t i = 0; i < count; i++)
		text_bytes += from->records[i].text.n + 1;
	size_t size = sizeof(struct dns_shared) + count * sizeof(struct dns_record) + text_bytes;
	struct dns_shared *s = fail_if_null(malloc(size));
	struct dns_record *records = (void *)(s + 1);
	char *text = (char *)(records + count);
	for (size_t i = 0; i < count; i++) {
		struct str t = from->records[i].text;
		records[i] = from->records[i];
		records[i].text.p = text;
		if (t.n > 0)
			memcpy(text, t.p, t.n);
		text[t.n] = 0;
		text += t.n + 1;
	}
	atomic_init(&s->refs, 1);
	s->size_bytes = size;
	s->answer = *from;
	s->answer.records = records;
	s->answer.count = count;
	atomic_init(&s->note.made, NULL);
	s->answer.note = &s->note;
	return s;
}

struct dns_shared *dns_answer_of_status(enum dns_status status, uint32_t ttl_s)
{
	return dns_answer_new(&(struct dns_answer){ .status = status, .ttl_s = ttl_s });
}

struct dns_shared *dns_answer_get(struct dns_shared *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void dns_answer_put(struct dns_shared *s)
{
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(atomic_load(&s->note.made));
	free(s);
}

const void *dns_note_get(const struct dns_answer *a)
{
	return a->note == NULL ? NULL : atomic_load_explicit(&a->note->made, memory_order_acquire);
}

bool dns_note_put(const struct dns_answer *a, void *made)
{
	void *none = NULL;
	return a->note != NULL && atomic_compare_exchange_strong(&a->note->made, &none, made);
}
