/* dns/dns_zone.h - answers from a text file, for tests, examples and trying out.
 *
 * One record a line; blank lines and what follows '#' or ';' at the start of a word is left out:
 *
 *     example.org        TXT   "v=spf1 mx -all"
 *     big.example.org    TXT   "one text " "in two strings; \"quoted\", \\, \000"
 *     example.org        MX    10 mx.example.org     (10 . is a null MX)
 *     mx.example.org     A     192.0.2.1
 *     mx.example.org 300 AAAA  2001:db8::1           (time to live in seconds; 60 if none is given)
 *     1.2.0.192.in-addr.arpa PTR mx.example.org
 *     www.example.org    CNAME mx.example.org
 *     *.example.org      A     192.0.2.2             (RFC 4592)
 *
 * [ttl] and IN may stand before the type, and parentheses hold what goes on over several lines, as in a zone file of
 * a name server and in what `gatepost key new` prints.
 *
 * and, instead of data, what can go wrong. The type '*' means every type:
 *
 *     example.net        TXT   SERVFAIL              (or TIMEOUT, BOGUS, NODATA, NXDOMAIN)
 *     example.net        *     TIMEOUT
 *     example.org        MX    DELAY 200ms           (in addition to the lines above: the answer comes late)
 *
 * All names are absolute; a trailing dot means nothing. A name exists if it or a name below it is in the
 * file. What is not in the file is NXDOMAIN.
 * Owns:    a zone its texts; immutable once made.
 * Threads: any may ask.
 * Fails:   a file with mistakes gives no zone, but all mistakes with file:line. */
#pragma once

#include "dns/dns_answer.h"

struct dns_zone;

/* NULL and diagnostics, if anything is wrong. The file's name is for the diagnostics. */
struct dns_zone *dns_zone_parse(struct str text, const char *file, struct diags *);
struct dns_zone *dns_zone_read(const char *path, struct diags *);
void dns_zone_free(struct dns_zone *);

/* The answer with a reference for the caller, and how late it is to come. NULL: never. The name is normalised. */
struct dns_shared *dns_zone_ask(const struct dns_zone *, struct str name, enum dns_type, int *delay_ms);
