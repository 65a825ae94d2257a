/* Texts of peers in Authentication-Results that we write, and foreign fields that we read. The first line is
 * the authserv-id, the others are comments, reasons and values in turn. */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/fail.h"
#include "mail/authres.h"
#include "mail/header.h"
#include "mail/token.h"

enum { METHODS = 3 };

static bool is_word_byte(char c)
{
	return char_is_printable(c) && c != ' ' && str_find(STR("()\";\\"), c) < 0;
}

static bool take_value(struct str *rest)
{
	struct str raw;
	return token_peek(*rest) == '"' ? token_take_quoted(rest, &raw) : token_take_while(rest, is_word_byte).n > 0;
}

/* Words, "name=" before a quoted one, and comments up to ";" or the end: how many words. */
static size_t words_of_part(struct str *rest)
{
	size_t words = 0;
	for (;; words++) {
		BUG_IF(!token_skip_cfws(rest));
		if (rest->n == 0 || token_take(rest, ';'))
			return words;
		BUG_IF(!take_value(rest));
		if (token_peek(*rest) == '"')
			BUG_IF(!take_value(rest));
	}
}

static void check_layout(struct str body)
{
	for (size_t i = 0; i < body.n; i++) {
		bool is_fold = body.p[i] == '\n' && i + 2 < body.n && body.p[i + 1] == '\t' && body.p[i + 2] > ' ';
		bool is_fold_tab = body.p[i] == '\t' && i > 0 && body.p[i - 1] == '\n';
		BUG_IF(!char_is_printable(body.p[i]) && !is_fold && !is_fold_tab);
	}
}

static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_printable(s.p[i]))
			return false;
	return s.n > 0;
}

static struct str next_line(struct str *rest)
{
	struct str line = STR_EMPTY;
	str_next(rest, '\n', &line);
	return line;
}

static void write_and_read(struct arena *a, struct str rest)
{
	struct str id = next_line(&rest);
	struct authres *r = authres_new(a, id, next_line(&rest));
	size_t words[METHODS];
	for (size_t i = 0; i < METHODS; i++) {
		struct str comment = next_line(&rest), reason = next_line(&rest), value = next_line(&rest);
		authres_add(r, AUTHRES_DKIM, RESULT_PASS, comment, reason);
		authres_property(r, AUTHRES_DKIM_I, value);
		words[i] = 1 + (reason.n > 0) + (value.n > 0 && value.n <= 520);
	}
	struct str body = authres_print(r);
	check_layout(body);
	BUG_IF(is_printable(id) && !authres_claims(a, body, id));
	/* One part for the id, one with its words for each method, whatever the texts hold. */
	body = header_unfold(a, body);
	BUG_IF(words_of_part(&body) != 1);
	for (size_t i = 0; i < METHODS; i++)
		BUG_IF(words_of_part(&body) != words[i]);
	BUG_IF(body.n != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena *a = arena_new();
	write_and_read(a, text);
	authres_claims(a, text, STR("mx.example.org"));
	arena_free(a);
	return 0;
}
