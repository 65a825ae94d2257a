#include "base/glob.h"

bool glob_is_pattern(struct str s)
{
	return str_find(s, '*') >= 0;
}

/* Only the last star is ever tried again, so there is no exponential case. */
bool glob_match(struct str pattern, struct str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, retry = 0;
	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			retry = t;
		} else if (p < pattern.n && char_lower(pattern.p[p]) == char_lower(text.p[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++retry;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* From the ends: meets[j] tells whether the rest of a and the rest of b from byte j on have a text in common. A star
 * takes the other's next byte, be it a star, or ends. */
/* Up to the first '*' of either all bytes must agree. */
static bool may_begin_alike(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n && a.p[i] != '*' && b.p[i] != '*'; i++)
		if (char_lower(a.p[i]) != char_lower(b.p[i]))
			return false;
	return true;
}

bool glob_meets(struct str a, struct str b)
{
	bool meets[GLOB_COMPARED_MAX + 1];
	if (a.n > GLOB_COMPARED_MAX || b.n > GLOB_COMPARED_MAX)
		return true;
	if (!may_begin_alike(a, b))
		return false;
	for (size_t i = a.n + 1; i-- > 0;) {
		bool diagonal = false; /* of the row below, one byte on */
		for (size_t j = b.n + 1; j-- > 0;) {
			bool below = i < a.n && meets[j], right = j < b.n && meets[j + 1], here;
			if (i == a.n && j == b.n)
				here = true;
			else if ((i < a.n && a.p[i] == '*') || (j < b.n && b.p[j] == '*'))
				here = below || right;
			else
				here = i < a.n && j < b.n && char_lower(a.p[i]) == char_lower(b.p[j]) && diagonal;
			diagonal = below;
			meets[j] = here;
		}
	}
	return meets[0];
}
