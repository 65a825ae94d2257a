/* What Redis brings beyond the contract of every store: the way in, going away and coming back, several gateways. */
#include "bench.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "log/log.h"
#include "store/redis_url.h"

enum { HOUR_MS = 3600000, BACK_MS = 15000, SLOW_MS = 1000 };

static const struct store_bucket hourly = { { "messages", 8 }, 1000000, HOUR_MS };

static enum store_status take_of(struct store *store, struct store_bucket bucket, int64_t *wait_ms)
{
	int64_t one = 1;
	size_t which;
	return store_take(store, &bucket, 1, &one, wait_ms, &which);
}

static enum store_status take(struct store *store)
{
	int64_t wait_ms = 0;
	return take_of(store, hourly, &wait_ms);
}

/* Everything on the way of mail; all answer the same, each in time. */
static enum store_status ask_everything(struct bench *b)
{
	struct suppression suppression;
	struct refusal refusal;
	enum store_status answers[3];
	for (int i = 0; i < 3; i++) {
		int64_t start_ms = clock_mono_ms();
		answers[i] = i == 0 ? take(b->store)
			     : i == 1 ? store_find_suppression(b->store, STR("s"), STR("a@x"), b->arena, &suppression)
				      : store_find_refusal(b->store, STR("k"), b->arena, &refusal);
		int64_t passed_ms = clock_mono_ms() - start_ms;
		if (passed_ms > SLOW_MS)
			fail_msg("question %d took %d ms", i, (int)passed_ms);
	}
	assert_int_equal(answers[0] == STORE_UNAVAILABLE, answers[1] == STORE_UNAVAILABLE);
	assert_int_equal(answers[0] == STORE_UNAVAILABLE, answers[2] == STORE_UNAVAILABLE);
	return answers[0];
}

static void wait_until_it_answers(struct store *store)
{
	int64_t until_ms = clock_mono_ms() + BACK_MS;
	while (take(store) != STORE_OK) {
		if (clock_mono_ms() > until_ms)
			fail_msg("it does not come back");
		usleep(10 * 1000);
	}
}

/* Who finds out waits no longer than others do. */
static void wait_until_it_is_away(struct store *store)
{
	int64_t start_ms = clock_mono_ms(), until_ms = start_ms + BACK_MS;
	while (take(store) == STORE_OK) {
		start_ms = clock_mono_ms();
		if (start_ms > until_ms)
			fail_msg("it is still there");
	}
	assert_in_range(clock_mono_ms() - start_ms, 0, SLOW_MS);
}

static void restart(struct bench *b)
{
	assert_true(redis_server_start(&b->server, b->folder, NULL));
}

static bool is_said(struct bench *b, const char *part)
{
	for (size_t i = 0; i < diags_count(b->diags); i++)
		if (strstr(diag_line(b->diags, diags_at(b->diags, i)), part) != NULL)
			return true;
	return false;
}

static void assert_said(struct bench *b, const char *part)
{
	if (!is_said(b, part))
		fail_msg("no diagnostic says \"%s\": %s", part,
			 diags_count(b->diags) > 0 ? diag_line(b->diags, diags_at(b->diags, 0)) : "none at all");
}

static struct log *open_log(struct bench *b)
{
	struct str target = str_printf(b->arena, "file:%s/log", b->folder);
	const struct log_settings settings = { .target = target.p, .level = LEVEL_INFO };
	return log_open(&settings, b->diags);
}

static size_t count_in_log(struct bench *b, const char *part)
{
	char line[1024];
	size_t count = 0;
	FILE *f = fopen(str_printf(b->arena, "%s/log", b->folder).p, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		count += strstr(line, part) != NULL;
	if (f != NULL)
		fclose(f);
	return count;
}

/* ---- the URL ----------------------------------------------------------------------------------------------- */

static void urls_say_where_redis_is(void **state)
{
	struct bench *b = *state;
	struct redis_url u;
	assert_true(redis_url_parse(b->arena, STR("/run/redis/redis.sock"), &u, b->diags));
	assert_str(u.path, "/run/redis/redis.sock");
	assert_str(u.prefix, "gatepost:");
	assert_true(redis_url_parse(b->arena, STR("/r.sock?prefix=g1:&database=3&user=u&password_file=/p"), &u, b->diags));
	assert_str(u.path, "/r.sock");
	assert_str(u.prefix, "g1:");
	assert_str(u.user, "u");
	assert_str(u.password_file, "/p");
	assert_int_equal(u.database, 3);
	assert_str(u.shown, "redis:/r.sock");
	assert_true(redis_url_parse(b->arena, STR("//127.0.0.1:7000?password_file=/p"), &u, b->diags));
	assert_str(u.host, "127.0.0.1");
	assert_int_equal(u.port, 7000);
	assert_int_equal(u.path.n, 0);
	assert_true(redis_url_parse(b->arena, STR("//[::1]:7001?password_file=/p"), &u, b->diags));
	assert_str(u.host, "::1");
	assert_int_equal(u.port, 7001);
	assert_true(redis_url_parse(b->arena, STR("//[::1]?password_file=/p"), &u, b->diags));
	assert_str(u.host, "::1");
	assert_int_equal(u.port, 6379);
	assert_true(redis_url_parse(b->arena, STR("//localhost?password_file=/p"), &u, b->diags));
	assert_int_equal(diags_count(b->diags), 0);
}

static void what_is_open_to_others_is_warned_of(void **state)
{
	struct bench *b = *state;
	struct redis_url u;
	assert_true(redis_url_parse(b->arena, STR("//redis.example.net:6379?password_file=/p"), &u, b->diags));
	assert_said(b, "plain text");
	assert_int_equal(diags_count(b->diags), 1);
	assert_true(redis_url_parse(b->arena, STR("//127.0.0.1"), &u, b->diags));
	assert_said(b, "without password_file");
	struct str path = str_printf(b->arena, "%s/password", b->folder);
	fclose(fopen(path.p, "w"));
	chmod(path.p, 0644);
	store_check_url(str_printf(b->arena, "redis:/r.sock?password_file=%s", path.p), b->diags);
	assert_said(b, "chmod 0640");
	assert_int_equal(diags_errors(b->diags), 0);
}

static void wrong_urls_say_what_is_wrong(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *url, *said;
	} wrong[] = {
		{ "redis:", "use redis:/PATH or redis://HOST:PORT" },
		{ "redis:/", "use redis:/PATH or redis://HOST:PORT" },
		{ "redis:relative.sock", "use redis:/PATH or redis://HOST:PORT" },
		{ "redis://", "use redis:/PATH or redis://HOST:PORT" },
		{ "redis://:6379", "use redis:/PATH or redis://HOST:PORT" },
		{ "redis://h:0", "use redis:/PATH or redis://HOST:PORT" },
		{ "redis://h:65536", "use redis:/PATH or redis://HOST:PORT" },
		{ "redis://h:12x", "use redis:/PATH or redis://HOST:PORT" },
		{ "redis://h:", "use redis:/PATH or redis://HOST:PORT" },
		{ "redis://:secret@h", "a password does not belong here" },
		{ "redis:/s?pasword_file=/p", "no parameter \"pasword_file\"" },
		{ "redis:/s?password_file=p", "must begin with a slash" },
		{ "redis:/s?database=x", "is no number" },
		{ "redis:/s?database=65536", "is no number" },
		{ "redis:/s?user=u", "user needs a password_file" },
		{ "redis:/s?prefix=12345678901234567890123456789012345678901234567890123456789012345", "too long" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		diags_free(b->diags);
		b->diags = diags_new();
		assert_null(store_open(str_of(wrong[i].url), NULL, b->diags));
		assert_said(b, wrong[i].said);
		size_t errors = diags_errors(b->diags);
		store_check_url(str_of(wrong[i].url), b->diags);
		assert_int_equal(diags_errors(b->diags), 2 * errors);
	}
}

/* ---- the way in -------------------------------------------------------------------------------------------- */

static struct str password_file(struct bench *b, const char *content)
{
	struct str path = str_printf(b->arena, "%s/password", b->folder);
	FILE *f = fopen(path.p, "w");
	fputs(content, f);
	fclose(f);
	chmod(path.p, 0600);
	return path;
}

static void start_with(struct bench *b, const char *settings)
{
	redis_server_kill(&b->server);
	assert_true(redis_server_start(&b->server, b->folder, settings));
}

static void a_password_comes_from_a_file(void **state)
{
	struct bench *b = *state;
	start_with(b, "requirepass \"open sesame\"");
	struct str path = password_file(b, "open sesame\nnothing else counts\n");
	assert_null(store_open(b->url, NULL, b->diags));
	assert_said(b, "does not let us in: NOAUTH");
	b->store = store_open(str_printf(b->arena, "%s?password_file=%s", b->url.p, path.p), NULL, b->diags);
	assert_non_null(b->store);
	assert_int_equal(take(b->store), STORE_OK);
	password_file(b, "wrong");
	assert_null(store_open(str_printf(b->arena, "%s?password_file=%s", b->url.p, path.p), NULL, b->diags));
	assert_said(b, "does not let us in: WRONGPASS");
	password_file(b, "\nopen sesame");
	assert_null(store_open(str_printf(b->arena, "%s?password_file=%s", b->url.p, path.p), NULL, b->diags));
	assert_said(b, "holds no password");
	assert_null(store_open(str_printf(b->arena, "%s?password_file=/none", b->url.p), NULL, b->diags));
	assert_said(b, "/none: No such file");
	assert_null(store_open(str_printf(b->arena, "%s?database=99", b->url.p), NULL, b->diags));
	assert_said(b, "does not let us in: NOAUTH");
}

static void a_user_may_be_named(void **state)
{
	struct bench *b = *state;
	start_with(b, "user gate on >sesame ~gatepost:* +@all\nuser default off");
	struct str path = password_file(b, "sesame");
	struct str url = str_printf(b->arena, "%s?user=gate&password_file=%s", b->url.p, path.p);
	b->store = store_open(url, NULL, b->diags);
	assert_non_null(b->store);
	assert_int_equal(ask_everything(b), STORE_OK);
	/* Its keys are those with our prefix. */
	assert_null(store_open(str_printf(b->arena, "%s&prefix=other:", url.p), NULL, b->diags));
	assert_said(b, "does not let us in: NOPERM");
}

static void over_tcp_too(void **state)
{
	struct bench *b = *state;
	b->server.port = 20000 + getpid() % 20000;
	start_with(b, "requirepass sesame");
	struct str path = password_file(b, "sesame");
	b->store = store_open(str_printf(b->arena, "redis://127.0.0.1:%d?password_file=%s", b->server.port, path.p), NULL,
			      b->diags);
	assert_non_null(b->store);
	assert_int_equal(diags_count(b->diags), 0);
	assert_int_equal(ask_everything(b), STORE_OK);
}

static void prefixes_and_databases_are_apart(void **state)
{
	struct bench *b = *state;
	static const char *const others[] = { "?prefix=other:", "?database=1" };
	const struct store_bucket one = { STR("k"), 1, HOUR_MS };
	int64_t wait_ms;
	assert_int_equal(take_of(b->store, one, &wait_ms), STORE_OK);
	for (size_t i = 0; i < 2; i++) {
		struct store *other = store_open(str_printf(b->arena, "%s%s", b->url.p, others[i]), NULL, b->diags);
		assert_int_equal(take_of(other, one, &wait_ms), STORE_OK);
		assert_int_equal(wait_ms, 0);
		store_close(other);
	}
	assert_int_equal(take_of(b->store, one, &wait_ms), STORE_OK);
	assert_true(wait_ms > 0);
}

static void counting_here_is_apart(void **state)
{
	struct bench *b = *state;
	const struct store_bucket bucket = { STR("k"), 1, HOUR_MS };
	int64_t one = 1, wait_ms;
	size_t which;
	assert_int_equal(take_of(b->store, bucket, &wait_ms), STORE_OK);
	assert_true(store_take_here(b->store, &bucket, 1, &one, &wait_ms, &which));
	assert_int_equal(wait_ms, 0);
	assert_false(store_take_here(b->store, &bucket, 1, &one, &wait_ms, &which));
	assert_true(wait_ms > 0 && which == 0);
	store_give_back_here(b->store, &bucket, 1, &one);
	assert_int_equal(take_of(b->store, bucket, &wait_ms), STORE_OK);
	assert_true(wait_ms > 0);
	assert_true(store_take_here(b->store, &bucket, 1, &one, &wait_ms, &which));
}

static void commands_beside_the_daemon_need_redis(void **state)
{
	struct bench *b = *state;
	struct suppression found, e = { .scope = STR("news"), .address = STR("a@x"), .reason = STR("r") };
	struct store *editor = store_open_editor(b->url, b->diags), *reader = store_open_reader(b->url, b->diags);
	assert_int_equal(store_suppress(editor, &e, 1), STORE_OK);
	assert_int_equal(store_find_suppression(b->store, e.scope, e.address, b->arena, &found), STORE_OK);
	store_put_record(b->store, STR("id1"), 1, STR_EMPTY, STR("one"));
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_found(b, reader, "id1", "one");
	store_close(editor);
	store_close(reader);
	redis_server_kill(&b->server);
	assert_null(store_open_editor(b->url, b->diags));
	assert_said(b, "does not answer: ");
	assert_int_equal(diags_errors(b->diags), 1);
}

/* ---- the format -------------------------------------------------------------------------------------------- */

static void tell(struct bench *b, const char *command)
{
	char reply[16];
	if (!redis_server_tell(&b->server, command, reply, sizeof(reply)))
		fail_msg("Redis refuses: %s", command);
}

static void a_new_store_says_its_format(void **state)
{
	struct bench *b = *state;
	char format[16];
	assert_true(redis_server_tell(&b->server, "GET gatepost:format", format, sizeof(format)));
	assert_string_equal(format, "1");
}

/* What was there before there was a number of the format. */
static void a_store_without_format_is_taken_as_the_first(void **state)
{
	struct bench *b = *state;
	char format[16];
	const struct store_bucket one = { STR("k"), 1, HOUR_MS };
	int64_t wait_ms;
	assert_int_equal(take_of(b->store, one, &wait_ms), STORE_OK);
	store_close(b->store);
	tell(b, "DEL gatepost:format");
	b->store = store_open(b->url, NULL, b->diags);
	assert_int_equal(take_of(b->store, one, &wait_ms), STORE_OK);
	assert_true(wait_ms > 0);
	assert_true(redis_server_tell(&b->server, "GET gatepost:format", format, sizeof(format)));
	assert_string_equal(format, "1");
}

static void what_a_newer_version_wrote_is_refused(void **state)
{
	struct bench *b = *state;
	tell(b, "SET gatepost:format 2");
	assert_null(store_open(b->url, NULL, b->diags));
	assert_said(b, "holds what this version does not understand: it was written by a newer Gatepost (format 2, this one knows 1)");
	assert_null(store_open_editor(b->url, b->diags));
	tell(b, "SET gatepost:format two");
	assert_null(store_open_reader(b->url, b->diags));
	assert_said(b, "gatepost:format is no number of a format: name another prefix");
	assert_int_equal(diags_errors(b->diags), 3);
	b->store = store_open(str_printf(b->arena, "%s?prefix=other:", b->url.p), NULL, b->diags);
	assert_non_null(b->store);
}

/* Another gateway was updated while Redis was away. */
static void a_newer_format_is_found_when_redis_comes_back(void **state)
{
	struct bench *b = *state;
	struct log *log = open_log(b);
	store_close(b->store);
	b->store = store_open(b->url, log, b->diags);
	tell(b, "SET gatepost:format 2");
	assert_true(redis_server_tell(&b->server, "CLIENT KILL TYPE normal", NULL, 0));
	wait_until_it_is_away(b->store);
	usleep(100 * 1000);
	assert_int_equal(take(b->store), STORE_UNAVAILABLE);
	tell(b, "SET gatepost:format 1");
	wait_until_it_answers(b->store);
	store_close(b->store);
	b->store = NULL;
	log_close(log);
	assert_int_equal(count_in_log(b, "does not understand: it was written by a newer Gatepost"), 1);
}

/* ---- going away and coming back ---------------------------------------------------------------------------- */

static void a_store_opens_without_redis(void **state)
{
	struct bench *b = *state;
	redis_server_kill(&b->server);
	struct log *log = open_log(b);
	b->store = store_open(b->url, log, b->diags);
	assert_non_null(b->store);
	assert_said(b, "It will be tried every second");
	assert_int_equal(diags_errors(b->diags), 0);
	int64_t start_ms = clock_mono_ms();
	for (int i = 0; i < 100; i++)
		assert_int_equal(ask_everything(b), STORE_UNAVAILABLE);
	assert_true(clock_mono_ms() - start_ms < 1000);
	store_put_record(b->store, STR("id1"), 1, STR_EMPTY, STR("one"));
	restart(b);
	wait_until_it_answers(b->store);
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_found(b, b->store, "id1", "one");
	assert_int_equal(store_lost_writes(b->store), 0);
	store_close(b->store);
	b->store = NULL;
	log_close(log);
	assert_int_equal(count_in_log(b, "answers again"), 1);
}

struct hammer {
	struct bench *bench;
	pthread_t thread;
	atomic_bool is_over;
	int64_t slowest_ms;
	int taken, refused;
};

static void *strike(void *context)
{
	struct hammer *h = context;
	while (!atomic_load(&h->is_over)) {
		int64_t start_ms = clock_mono_ms();
		if (take(h->bench->store) == STORE_OK)
			h->taken++;
		else
			h->refused++;
		int64_t passed_ms = clock_mono_ms() - start_ms;
		if (passed_ms > h->slowest_ms)
			h->slowest_ms = passed_ms;
		if (h->refused > 0)
			usleep(1000);
	}
	return NULL;
}

/* More threads than there are connections, while Redis is killed and comes back. */
static void a_crash_during_use_is_a_status(void **state)
{
	enum { THREADS = 12 };
	struct bench *b = *state;
	static struct hammer hammers[THREADS];
	struct log *log = open_log(b);
	b->store = store_open(b->url, log, b->diags);
	for (int i = 0; i < THREADS; i++) {
		hammers[i] = (struct hammer){ .bench = b };
		assert_int_equal(pthread_create(&hammers[i].thread, NULL, strike, &hammers[i]), 0);
	}
	usleep(200 * 1000);
	redis_server_kill(&b->server);
	wait_until_it_is_away(b->store);
	store_put_record(b->store, STR("id1"), 1, STR_EMPTY, STR("one"));
	assert_int_equal(store_flush(b->store), STORE_UNAVAILABLE);
	restart(b);
	wait_until_it_answers(b->store);
	for (int i = 0; i < THREADS; i++) {
		atomic_store(&hammers[i].is_over, true);
		pthread_join(hammers[i].thread, NULL);
		assert_true(hammers[i].taken > 0);
		assert_true(hammers[i].refused > 0);
		assert_in_range(hammers[i].slowest_ms, 0, SLOW_MS);
	}
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_found(b, b->store, "id1", "one");
	store_close(b->store);
	b->store = NULL;
	log_close(log);
	assert_in_range(count_in_log(b, "does not answer: "), 1, 2);
	assert_int_equal(count_in_log(b, "answers again"), 1);
	assert_int_equal(count_in_log(b, "records cannot be written"), 1);
}

/* It keeps its connections and says nothing: one question finds out, the others need not. */
static void a_redis_that_hangs_is_found_out_once(void **state)
{
	struct bench *b = *state;
	assert_int_equal(take(b->store), STORE_OK);
	redis_server_freeze(&b->server, true);
	wait_until_it_is_away(b->store);
	int64_t start_ms = clock_mono_ms();
	for (int i = 0; i < 50; i++)
		assert_int_equal(ask_everything(b), STORE_UNAVAILABLE);
	assert_true(clock_mono_ms() - start_ms < 1000);
	redis_server_freeze(&b->server, false);
	wait_until_it_answers(b->store);
	assert_int_equal(ask_everything(b), STORE_OK);
}

static void closed_connections_are_opened_again(void **state)
{
	struct bench *b = *state;
	assert_int_equal(take(b->store), STORE_OK);
	assert_true(redis_server_tell(&b->server, "CLIENT KILL TYPE normal", NULL, 0));
	wait_until_it_answers(b->store);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_everything(b), STORE_OK);
}

/* Redis answers, but takes nothing: not a lost connection, and told once. */
static void a_redis_that_refuses_is_told_once(void **state)
{
	struct bench *b = *state;
	struct log *log = open_log(b);
	b->store = store_open(b->url, log, b->diags);
	assert_int_equal(take(b->store), STORE_OK);
	assert_true(redis_server_tell(&b->server, "CONFIG SET maxmemory 1", NULL, 0));
	for (int i = 0; i < 20; i++)
		assert_int_equal(take(b->store), STORE_UNAVAILABLE);
	const struct suppression e = { .address = STR("a") };
	assert_int_equal(store_suppress(b->store, &e, 1), STORE_UNAVAILABLE);
	assert_true(redis_server_tell(&b->server, "CONFIG SET maxmemory 0", NULL, 0));
	assert_int_equal(take(b->store), STORE_OK);
	assert_int_equal(store_suppress(b->store, &e, 1), STORE_OK);
	store_close(b->store);
	b->store = NULL;
	log_close(log);
	assert_int_equal(count_in_log(b, "refuses: OOM"), 1);
	assert_int_equal(count_in_log(b, "answer"), 0);
}

static void closing_does_not_wait_for_redis(void **state)
{
	struct bench *b = *state;
	struct log *log = open_log(b);
	b->store = store_open(b->url, log, b->diags);
	redis_server_kill(&b->server);
	wait_until_it_is_away(b->store);
	store_put_record(b->store, STR("id1"), 1, STR_EMPTY, STR("one"));
	int64_t start_ms = clock_mono_ms();
	store_close(b->store);
	b->store = NULL;
	assert_true(clock_mono_ms() - start_ms < 3000);
	log_close(log);
	assert_int_equal(count_in_log(b, "1 records are lost"), 1);
}

/* ---- several gateways -------------------------------------------------------------------------------------- */

/* Another process; answers how many it took. */
static int take_in_child(struct bench *b, struct store_bucket bucket, int tries)
{
	int64_t wait_ms;
	int taken = 0;
	struct store *own = store_open(b->url, NULL, b->diags);
	for (int i = 0; own != NULL && i < tries; i++)
		taken += take_of(own, bucket, &wait_ms) == STORE_OK && wait_ms == 0;
	store_close(own);
	return taken;
}

static void two_processes_share_one_limit(void **state)
{
	enum { CAPACITY = 150, TRIES = 120 };
	struct bench *b = *state;
	const struct store_bucket bucket = { STR("shared"), CAPACITY, 24 * HOUR_MS };
	pid_t children[2];
	int sum = 0;
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(take_in_child(b, bucket, TRIES));
	}
	for (int i = 0; i < 2; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		sum += WEXITSTATUS(status);
		assert_in_range(WEXITSTATUS(status), CAPACITY - TRIES, TRIES);
	}
	assert_int_equal(sum, CAPACITY);
}

/* A bucket in Redis is gone when it is full, an index without its entries too. */
static void nothing_stays_for_ever(void **state)
{
	struct bench *b = *state;
	const struct store_bucket brief = { STR("brief"), 10, 1000 };
	struct suppression e = { .address = STR("a"), .expires_unix_s = clock_unix_s() + 1 };
	struct refusal r = { .key = STR("k"), .unix_s = clock_unix_s(), .expires_unix_s = clock_unix_s() + 1 };
	int64_t wait_ms;
	char size[16];
	assert_int_equal(take_of(b->store, brief, &wait_ms), STORE_OK);
	assert_int_equal(store_suppress(b->store, &e, 1), STORE_OK);
	store_remember_refusal(b->store, &r);
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("one"));
	assert_int_equal(store_flush(b->store), STORE_OK);
	int64_t until_ms = clock_mono_ms() + 10000;
	do {
		usleep(100 * 1000);
		assert_int_equal(store_expire(b->store, 1001), STORE_OK);
		/* Redis forgets what is over when it is asked for it. */
		redis_server_tell(&b->server, "EXISTS gatepost:bucket:brief gatepost:refusal:k", size, sizeof(size));
		assert_true(redis_server_tell(&b->server, "DBSIZE", size, sizeof(size)));
	} while (strcmp(size, "1") != 0 && clock_mono_ms() < until_ms);
	assert_string_equal(size, "1"); /* the format */
}

int main(void)
{
#define T(setup, name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(setup_file, urls_say_where_redis_is),
		T(setup_file, what_is_open_to_others_is_warned_of),
		T(setup_file, wrong_urls_say_what_is_wrong),
		T(setup_server, a_password_comes_from_a_file),
		T(setup_server, a_user_may_be_named),
		T(setup_server, over_tcp_too),
		T(setup_redis, prefixes_and_databases_are_apart),
		T(setup_redis, counting_here_is_apart),
		T(setup_redis, commands_beside_the_daemon_need_redis),
		T(setup_redis, a_new_store_says_its_format),
		T(setup_redis, a_store_without_format_is_taken_as_the_first),
		T(setup_server, what_a_newer_version_wrote_is_refused),
		T(setup_redis, a_newer_format_is_found_when_redis_comes_back),
		T(setup_server, a_store_opens_without_redis),
		T(setup_server, a_crash_during_use_is_a_status),
		T(setup_redis, a_redis_that_hangs_is_found_out_once),
		T(setup_redis, closed_connections_are_opened_again),
		T(setup_server, a_redis_that_refuses_is_told_once),
		T(setup_server, closing_does_not_wait_for_redis),
		T(setup_server, two_processes_share_one_limit),
		T(setup_redis, nothing_stays_for_ever),
	};
	return RUN_TESTS(tests);
}
