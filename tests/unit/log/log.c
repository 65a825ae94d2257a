#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/clock.h"
#include "base/diag.h"
#include "log/log.h"

/* What the journal would have got: these stand in for the functions of the library. */
static char sent[8192];
static bool has_journal = true;
static bool is_journal_full;

int sd_journal_stream_fd(const char *identifier, int priority, int level_prefix)
{
	(void)identifier;
	(void)priority;
	(void)level_prefix;
	return has_journal ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -ENOENT;
}

int sd_journal_sendv(const struct iovec *iov, int n)
{
	if (is_journal_full)
		return -ENOBUFS;
	for (int i = 0; i < n; i++)
		snprintf(sent + strlen(sent), sizeof(sent) - strlen(sent), "%.*s\n", (int)iov[i].iov_len,
			 (const char *)iov[i].iov_base);
	return 0;
}

static char folder[64];
static char path[100];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/gatepost-log.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/log", folder);
	memset(sent, 0, sizeof(sent));
	clock_set_unix_s(1767225599);
	setenv("TZ", "UTC", 1); /* syslog has local time */
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	char rotated[160];
	snprintf(rotated, sizeof(rotated), "%s.1", path);
	unlink(path);
	unlink(rotated);
	clock_set_unix_s(0);
	return rmdir(folder);
}

static struct log *open_log(const char *target, enum log_format format, enum log_level level)
{
	struct diags *diags = diags_new();
	struct log *log = log_open(&(struct log_settings){ .target = target, .format = format, .level = level,
							  .syslog_path = path, .journal_path = folder }, diags);
	assert_int_equal(diags_errors(diags), log == NULL ? 1 : 0);
	diags_free(diags);
	return log;
}

static struct log *open_file_log(enum log_format format, enum log_level level)
{
	char target[160];
	snprintf(target, sizeof(target), "file:%s", path);
	struct log *log = open_log(target, format, level);
	assert_non_null(log);
	return log;
}

static const char *contents(const char *file)
{
	static char text[1 << 20];
	FILE *f = fopen(file, "re");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void lines_carry_time_and_level(void **state)
{
	(void)state;
	struct log *log = open_file_log(FORMAT_TEXT, LEVEL_DEBUG);
	log_error(log, "no key %s", "b2026");
	log_warn(log, "slow");
	log_info(log, "ready");
	log_debug(log, "%d of %d", 1, 2);
	log_record(log, STR("4XYZ: accepted"), STR("{\"id\":1}"));
	assert_string_equal(contents(path), "2025-12-31T23:59:59.000Z error: no key b2026\n"
					    "2025-12-31T23:59:59.000Z warn: slow\n"
					    "2025-12-31T23:59:59.000Z info: ready\n"
					    "2025-12-31T23:59:59.000Z debug: 1 of 2\n"
					    "2025-12-31T23:59:59.000Z 4XYZ: accepted\n");
	assert_int_equal(log_format(log), FORMAT_TEXT);
	assert_int_equal(log_lost_lines(log), 0);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0640u, 0);
	log_close(log);
}

static void the_level_holds_back_messages_but_no_records(void **state)
{
	(void)state;
	struct log *log = open_file_log(FORMAT_TEXT, LEVEL_ERROR);
	log_warn(log, "w");
	log_info(log, "i");
	log_debug(log, "d");
	log_record(log, STR("record"), STR("{}"));
	log_error(log, "e");
	assert_string_equal(contents(path), "2025-12-31T23:59:59.000Z record\n2025-12-31T23:59:59.000Z error: e\n");
	log_close(log);
}

static void a_line_is_one_line(void **state)
{
	(void)state;
	struct log *log = open_file_log(FORMAT_TEXT, LEVEL_INFO);
	log_info(log, "a\nb\tc\x1b[31m caf\xc3\xa9 \x7f \\");
	log_record(log, STR("x\0y\r\n"), STR("{}"));
	assert_string_equal(contents(path),
			    "2025-12-31T23:59:59.000Z info: a\\x0ab\\x09c\\x1b[31m caf\\xc3\\xa9 \\x7f \\\n"
			    "2025-12-31T23:59:59.000Z x\\x00y\\x0d\\x0a\n");
	log_close(log);
}

static void json_lines_are_json(void **state)
{
	(void)state;
	struct log *log = open_file_log(FORMAT_JSON, LEVEL_INFO);
	log_warn(log, "a \"b\"\n");
	log_record(log, STR("text"), STR("{\"subject\":\"caf\xc3\xa9\"}"));
	assert_string_equal(
		contents(path),
		"{\"time\":\"2025-12-31T23:59:59.000Z\",\"level\":\"warn\",\"message\":\"a \\\"b\\\"\\\\x0a\"}\n"
		"{\"subject\":\"caf\xc3\xa9\"}\n");
	assert_int_equal(log_format(log), FORMAT_JSON);
	log_close(log);
}

static void long_messages_are_cut(void **state)
{
	(void)state;
	struct log *log = open_file_log(FORMAT_TEXT, LEVEL_INFO);
	char *big = test_malloc(100001);
	memset(big, 'x', 100000);
	big[100000] = '\0';
	log_info(log, "%s", big);
	assert_in_range(strlen(contents(path)), 4000, 5000);
	log_record(log, str_of(big), STR("{}")); /* records are bounded by their maker */
	assert_true(strlen(contents(path)) > 104000);
	test_free(big);
	log_close(log);
}

static void a_moved_file_is_made_again(void **state)
{
	(void)state;
	char rotated[160];
	struct log *log = open_file_log(FORMAT_TEXT, LEVEL_INFO);
	log_info(log, "one");
	snprintf(rotated, sizeof(rotated), "%s.1", path);
	assert_int_equal(rename(path, rotated), 0);
	log_info(log, "two");
	log_reopen(log);
	log_info(log, "three");
	assert_string_equal(contents(rotated),
			    "2025-12-31T23:59:59.000Z info: one\n2025-12-31T23:59:59.000Z info: two\n");
	assert_string_equal(contents(path), "2025-12-31T23:59:59.000Z info: three\n");
	log_close(log);
}

static void a_file_that_cannot_be_made_again_stays(void **state)
{
	(void)state;
	char rotated[160];
	struct log *log = open_file_log(FORMAT_TEXT, LEVEL_INFO);
	snprintf(rotated, sizeof(rotated), "%s.1", path);
	assert_int_equal(rename(path, rotated), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	log_reopen(log);
	log_info(log, "still here");
	assert_non_null(strstr(contents(rotated), "cannot be opened again: Is a directory\n"));
	assert_non_null(strstr(contents(rotated), "still here\n"));
	assert_int_equal(rmdir(path), 0);
	log_close(log);
}

static void lost_lines_are_counted(void **state)
{
	(void)state;
	struct log *log = open_log("file:/dev/full", FORMAT_TEXT, LEVEL_INFO);
	assert_non_null(log);
	log_info(log, "one");
	log_record(log, STR("two"), STR("{}"));
	log_debug(log, "held back is not lost");
	assert_int_equal(log_lost_lines(log), 2);
	log_close(log);
}

static void a_torn_line_ends_before_the_next(void **state)
{
	(void)state;
	int ends[2], saved = dup(STDOUT_FILENO);
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	int room = fcntl(ends[1], F_SETPIPE_SZ, 4096);
	assert_true(room >= 4096);
	char *big = test_malloc((size_t)room + 1);
	memset(big, 'x', (size_t)room);
	big[room] = '\0';
	fflush(stdout);
	dup2(ends[1], STDOUT_FILENO);
	struct log *log = open_log("stdout", FORMAT_TEXT, LEVEL_INFO);
	log_record(log, str_of(big), STR("")); /* longer than the pipe holds */
	ssize_t torn = read(ends[0], big, (size_t)room);
	log_record(log, STR("whole"), STR(""));
	log_close(log); /* the count may come a moment later */
	char next[200] = "";
	ssize_t got = read(ends[0], next, sizeof(next) - 1);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	test_free(big);
	assert_int_equal(torn, room);
	assert_true(got > 0);
	assert_string_equal(next, "\n2025-12-31T23:59:59.000Z whole\n"
				  "2025-12-31T23:59:59.000Z warn: log: 1 lines could not be written and are lost\n");
}

/* All that is in the pipe now. */
static size_t drain(int fd, char *text, size_t room)
{
	size_t n = 0;
	ssize_t got;
	while (n + 1 < room && (got = read(fd, text + n, room - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return n;
}

static void a_reader_that_stops_holds_nobody_up(void **state)
{
	(void)state;
	enum { MANY = 5000 };
	static char text[4 << 20];
	assert_int_equal(mkfifo(path, 0600), 0);
	struct log *log = open_file_log(FORMAT_TEXT, LEVEL_INFO); /* nobody reads yet */
	int64_t began_ms = clock_mono_ms();
	for (int i = 0; i < MANY; i++)
		log_info(log, "line %d of some that are more than the pipe holds", i);
	assert_in_range(clock_mono_ms() - began_ms, 0, 2000);
	int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	size_t have = 0;
	while (strstr(text, "line 4999 ") == NULL && clock_mono_ms() - began_ms < 20000)
		have += drain(reader, text + have, sizeof(text) - have);
	assert_non_null(strstr(text, "line 4999 ")); /* what it missed was kept */
	assert_int_equal(log_lost_lines(log), 0);
	log_info(log, "and on");
	drain(reader, text, sizeof(text));
	assert_non_null(strstr(text, "and on\n")); /* a line that gets through is waited for again */
	log_close(log);
	close(reader);
}

static void what_nobody_ever_reads_is_lost_and_counted(void **state)
{
	(void)state;
	char *big = test_malloc(1 << 20);
	memset(big, 'x', 1 << 20);
	assert_int_equal(mkfifo(path, 0600), 0);
	struct log *log = open_file_log(FORMAT_TEXT, LEVEL_INFO);
	for (int i = 0; i < 40; i++)
		log_record(log, (struct str){ big, 1 << 20 }, STR("{}"));
	assert_in_range(log_lost_lines(log), 20, 30); /* the queue holds 16 MB */
	int64_t began_ms = clock_mono_ms();
	log_close(log); /* gives up: its thread hangs in write(2) until the process ends */
	assert_in_range(clock_mono_ms() - began_ms, 1500, 5000);
	int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(drain(reader, big, 1 << 20) > 0);
	test_free(big);
}

static void a_stream_to_the_journal_has_priorities_and_no_time(void **state)
{
	(void)state;
	struct stat st;
	char stream[64], text[200] = "";
	int ends[2], saved = dup(STDERR_FILENO);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fstat(ends[1], &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(ends[1], STDERR_FILENO);
	struct log *log = open_log("stderr", FORMAT_TEXT, LEVEL_INFO);
	log_error(log, "bad");
	setenv("JOURNAL_STREAM", "1:1", 1);
	struct log *elsewhere = open_log("stderr", FORMAT_TEXT, LEVEL_INFO);
	log_error(elsewhere, "bad");
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	unsetenv("JOURNAL_STREAM");
	assert_true(n > 0);
	assert_string_equal(text, "<3>error: bad\n2025-12-31T23:59:59.000Z error: bad\n");
	log_close(log);
	log_close(elsewhere);
}

static void the_journal_gets_fields(void **state)
{
	(void)state;
	struct log *log = open_log("journal", FORMAT_JSON, LEVEL_INFO);
	log_warn(log, "a\nb");
	log_record(log, STR("4XYZ: accepted"), STR("{\"id\":1}"));
	assert_string_equal(
		sent, "MESSAGE=a\\x0ab\nPRIORITY=4\nSYSLOG_IDENTIFIER=gatepost\n"
		      "MESSAGE=4XYZ: accepted\nPRIORITY=6\nSYSLOG_IDENTIFIER=gatepost\nGATEPOST_RECORD={\"id\":1}\n");
	is_journal_full = true;
	log_info(log, "lost");
	is_journal_full = false;
	assert_int_equal(log_lost_lines(log), 1);
	assert_int_equal(rmdir(folder), 0);
	log_info(log, "lost: its socket is gone");
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(log_lost_lines(log), 2);
	log_close(log);
	memset(sent, 0, sizeof(sent));
	log = open_log("journal", FORMAT_TEXT, LEVEL_INFO);
	log_record(log, STR("text"), STR("{}"));
	assert_string_equal(sent, "MESSAGE=text\nPRIORITY=6\nSYSLOG_IDENTIFIER=gatepost\n");
	log_close(log);
	has_journal = false;
	assert_null(open_log("journal", FORMAT_TEXT, LEVEL_INFO));
	has_journal = true;
}

/* Who reads what is sent to syslog: datagrams, or a stream that it must accept first. */
static int listen_as_syslog(int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

/* The next line, whose sender and time must be right, without them. */
static const char *syslog_line(int fd)
{
	static char line[300];
	char head[100];
	ssize_t n = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT);
	line[n < 0 ? 0 : n] = '\0';
	if (n <= 0)
		return "nothing";
	snprintf(head, sizeof(head), ">Dec 31 23:59:59 gatepost[%d]: ", (int)getpid());
	char *found = strstr(line, head);
	assert_non_null(found);
	const char *text = found + strlen(head);
	memmove(found + 1, text, strlen(text) + 1);
	return line;
}

static void syslog_gets_text_and_json_if_asked_for(void **state)
{
	(void)state;
	int fd = listen_as_syslog(SOCK_DGRAM);
	struct log *log = open_log("syslog", FORMAT_TEXT, LEVEL_INFO);
	log_error(log, "100%% \x01");
	log_record(log, STR("a %s b"), STR("{}"));
	assert_string_equal(syslog_line(fd), "<19>100% \\x01");
	assert_string_equal(syslog_line(fd), "<22>a %s b");
	assert_string_equal(syslog_line(fd), "nothing");
	log_close(log);
	log = open_log("syslog", FORMAT_JSON, LEVEL_INFO);
	log_record(log, STR("a"), STR("{\"id\":1}"));
	log_info(log, "b");
	assert_string_equal(syslog_line(fd), "<22>a");
	assert_string_equal(syslog_line(fd), "<22>{\"id\":1}");
	assert_string_equal(syslog_line(fd), "<22>b");
	assert_int_equal(log_lost_lines(log), 0);
	log_close(log);
	close(fd);
}

static void a_syslog_that_takes_a_stream_gets_one(void **state)
{
	(void)state;
	int fd = listen_as_syslog(SOCK_STREAM);
	struct log *log = open_log("syslog", FORMAT_TEXT, LEVEL_INFO);
	int stream = accept(fd, NULL, NULL);
	log_info(log, "one");
	char text[100];
	ssize_t n = recv(stream, text, sizeof(text), MSG_DONTWAIT);
	assert_in_range(n, 5, sizeof(text));
	assert_memory_equal(text + n - 6, ": one", 6); /* with its NUL */
	log_close(log);
	close(stream);
	close(fd);
}

static void what_a_syslog_that_is_gone_does_not_get_is_counted_and_told(void **state)
{
	(void)state;
	int fd = listen_as_syslog(SOCK_DGRAM);
	struct log *log = open_log("syslog", FORMAT_TEXT, LEVEL_INFO);
	close(fd); /* its file stays */
	log_info(log, "lost");
	unlink(path);
	log_record(log, STR("lost"), STR("{}"));
	assert_int_equal(log_lost_lines(log), 2);
	fd = listen_as_syslog(SOCK_DGRAM);
	log_info(log, "there again");
	assert_string_equal(syslog_line(fd), "<22>there again");
	log_close(log); /* the count may come a moment later */
	assert_string_equal(syslog_line(fd), "<20>log: 2 lines could not be written and are lost");
	close(fd);
}

static void a_syslog_that_comes_later_is_found(void **state)
{
	(void)state;
	struct log *log = open_log("syslog", FORMAT_TEXT, LEVEL_INFO);
	assert_non_null(log);
	int fd = listen_as_syslog(SOCK_DGRAM);
	log_info(log, "ready");
	assert_string_equal(syslog_line(fd), "<22>ready");
	log_close(log);
	close(fd);
}

static void a_syslog_that_reads_nothing_holds_nobody_up(void **state)
{
	(void)state;
	enum { MANY = 150, SIZE = 160 << 10 }; /* more than the queue holds */
	int fd = listen_as_syslog(SOCK_DGRAM);
	struct log *log = open_log("syslog", FORMAT_TEXT, LEVEL_INFO);
	char *big = test_malloc(SIZE);
	memset(big, 'x', SIZE);
	int64_t began_ms = clock_mono_ms();
	for (int i = 0; i < MANY; i++)
		log_record(log, (struct str){ big, SIZE }, STR("{}"));
	assert_in_range(clock_mono_ms() - began_ms, 0, 5000);
	uint64_t lost = log_lost_lines(log);
	assert_in_range(lost, 30, 60); /* the queue holds 16 MB */
	char told[100];
	snprintf(told, sizeof(told), ": log: %ju lines could not be written and are lost", (uintmax_t)lost);
	*big = '\0';
	while (strstr(big, told) == NULL && clock_mono_ms() - began_ms < 20000) {
		ssize_t n = recv(fd, big, SIZE - 1, MSG_DONTWAIT);
		big[n < 0 ? 0 : n] = '\0';
	}
	assert_non_null(strstr(big, told));
	test_free(big);
	close(fd); /* the log would wait for it with what is left */
	log_close(log);
}

static void bad_targets_are_diagnosed(void **state)
{
	(void)state;
	const char *const bad[] = { "", "stdeer", "file:", "file:/nonexistent/log", "file:/", "/var/log/x" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(open_log(bad[i], FORMAT_TEXT, LEVEL_INFO));
}

static void no_log_and_none_take_everything(void **state)
{
	(void)state;
	log_error(NULL, "x");
	log_record(NULL, STR("x"), STR("{}"));
	log_reopen(NULL);
	log_close(NULL);
	assert_int_equal(log_format(NULL), FORMAT_TEXT);
	assert_int_equal(log_lost_lines(NULL), 0);
	struct log *log = open_log("none", FORMAT_JSON, LEVEL_DEBUG);
	log_error(log, "x");
	log_record(log, STR("x"), STR("{}"));
	log_reopen(log);
	assert_int_equal(log_lost_lines(log), 0);
	log_close(log);
}

enum { WRITERS = 4, LINES = 200 };

static void *write_lines(void *log)
{
	for (int i = 0; i < LINES; i++) {
		log_record(log, STR("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), STR("{}"));
		if (i % 50 == 0)
			log_reopen(log);
	}
	return NULL;
}

static void threads_write_whole_lines(void **state)
{
	(void)state;
	struct log *log = open_file_log(FORMAT_TEXT, LEVEL_INFO);
	pthread_t threads[WRITERS];
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, log), 0);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	struct str rest = str_of(contents(path)), line;
	int lines = 0;
	for (; str_next(&rest, '\n', &line); lines++)
		assert_int_equal(line.n, 25 + 65);
	assert_int_equal(lines, WRITERS * LINES);
	log_close(log);
}

int main(void)
{
#define TEST_IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		TEST_IN_FOLDER(lines_carry_time_and_level),
		TEST_IN_FOLDER(the_level_holds_back_messages_but_no_records),
		TEST_IN_FOLDER(a_line_is_one_line),
		TEST_IN_FOLDER(json_lines_are_json),
		TEST_IN_FOLDER(long_messages_are_cut),
		TEST_IN_FOLDER(a_moved_file_is_made_again),
		TEST_IN_FOLDER(a_file_that_cannot_be_made_again_stays),
		TEST_IN_FOLDER(lost_lines_are_counted),
		TEST_IN_FOLDER(a_torn_line_ends_before_the_next),
		TEST_IN_FOLDER(a_reader_that_stops_holds_nobody_up),
		TEST_IN_FOLDER(what_nobody_ever_reads_is_lost_and_counted),
		TEST_IN_FOLDER(a_stream_to_the_journal_has_priorities_and_no_time),
		TEST_IN_FOLDER(the_journal_gets_fields),
		TEST_IN_FOLDER(syslog_gets_text_and_json_if_asked_for),
		TEST_IN_FOLDER(a_syslog_that_takes_a_stream_gets_one),
		TEST_IN_FOLDER(what_a_syslog_that_is_gone_does_not_get_is_counted_and_told),
		TEST_IN_FOLDER(a_syslog_that_comes_later_is_found),
		TEST_IN_FOLDER(a_syslog_that_reads_nothing_holds_nobody_up),
		TEST_IN_FOLDER(bad_targets_are_diagnosed),
		TEST_IN_FOLDER(no_log_and_none_take_everything),
		TEST_IN_FOLDER(threads_write_whole_lines),
	};
	return RUN_TESTS(tests);
}
