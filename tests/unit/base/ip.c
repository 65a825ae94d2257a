#include "../test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/ip.h"

static struct ip ip_of(const char *text)
{
	struct ip ip;
	if (!ip_parse(str_of(text), &ip))
		fail_msg("%s is no address", text);
	return ip;
}

static struct ip_net net_of(const char *text)
{
	struct ip_net net;
	if (!ip_net_parse(str_of(text), &net))
		fail_msg("%s is no network", text);
	return net;
}

static void assert_prints(const char *text, const char *printed)
{
	char out[IP_TEXT_MAX];
	assert_string_equal(ip_print(ip_of(text), out), printed);
}

static void addresses_have_one_spelling(void **state)
{
	(void)state;
	assert_prints("192.0.2.1", "192.0.2.1");
	assert_prints("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
	assert_prints("::", "::");
	assert_prints("::ffff:192.0.2.1", "192.0.2.1");
	assert_prints("::FFFF:c000:0201", "192.0.2.1");
	assert_prints("::192.0.2.1", "::192.0.2.1"); /* compatible, not mapped */
	assert_prints("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	char out[IP_TEXT_MAX];
	assert_string_equal(ip_print((struct ip){ 0 }, out), "unknown");
	assert_true(ip_eq(ip_of("::ffff:192.0.2.1"), ip_of("192.0.2.1")));
	assert_false(ip_eq(ip_of("::1"), ip_of("0.0.0.1")));
}

static void what_is_no_address_leaves_the_result_alone(void **state)
{
	(void)state;
	static const struct str bad[] = {
		{ "", 0 },        { "192.0.2", 7 },     { "192.0.2.256", 11 },   { "192.0.2.01", 10 }, { "192.0.2.1.", 10 },
		{ " 192.0.2.1", 10 }, { "192.0.2.1\0", 10 }, { "192.0.2.1/32", 12 }, { ":::", 3 },         { "1::2::3", 7 },
		{ "fe80::1%lo", 10 }, { "[::1]", 5 },        { "0x7f.0.0.1", 10 },
		{ "0000000000000000000000000000000000000000000000::1", 49 },
	};
	struct ip ip = ip_of("192.0.2.9");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(ip_parse(bad[i], &ip));
		assert_true(ip_eq(ip, ip_of("192.0.2.9")));
	}
}

static void networks_hold_their_addresses(void **state)
{
	(void)state;
	assert_true(ip_in_net(ip_of("192.0.2.255"), net_of("192.0.2.0/24")));
	assert_false(ip_in_net(ip_of("192.0.3.0"), net_of("192.0.2.0/24")));
	assert_true(ip_in_net(ip_of("192.0.2.130"), net_of("192.0.2.129/25"))); /* host bits mean nothing */
	assert_false(ip_in_net(ip_of("192.0.2.127"), net_of("192.0.2.129/25")));
	assert_true(ip_in_net(ip_of("203.0.113.1"), net_of("0.0.0.0/0")));
	assert_true(ip_in_net(ip_of("192.0.2.1"), net_of("192.0.2.1")));
	assert_false(ip_in_net(ip_of("192.0.2.2"), net_of("192.0.2.1")));
	assert_true(ip_in_net(ip_of("2001:db8:ffff::1"), net_of("2001:db8::/32")));
	assert_false(ip_in_net(ip_of("2001:db9::1"), net_of("2001:db8::/32")));
	assert_false(ip_in_net(ip_of("192.0.2.1"), net_of("::/0")));
	assert_false(ip_in_net(ip_of("::1"), net_of("0.0.0.0/0")));
	assert_false(ip_in_net((struct ip){ 0 }, (struct ip_net){ 0 }));
}

static void mapped_networks_are_networks_of_ipv4(void **state)
{
	(void)state;
	struct ip_net net = net_of("::ffff:192.0.2.0/120");
	assert_int_equal(net.prefix_bits, 24);
	assert_true(ip_in_net(ip_of("192.0.2.77"), net));
	assert_int_equal(net_of("::ffff:192.0.2.1").prefix_bits, 32);
	assert_false(ip_net_parse(STR("::ffff:192.0.2.0/95"), &net));
}

static void what_is_no_network_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/24/8", "192.0.2.0/ 8", "2001:db8::/129",
		"/8",           "x/8",        "192.0.2/24",   "192.0.2.0/0024",
	};
	struct ip_net net;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ip_net_parse(str_of(bad[i]), &net));
}

static void networks_are_printed(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_str(ip_net_print(a, net_of("192.0.2.0/24")), "192.0.2.0/24");
	assert_str(ip_net_print(a, net_of("192.0.2.1/32")), "192.0.2.1");
	assert_str(ip_net_print(a, net_of("2001:db8::/32")), "2001:db8::/32");
	arena_free(a);
}

static void sockets_have_addresses(void **state)
{
	(void)state;
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr local = { .sa_family = AF_UNIX };
	assert_true(ip_eq(ip_from_sockaddr((struct sockaddr *)&in4), ip_of("192.0.2.1")));
	inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	assert_true(ip_eq(ip_from_sockaddr((struct sockaddr *)&in6), ip_of("2001:db8::1")));
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr);
	assert_true(ip_eq(ip_from_sockaddr((struct sockaddr *)&in6), ip_of("192.0.2.1")));
	assert_int_equal(ip_from_sockaddr(&local).family, IP_NONE);
	assert_int_equal(ip_from_sockaddr(NULL).family, IP_NONE);
}

static void loopback_is_recognised(void **state)
{
	(void)state;
	assert_true(ip_is_loopback(ip_of("127.0.0.1")));
	assert_true(ip_is_loopback(ip_of("127.255.0.1")));
	assert_true(ip_is_loopback(ip_of("::1")));
	assert_true(ip_is_loopback(ip_of("::ffff:127.0.0.1")));
	assert_false(ip_is_loopback(ip_of("128.0.0.1")));
	assert_false(ip_is_loopback(ip_of("::2")));
	assert_false(ip_is_loopback((struct ip){ 0 }));
}

/* RFC 3596 2.5 has the example. */
static void reverse_names_are_those_of_dns(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_str(ip_reverse_name(a, ip_of("192.0.2.10")), "10.2.0.192.in-addr.arpa");
	assert_str(ip_reverse_name(a, ip_of("4321:0:1:2:3:4:567:89ab")),
		   "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
	arena_free(a);
}

static void a_set_holds_what_its_networks_hold(void **state)
{
	(void)state;
	static const char *const nets[] = {
		"10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/24", "192.0.2.7",    "255.255.255.255", "0.0.0.0",
		"2001:db8::/32", "2001:db8:5::/48", "::1", "10.255.255.255", "11.0.0.0/32",
	};
	static const char *const in[] = { "10.0.0.0", "10.200.3.4", "10.255.255.255", "11.0.0.0", "192.0.2.7",
					  "0.0.0.0",  "255.255.255.255", "::1", "2001:db8::", "2001:db8:ffff:ffff::" };
	static const char *const out[] = { "9.255.255.255", "11.0.0.1", "192.0.2.6", "192.0.2.8", "0.0.0.1",
					   "255.255.255.254", "::", "::2", "2001:db7:ffff::", "2001:db9::" };
	struct arena *a = arena_new();
	struct ip_set *set = ip_set_new(a);
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		ip_set_add(set, net_of(nets[i]));
	ip_set_seal(set);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		assert_true(ip_set_has(set, ip_of(in[i])));
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		assert_false(ip_set_has(set, ip_of(out[i])));
	assert_int_equal(ip_set_count(set), 7);
	assert_str(ip_net_print(a, ip_set_at(set, 0)), "0.0.0.0");
	assert_str(ip_net_print(a, ip_set_at(set, 1)), "10.0.0.0/8");
	assert_str(ip_net_print(a, ip_set_at(set, 6)), "2001:db8::/32");
	arena_free(a);
}

static void an_address_with_an_odd_end_is_shown_as_one(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct ip_set *set = ip_set_new(a);
	ip_set_add(set, net_of("192.0.2.7"));
	ip_set_add(set, net_of("2001:db8::1"));
	ip_set_seal(set);
	assert_str(ip_net_print(a, ip_set_at(set, 0)), "192.0.2.7");
	assert_str(ip_net_print(a, ip_set_at(set, 1)), "2001:db8::1");
	arena_free(a);
}

static void an_empty_set_holds_nothing(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct ip_set *set = ip_set_new(a);
	ip_set_seal(set);
	assert_false(ip_set_has(set, ip_of("192.0.2.1")));
	assert_int_equal(ip_set_count(set), 0);
	arena_free(a);
}

/* The set agrees with asking every network. */
static void a_set_agrees_with_its_networks(void **state)
{
	(void)state;
	enum { NETS = 300, ASKED = 3000 };
	struct arena *a = arena_new();
	struct ip_set *set = ip_set_new(a);
	struct ip_net nets[NETS];
	unsigned seed = 1;
	for (int i = 0; i < NETS; i++) {
		struct ip ip = { IP_V4, { 10, 0, (uint8_t)rand_r(&seed), (uint8_t)rand_r(&seed) } };
		nets[i] = (struct ip_net){ ip, 20 + (unsigned)rand_r(&seed) % 13 };
		if (nets[i].prefix_bits > 22)
			ip_set_add(set, nets[i]);
	}
	ip_set_seal(set);
	for (int i = 0; i < ASKED; i++) {
		struct ip ip = { IP_V4, { 10, 0, (uint8_t)rand_r(&seed), (uint8_t)rand_r(&seed) } };
		bool expected = false;
		for (int k = 0; k < NETS; k++)
			expected |= nets[k].prefix_bits > 22 && ip_in_net(ip, nets[k]);
		assert_int_equal(ip_set_has(set, ip), expected);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_one_spelling),
		cmocka_unit_test(what_is_no_address_leaves_the_result_alone),
		cmocka_unit_test(networks_hold_their_addresses),
		cmocka_unit_test(mapped_networks_are_networks_of_ipv4),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(networks_are_printed),
		cmocka_unit_test(sockets_have_addresses),
		cmocka_unit_test(loopback_is_recognised),
		cmocka_unit_test(reverse_names_are_those_of_dns),
		cmocka_unit_test(a_set_holds_what_its_networks_hold),
		cmocka_unit_test(an_address_with_an_odd_end_is_shown_as_one),
		cmocka_unit_test(an_empty_set_holds_nothing),
		cmocka_unit_test(a_set_agrees_with_its_networks),
	};
	return RUN_TESTS(tests);
}
