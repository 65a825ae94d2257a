/* auth/results.h - what authentication found, in full: for Authentication-Results,
 * the record and aggregate reports. Policies see the facts made from it.
 *
 * Owns:    nothing; everything lives in the message arena. */
#pragma once

#include "fact/fact.h"

struct spf_verdict {
	enum result result;
	struct str domain;       /* that was checked; normalized, empty if none */
	struct str identity;     /* "mailfrom" or "helo" */
	struct str mechanism;    /* that matched, as published (cut after 120 bytes); empty if none */
	struct str reason;       /* for people; never empty unless result is none */
	struct str explanation;  /* expanded exp= with fail; printable ASCII, bounded */
	unsigned lookups;        /* terms that asked DNS */
	unsigned voids;
};

struct dkim_verdict {
	enum result result;
	struct str domain;       /* d=, normalized; empty if the field could not be read */
	struct str selector;     /* s= */
	struct str identity;     /* i=; empty if absent */
	struct str algorithm;    /* "rsa-sha256", "ed25519-sha256" */
	struct str signature;    /* first characters of b= (RFC 8601 header.b: at least 8, unique in the message) */
	unsigned key_bits;
	bool is_testing;         /* t=y in the key record */
	bool covers_body;        /* false with l= shorter than the body */
	struct str reason;       /* not pass: why */
};

struct dmarc_verdict {
	enum result result;
	struct str policy;       /* none, quarantine, reject: asked for when result is fail */
	struct str reason;
	struct str record_domain, org_domain;
	bool spf_aligned, dkim_aligned;
	bool is_nonexistent;     /* np= applies: there is no author domain; not looked at where np= changes nothing */
	/* as published; empty where absent */
	struct str p, sp, np, adkim, aspf, fo, psd;
	bool is_testing;
	const struct str *rua;
	size_t rua_count;
};

struct iprev_verdict {
	enum result result;      /* pass, fail, temperror, permerror */
	struct str name;         /* with pass */
	struct str reason;
};

struct auth_results {
	const struct spf_verdict *spf_mailfrom;  /* NULL, both: not checked; the same as spf_helo with the null sender */
	const struct spf_verdict *spf_helo;
	const struct dkim_verdict *dkim;
	size_t dkim_count;
	size_t dkim_skipped;                     /* signatures over the limit, not evaluated */
	const struct dmarc_verdict *dmarc;
	const struct iprev_verdict *iprev;
};
