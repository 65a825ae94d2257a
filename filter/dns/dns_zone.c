#include "dns/dns_zone.h"

#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "dns/dns_name.h"
#include "dns/dns_zone_node.h"

enum { CNAME_HOPS_MAX = 16 };

/* RFC 4592 2.2.1, 3.3.1: the wildcard below the closest ancestor that exists. */
static const struct zone_node *find(const struct dns_zone *zone, struct str name)
{
	const struct zone_node *node = map_get(zone->nodes, name);
	struct str ancestor = name, label;
	if (node != NULL)
		return node;
	do {
		str_cut(ancestor, '.', &label, &ancestor);
		if (ancestor.n == 0)
			return map_get(zone->nodes, STR("*"));
	} while (!map_has(zone->nodes, ancestor));
	char wildcard[2 + DNS_NAME_MAX] = "*.";
	memcpy(wildcard + 2, ancestor.p, ancestor.n);
	return map_get(zone->nodes, (struct str){ wildcard, 2 + ancestor.n });
}

static bool concerns(const struct zone_line *line, enum dns_type type)
{
	return line->type == type || line->type == ZONE_TYPE_EVERY;
}

struct collected {
	struct dns_answer answer;
	struct dns_record records[DNS_RECORDS_MAX];
	struct str cname; /* go on there; or empty */
	int delay_ms;
};

static void lower_ttl(struct collected *c, uint32_t ttl_s)
{
	if (ttl_s < c->answer.ttl_s)
		c->answer.ttl_s = ttl_s;
}

/* What one name has to say, without following its CNAME. */
static void collect(struct collected *c, const struct zone_node *node, enum dns_type type)
{
	bool is_own_outcome = false; /* one for this type beats one for every type */
	c->cname = STR_EMPTY;
	c->answer.status = DNS_NODATA;
	for (const struct zone_line *line = node->lines; line != NULL; line = line->next) {
		if (line->kind == ZONE_DELAY && concerns(line, type)) {
			c->delay_ms += line->delay_ms;
		} else if (line->kind == ZONE_OUTCOME && concerns(line, type) && !is_own_outcome) {
			c->answer.status = line->outcome;
			is_own_outcome = line->type == type;
		} else if (line->kind == ZONE_CNAME) {
			c->cname = line->record.text;
			lower_ttl(c, line->ttl_s);
		} else if (line->kind == ZONE_RECORD && line->type == type && c->answer.count < DNS_RECORDS_MAX) {
			c->records[c->answer.count++] = line->record;
			lower_ttl(c, line->ttl_s);
		}
	}
	if (c->answer.count > 0)
		c->answer.status = DNS_OK;
}

struct dns_shared *dns_zone_ask(const struct dns_zone *zone, struct str name, enum dns_type type, int *delay_ms)
{
	struct collected c;
	c.answer = (struct dns_answer){ .ttl_s = UINT32_MAX, .records = c.records };
	c.delay_ms = 0;
	char buffer[DNS_NAME_MAX + 1];
	int hops = 0;
	do {
		const struct zone_node *node = find(zone, name);
		if (node == NULL) {
			c.answer.status = DNS_NXDOMAIN;
			break;
		}
		collect(&c, node, type);
	} while (c.cname.n > 0 && ++hops <= CNAME_HOPS_MAX && dns_name_normalise(c.cname, buffer, &name));
	if (hops > CNAME_HOPS_MAX)
		c.answer.status = DNS_SERVFAIL;
	*delay_ms = c.delay_ms;
	if (c.answer.status == DNS_TIMEOUT)
		return NULL;
	if (c.answer.ttl_s == UINT32_MAX)
		c.answer.ttl_s = ZONE_TTL_S;
	return dns_answer_new(&c.answer);
}
