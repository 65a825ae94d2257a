/* A zone file, and questions to whatever zone comes of it. */
#include "fuzz/fuzz.h"

#include "base/diag.h"
#include "base/fail.h"
#include "dns/dns_name.h"
#include "dns/dns_zone.h"

static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT };

static void ask(const struct dns_zone *zone, struct str name)
{
	char buffer[DNS_NAME_MAX + 1];
	struct str normal;
	if (!dns_name_normalise(name, buffer, &normal))
		return;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int delay_ms = 0;
		struct dns_shared *s = dns_zone_ask(zone, normal, types[i], &delay_ms);
		if (s == NULL)
			continue;
		BUG_IF((s->answer.status == DNS_OK) != (s->answer.count > 0));
		dns_answer_put(s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct diags *diags = diags_new();
	struct dns_zone *zone = dns_zone_parse(text, "zone", diags);
	BUG_IF((zone == NULL) != (diags_errors(diags) > 0));
	if (zone != NULL) {
		struct str line;
		ask(zone, STR("a.example.org"));
		while (str_next(&text, '\n', &line)) {
			struct str name, rest;
			str_cut(line, ' ', &name, &rest);
			ask(zone, name);
			ask(zone, str_skip(name, 2));
		}
	}
	dns_zone_free(zone);
	diags_free(diags);
	return 0;
}
