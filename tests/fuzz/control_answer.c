/* What a command got over the control socket, which may be anybody's: it ends anywhere, and is no HTTP at all. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/fail.h"
#include "service/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str all = { (const char *)data, size };
	struct str body = STR_EMPTY;
	bool is_good = false;
	if (!control_take_apart(all, &body, &is_good))
		return 0;
	BUG_IF(body.p + body.n != all.p + all.n || body.n + 4 > all.n);
	BUG_IF(memcmp(body.p - 4, "\r\n\r\n", 4) != 0 || !str_starts(all, STR("HTTP/1.")));
	BUG_IF(is_good != str_starts(str_skip(all, strlen("HTTP/1.1 ")), STR("200")));
	return 0;
}
