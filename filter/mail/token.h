/* mail/token.h - the tokens that header fields are made of (RFC 5322 3.2), taken off the front of a text.
 *
 * Texts are unfolded and hold no NUL: one stands for the end.
 * Owns:    nothing; what is taken points into the text. Threads: any.
 * Fails:   false; *rest is then where it was or inside the token. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

struct arena;

/* The next byte, NUL at the end. */
char token_peek(struct str rest);
bool token_take(struct str *rest, char);
struct str token_take_while(struct str *rest, bool (*belongs)(char));
/* What stands before `rest` in a text that ends where it does. */
struct str token_before(struct str text, struct str rest);

bool token_is_blank(char);
bool token_is_control(char);

/* Blanks and comments. False if a comment is not closed or holds others more than 32 deep. */
bool token_skip_cfws(struct str *rest);
/* A quoted-string; *raw is what stands between the quotes. */
bool token_take_quoted(struct str *rest, struct str *raw);
/* Quoted-pairs replaced by what they mean. */
struct str token_unquote(struct arena *, struct str raw);
