/* Settings with a syntax of their own: points of time, the place of a Redis, networks. What was read and is printed
 * reads as the same. */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"
#include "base/ip.h"
#include "feedback/when.h"
#include "store/redis_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	struct str text = { (const char *)data, size };
	int64_t when, again;
	struct ip_net net, same;
	struct redis_url url;
	if (when_parse(text, &when))
		BUG_IF(!when_parse(when_print(a, when), &again) || again != when);
	if (ip_net_parse(text, &net)) {
		BUG_IF(!ip_net_parse(ip_net_print(a, net), &same));
		BUG_IF(!ip_eq(net.ip, same.ip) || net.prefix_bits != same.prefix_bits);
		struct ip_set *set = ip_set_new(a);
		ip_set_add(set, net);
		ip_set_seal(set);
		BUG_IF(ip_set_count(set) != 1 || ip_set_at(set, 0).prefix_bits != net.prefix_bits || !ip_set_has(set, net.ip));
	}
	bool is_url = redis_url_parse(a, text, &url, diags);
	BUG_IF(is_url != (diags_errors(diags) == 0));
	BUG_IF(is_url && url.path.n == 0 && (url.host.n == 0 || url.port <= 0 || url.port > 65535));
	diags_free(diags);
	arena_free(a);
	return 0;
}
