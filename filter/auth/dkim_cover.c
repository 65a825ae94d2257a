#include "auth/dkim_cover.h"

#include "auth/dkim_feed.h"
#include "auth/dkim_gate.h"
#include "mail/header.h"

/* What a reader is shown, or what decides how the body is (RFC 5322 3.6, RFC 2045). */
static const char *const shown[] = {
	"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Content-Type", "Content-Transfer-Encoding",
};

struct str auth_dkim_half_covered(const struct header_list *headers, const struct dkim_signature *signature)
{
	for (size_t s = 0; s < sizeof(shown) / sizeof(shown[0]); s++) {
		struct str name = str_of(shown[s]);
		size_t covered = 0, present = 0;
		for (size_t i = 0; i < signature->name_count; i++)
			covered += str_eq_nocase(signature->names[i], name);
		for (size_t i = 0; covered > 0 && i < header_list_count(headers); i++)
			present += str_eq_nocase(auth_dkim_field_name(header_list_at(headers, i)->name), name);
		if (present > 1 && covered > 0 && covered < present)
			return name;
	}
	return STR_EMPTY;
}
