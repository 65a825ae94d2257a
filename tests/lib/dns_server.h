/* tests/lib/dns_server.h - a name server on loopback, UDP and TCP, that answers what a test wants.
 *
 * What is too long for UDP is cut off there with TC set, and whole over TCP.
 * Owns:    its sockets and its thread.
 * Threads: the handler runs on the server's thread; counters may be read by any.
 * Fails:   aborts the test program. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_server;
struct dns_server_reply;

struct dns_server_query {
	const char *name; /* lower case */
	uint16_t type;
	bool is_tcp;
	int number; /* counts from 1 */
};

typedef void dns_server_handler(const struct dns_server_query *, struct dns_server_reply *);

struct dns_server *dns_server_open(dns_server_handler *);
/* At that port, which must be free. */
struct dns_server *dns_server_open_at(dns_server_handler *, uint16_t port);
void dns_server_close(struct dns_server *);
/* "127.0.0.1@12345" */
const char *dns_server_address(const struct dns_server *);
int dns_server_udp_queries(const struct dns_server *);
int dns_server_tcp_queries(const struct dns_server *);

/* For handlers. Without any call the reply is NOERROR with nothing in it. */
void reply_rcode(struct dns_server_reply *, int rcode);
void reply_after(struct dns_server_reply *, int delay_ms);
void reply_never(struct dns_server_reply *);
/* Answer section; owner NULL: the name asked for. */
void reply_record(struct dns_server_reply *, const char *owner, uint16_t type, uint32_t ttl_s, const void *data,
		  size_t data_bytes);
void reply_address(struct dns_server_reply *, const char *owner, uint32_t ttl_s, const char *address);
/* The data is a name: CNAME, PTR. */
void reply_host(struct dns_server_reply *, const char *owner, uint16_t type, uint32_t ttl_s, const char *host);
/* As strings of at most 255 bytes. */
void reply_text(struct dns_server_reply *, uint32_t ttl_s, const char *text, size_t text_bytes);
/* Authority section; call it last. */
void reply_soa(struct dns_server_reply *, const char *owner, uint32_t ttl_s, uint32_t minimum_s);
