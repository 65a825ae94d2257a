/* dns/dns.h - questions and answers.
 *
 * One resolver for the process. A question may be asked early (dns_prefetch)
 * and waited for later (dns_ask) with the message's deadline; equal questions
 * in flight travel once; answers are kept by their TTL, negative ones too.
 * Names are compared without case; a trailing dot means nothing.
 * Owns:    answers are counted; dns_ask hangs the reference on the arena given.
 * Threads: any, for every function but dns_open and dns_close.
 * Fails:   every failure is a status; temporary ones are told apart from
 *          "there is no such name" and from "the name has no such data". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/str.h"

struct arena;
struct diags;
struct dns;
struct log;

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_status {
	DNS_OK,        /* at least one record */
	DNS_NODATA,    /* the name exists, or may, without this type */
	DNS_NXDOMAIN,  /* the name does not exist */
	DNS_SERVFAIL,  /* a server answered with an error, or nonsense */
	DNS_TIMEOUT,   /* no answer before the deadline */
	DNS_BOGUS,     /* DNSSEC says the answer is forged */
	DNS_BAD_NAME,  /* never asked: empty label, label over 63, name over 253 bytes, NUL inside */
	DNS_STATUS_COUNT
};

extern const char *const dns_status_words[DNS_STATUS_COUNT];

/* True for SERVFAIL, TIMEOUT and BOGUS: a temperror. */
bool dns_is_temporary(enum dns_status);
/* "A", "TXT", ... */
const char *dns_type_word(enum dns_type);
bool dns_type_parse(struct str word, enum dns_type *);

struct dns_record {
	struct ip ip;        /* A, AAAA */
	struct str text;     /* TXT: all strings joined; PTR, MX: host name without trailing dot, case kept */
	uint16_t preference; /* MX */
};

struct dns_answer {
	enum dns_status status;
	uint32_t ttl_s;
	bool is_secure;      /* validated by DNSSEC */
	size_t count;
	const struct dns_record *records; /* bounded: never more than DNS_RECORDS_MAX */
	struct dns_note *note; /* NULL: nothing can be kept with this answer */
};

enum { DNS_RECORDS_MAX = 256 };

struct dns_settings {
	const struct str *servers;    /* "192.0.2.1", "127.0.0.1@5353"; none: those of the system */
	size_t server_count;
	const char *zone_file;        /* not NULL: answers come from this file only, see dns/dns_zone.h */
	int timeout_ms;               /* one question */
	bool dnssec;
	const char *trust_anchor_file; /* NULL: none; needed for dnssec */
	int64_t cache_entries;
	int breaker_percent;          /* 0: off; see dns_is_in_trouble */
	/* May be NULL. On the resolver's thread, when a question that was sent has ended, so long after. */
	void (*on_answer)(void *context, enum dns_status, int64_t us);
	void *context;
};

/* NULL and diagnostics if it cannot work at all. The log may be NULL. */
struct dns *dns_open(const struct dns_settings *, struct log *, struct diags *);
/* The same, with the content of a zone file (dns/dns_zone.h) given as text; zone_file is not looked at. The file's
 * name is for the diagnostics. Settings may be NULL: the defaults of a test. */
struct dns *dns_open_zone_text(struct str text, const char *file, const struct dns_settings *, struct log *,
			       struct diags *);
/* Waits until no question is in flight; nobody may ask any more. NULL is allowed. */
void dns_close(struct dns *);
/* Reads the zone file again (reload) and forgets what was kept of the old one. False and diagnostics: the old
 * content stays. True if there is no file. */
bool dns_reload_zone(struct dns *, struct diags *);

/* Never NULL. deadline_mono_ms is on clock_mono_ms(); a cached answer is given even past it. */
const struct dns_answer *dns_ask(struct dns *, struct str name, enum dns_type, int64_t deadline_mono_ms,
				 struct arena *);
/* Starts the question if it is neither cached nor in flight, and returns at once. */
void dns_prefetch(struct dns *, struct str name, enum dns_type);
/* The same; then calls follow(dns, name, type, answer, context) once, on the resolver's thread (or at
 * once, on the caller's, if the answer is cached or the name cannot be asked). It must not block; it may
 * prefetch more. Name and answer are valid during the call. */
typedef void dns_follow(struct dns *, struct str name, enum dns_type, const struct dns_answer *, void *context);
void dns_prefetch_then(struct dns *, struct str name, enum dns_type, dns_follow *, void *context);

/* True while at least breaker_percent of the questions of the last half minute (and at least 20 of them)
 * ended in a temporary failure, and for up to a second after. Changes are logged. */
bool dns_is_in_trouble(const struct dns *);

/* What was made of an answer by the one who asked, kept for those who ask the same again. One allocation of malloc, which
 * the answer frees; it lasts as long as the answer. One note an answer, the first stays: of all readers only one may
 * use notes (auth/dkim_key_record.c). */
const void *dns_note_get(const struct dns_answer *);
/* False: it was not taken over. */
bool dns_note_put(const struct dns_answer *, void *made);

struct dns_counters {
	uint64_t asked;      /* dns_ask and prefetch calls */
	uint64_t from_cache;
	uint64_t joined;     /* waited for an equal question in flight */
	uint64_t sent;       /* went to the resolver */
	uint64_t by_status[DNS_STATUS_COUNT]; /* how those sent ended; BAD_NAME: those that never were */
};
struct dns_counters dns_counters(const struct dns *);
