#include "../test.h"

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "milter/inbox.h"

/* As libmilter calls it. */
char *mi_rd_cmd(int socket, struct timeval *timeout, char *command, size_t *bytes, char *name);

enum { MAX_BYTES = 100 * 1000 };
enum { BY_TIMEOUT = 1, BY_ERROR = 4, BY_PEER = 5, BY_SIZE = 7 }; /* what libmilter takes for an end */

static struct {
	int mta, here;
	struct buf sent;
} both;

static int set_up(void **state)
{
	int pair[2];
	(void)state;
	inbox_open(MAX_BYTES);
	buf_init(&both.sent, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return -1;
	both.mta = pair[0];
	both.here = pair[1];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	inbox_close();
	buf_fini(&both.sent);
	close(both.here);
	return both.mta < 0 ? 0 : close(both.mta);
}

static void hang_up(void)
{
	close(both.mta);
	both.mta = -1;
}

static void add(char command, struct str data)
{
	size_t length = data.n + 1;
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(&both.sent, (char)(length >> shift));
	buf_add_char(&both.sent, command);
	buf_add(&both.sent, data);
}

static void send_added(void)
{
	assert_int_equal(send(both.mta, both.sent.p, both.sent.n, 0), both.sent.n);
	both.sent.n = 0;
}

static bool has_something_to_read(void)
{
	struct pollfd p = { .fd = both.here, .events = POLLIN };
	return poll(&p, 1, 0) == 1;
}

static void expect(char command, struct str data)
{
	struct timeval timeout = { .tv_sec = 0 };
	char got;
	size_t n;
	char *p = mi_rd_cmd(both.here, &timeout, &got, &n, NULL);
	assert_int_equal(got, command);
	assert_true((p == NULL) == (data.n == 0));
	assert_true(str_eq((struct str){ p, n }, data));
	free(p);
}

static void libmilter_asks_us(void **state)
{
	unsigned int major, minor, patch;
	(void)state;
	assert_int_equal(smfi_version(&major, &minor, &patch), MI_SUCCESS); /* it is linked */
	assert_true(inbox_open(MAX_BYTES));
}

/* libmilter asks the socket before each packet, and gives the connection away if nothing is there. */
static void something_is_in_the_socket_before_each_packet(void **state)
{
	(void)state;
	add(SMFIC_HELO, STR("mx.example.org\0"));
	add(SMFIC_EOH, STR_EMPTY);
	add(SMFIC_BODY, STR("x"));
	add(SMFIC_BODYEOB, STR_EMPTY);
	send_added();
	assert_true(has_something_to_read());
	expect(SMFIC_HELO, STR("mx.example.org\0"));
	assert_true(has_something_to_read());
	expect(SMFIC_EOH, STR_EMPTY);
	add(SMFIC_QUIT, STR_EMPTY);
	send_added();
	assert_true(has_something_to_read());
	expect(SMFIC_BODY, STR("x"));
	assert_true(has_something_to_read());
	expect(SMFIC_BODYEOB, STR_EMPTY);
	assert_true(has_something_to_read());
	expect(SMFIC_QUIT, STR_EMPTY);
	assert_false(has_something_to_read());
}

static void *send_slowly(void *state)
{
	for (size_t i = 0; i < both.sent.n; i++)
		if (send(both.mta, both.sent.p + i, 1, 0) != 1)
			return state;
	return NULL;
}

static void expect_slowly(char command, struct str data)
{
	struct timeval timeout = { .tv_sec = 10 };
	char got;
	size_t n;
	char *p = mi_rd_cmd(both.here, &timeout, &got, &n, NULL);
	assert_int_equal(got, command);
	assert_true(str_eq((struct str){ p, n }, data));
	free(p);
}

static void packets_come_in_any_pieces(void **state)
{
	enum { ROUNDS = 200, LARGE = 10 * 1000 };
	static char data[LARGE];
	pthread_t mta;
	void *wrong;
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		add(SMFIC_HEADER, STR("Subject\0 x\0"));
		add(SMFIC_EOH, STR_EMPTY);
	}
	add(SMFIC_BODY, (struct str){ data, LARGE });
	assert_int_equal(pthread_create(&mta, NULL, send_slowly, &both), 0);
	for (int i = 0; i < ROUNDS; i++) {
		expect_slowly(SMFIC_HEADER, STR("Subject\0 x\0"));
		expect_slowly(SMFIC_EOH, STR_EMPTY);
	}
	expect_slowly(SMFIC_BODY, (struct str){ data, LARGE });
	assert_int_equal(pthread_join(mta, &wrong), 0);
	assert_null(wrong);
}

/* Around what is read ahead at once, and as much as a packet may have. */
static void packets_of_any_size_come_whole(void **state)
{
	static const size_t sizes[] = { 1, 8186, 8187, 8188, 65535, MAX_BYTES };
	static char data[MAX_BYTES];
	(void)state;
	for (size_t i = 0; i < MAX_BYTES; i++)
		data[i] = (char)(i * 7 + i / 256);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct str body = { data, sizes[i] };
		add(SMFIC_EOH, STR_EMPTY);
		add(SMFIC_BODY, body);
		add(SMFIC_BODY, STR("next"));
		send_added();
		expect(SMFIC_EOH, STR_EMPTY);
		expect(SMFIC_BODY, body);
		expect(SMFIC_BODY, STR("next"));
		assert_false(has_something_to_read());
	}
}

static void what_is_too_large_ends_the_connection(void **state)
{
	(void)state;
	buf_add(&both.sent, STR("\0\1\x86\xa2" "B")); /* one byte more than may be */
	send_added();
	expect(BY_SIZE, STR_EMPTY);
}

static void a_packet_without_command_ends_the_connection(void **state)
{
	(void)state;
	buf_add(&both.sent, STR("\0\0\0\0Q"));
	send_added();
	expect(BY_ERROR, STR_EMPTY);
}

static void a_packet_that_no_mta_sends_ends_the_connection(void **state)
{
	(void)state;
	add(SMFIC_HELO, STR("no end"));
	send_added();
	expect(BY_ERROR, STR_EMPTY);
}

static void a_silent_peer_ends_the_connection(void **state)
{
	(void)state;
	expect(BY_TIMEOUT, STR_EMPTY);
	buf_add(&both.sent, STR("\0\0\0\x09" "B1234"));
	send_added();
	expect(BY_TIMEOUT, STR_EMPTY);
}

static void a_peer_that_leaves_within_a_packet_ends_the_connection(void **state)
{
	(void)state;
	add(SMFIC_EOH, STR_EMPTY);
	buf_add(&both.sent, STR("\0\0\0\x09" "B1234"));
	send_added();
	hang_up();
	expect(SMFIC_EOH, STR_EMPTY);
	expect(BY_PEER, STR_EMPTY);
}

/* A connection that comes later has the same number, and the same thread serves it. */
static void nothing_is_left_for_the_next_connection(void **state)
{
	int pair[2];
	(void)state;
	add(SMFIC_QUIT, STR_EMPTY);
	add(SMFIC_BODY, STR("of the one before"));
	send_added();
	expect(SMFIC_QUIT, STR_EMPTY);
	inbox_close();
	hang_up();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(dup2(pair[1], both.here), both.here);
	close(pair[1]);
	both.mta = pair[0];
	add(SMFIC_BODY, STR("its own"));
	send_added();
	expect(SMFIC_BODY, STR("its own"));
}

/* libmilter tells us that a connection ends with each client, but the next one uses the same socket. */
static void the_next_client_of_a_connection_is_kept(void **state)
{
	(void)state;
	add(SMFIC_QUIT_NC, STR_EMPTY);
	add(SMFIC_HELO, STR("next.example.org\0"));
	add(SMFIC_EOH, STR_EMPTY);
	send_added();
	expect(SMFIC_QUIT_NC, STR_EMPTY);
	inbox_close();
	expect(SMFIC_HELO, STR("next.example.org\0"));
	expect(SMFIC_EOH, STR_EMPTY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libmilter_asks_us),
		TEST(something_is_in_the_socket_before_each_packet),
		TEST(packets_come_in_any_pieces),
		TEST(packets_of_any_size_come_whole),
		TEST(what_is_too_large_ends_the_connection),
		TEST(a_packet_without_command_ends_the_connection),
		TEST(a_packet_that_no_mta_sends_ends_the_connection),
		TEST(a_silent_peer_ends_the_connection),
		TEST(a_peer_that_leaves_within_a_packet_ends_the_connection),
		TEST(nothing_is_left_for_the_next_connection),
		TEST(the_next_client_of_a_connection_is_kept),
	};
	return RUN_TESTS(tests);
}
