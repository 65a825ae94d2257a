/* A DNS message that claims to answer a question for example.org; the first byte chooses the type. */
#include "fuzz/fuzz.h"

#include "base/fail.h"
#include "dns/dns_packet.h"

static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	enum dns_type type = types[data[0] % (sizeof(types) / sizeof(types[0]))];
	struct dns_shared *s = dns_packet_answer(data + 1, size - 1, STR("example.org"), type, false);
	const struct dns_answer *a = &s->answer;
	BUG_IF((a->status == DNS_OK) != (a->count > 0) || a->count > DNS_RECORDS_MAX || a->ttl_s > INT32_MAX);
	for (size_t i = 0; i < a->count; i++) {
		struct str text = a->records[i].text;
		bool is_host = type == DNS_MX || type == DNS_PTR;
		bool is_address = type == DNS_A || type == DNS_AAAA;
		BUG_IF(is_address != (a->records[i].ip.family != IP_NONE));
		for (size_t k = 0; is_host && k < text.n; k++)
			BUG_IF(!char_is_printable(text.p[k]) || text.p[k] == ' ');
		BUG_IF(text.n > size * 4);
	}
	dns_answer_put(s);
	return 0;
}
