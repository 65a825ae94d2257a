/* gatepost top - the daemon's status in the terminal, renewed until q or Ctrl-C. */
#include "cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "cmd_status.h"

enum { EVERY_MAX_S = 3600, BAR_CELLS = 60 };

struct top {
	int every_s;
	bool is_once;
	bool is_terminal;   /* colours, and one screen after the other */
	int rows, columns;
	int line;           /* written so far */
};

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
	(void)number;
	is_ending = 1;
}

static const char *style(const struct top *t, const char *escape)
{
	return t->is_terminal ? escape : "";
}

#define BOLD(t) style(t, "\033[1m")
#define DIM(t) style(t, "\033[2m")
#define RED(t) style(t, "\033[31m")
#define GREEN(t) style(t, "\033[32m")
#define PLAIN(t) style(t, "\033[0m")

/* False if the screen is full. */
static bool begin_line(struct top *t)
{
	return !t->is_terminal || t->line < t->rows - 1;
}

static void end_line(struct top *t)
{
	printf("%s\n", t->is_terminal ? "\033[0m\033[K" : "");
	t->line++;
}

static void heading(struct top *t, const char *text)
{
	if (!begin_line(t))
		return;
	end_line(t);
	if (!begin_line(t))
		return;
	printf("%s%s", BOLD(t), text);
	end_line(t);
}

/* At most so many bytes of it, escaped, padded. */
static void column(const char *text, int width)
{
	char *shown;
	size_t size;
	FILE *out = open_memstream(&shown, &size);
	status_print_safe(out, text);
	fclose(out);
	printf("%-*.*s ", width, width, shown);
	free(shown);
}

/* ---- the parts of a screen ------------------------------------------------------------------------------ */

static void show_head(struct top *t, const json_t *s)
{
	const json_t *config = json_object_get(s, "config");
	printf("%sGatepost %s%s on ", BOLD(t), status_text(s, "version"), PLAIN(t));
	status_print_safe(stdout, status_text(config, "authserv_id"));
	printf(", generation %" PRId64 ", %" PRId64 " rules, up %" PRId64 " min", status_number(config, "generation", NULL),
	       status_number(config, "rules", NULL),
	       (status_number(s, "now_unix_s", NULL) - status_number(s, "started_unix_s", NULL)) / 60);
	end_line(t);
	size_t i;
	const json_t *problem;
	json_array_foreach(json_object_get(s, "problems"), i, problem) {
		printf("%s! ", RED(t));
		column(status_text(problem, "found"), t->columns - 4);
		end_line(t);
	}
}

/* How many in each of the last minutes, as eighths of a cell. */
static void show_minutes(struct top *t, const json_t *minutes)
{
	static const char *const cells[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	int64_t sums[BAR_CELLS] = { 0 }, top = 1;
	const char *word;
	json_t *list;
	json_object_foreach((json_t *)(uintptr_t)minutes, word, list)
		for (size_t i = 0; i < BAR_CELLS; i++)
			sums[i] += json_integer_value(json_array_get(list, i));
	for (size_t i = 0; i < BAR_CELLS; i++)
		top = sums[i] > top ? sums[i] : top;
	printf("%slast hour%s  ", DIM(t), PLAIN(t));
	for (size_t i = 0; i < BAR_CELLS; i++)
		fputs(cells[sums[i] == 0 ? 0 : 1 + sums[i] * 7 / top], stdout);
	printf("  %smost %" PRId64 " a minute", DIM(t), top);
	end_line(t);
}

static void show_decisions(struct top *t, const json_t *s)
{
	static const char *const words[] = { "accept", "reject", "defer", "quarantine", "discard", "aborted" };
	heading(t, "                accept     reject      defer quarantine    discard    aborted");
	for (int i = 0; i < 2 && begin_line(t); i++) {
		printf("%-12s", i == 0 ? "last hour" : "24 hours");
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
			printf("%11" PRId64, status_number(json_object_get(s, i == 0 ? "hour" : "day"), words[k], NULL));
		end_line(t);
	}
	show_minutes(t, json_object_get(s, "minutes"));
}

static void show_results(struct top *t, const json_t *s)
{
	static const char *const methods[] = { "spf", "dkim", "dmarc", "iprev" };
	heading(t, "Results");
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && begin_line(t); i++) {
		const char *word;
		json_t *value;
		printf("%-12s", methods[i]);
		json_object_foreach(json_object_get(json_object_get(s, "results"), methods[i]), word, value)
			if (json_integer_value(value) > 0)
				printf(" %s%s%s %" JSON_INTEGER_FORMAT " ", DIM(t), word, PLAIN(t), json_integer_value(value));
		end_line(t);
	}
}

static void show_listeners(struct top *t, const json_t *s)
{
	size_t i;
	const json_t *l;
	heading(t, "Listener         state      connections   messages   restarts");
	json_array_foreach(json_object_get(s, "listeners"), i, l) {
		bool serves = strcmp(status_text(l, "state"), "serves") == 0;
		if (!begin_line(t))
			return;
		column(status_text(l, "name"), 16);
		printf("%s%-8s%s %13" PRId64 " %10" PRId64 " %10" PRId64, serves ? GREEN(t) : RED(t), status_text(l, "state"),
		       PLAIN(t), status_number(l, "connections", NULL), status_number(l, "messages", NULL),
		       status_number(l, "restarts", NULL));
		end_line(t);
	}
}

static void show_workflows(struct top *t, const json_t *s)
{
	enum { SHOWN = 8 };
	size_t i;
	const json_t *w;
	if (json_array_size(json_object_get(s, "workflows")) > 0)
		heading(t, "Workflow             accept     reject      defer    limited suppressed signatures");
	json_array_foreach(json_object_get(s, "workflows"), i, w) {
		if (i == SHOWN || !begin_line(t))
			return;
		column(status_text(w, "name"), 16);
		printf("%10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64,
		       status_number(w, "messages", "accept"), status_number(w, "messages", "reject"),
		       status_number(w, "messages", "defer"), status_number(w, "limited", NULL),
		       status_number(w, "suppressed", NULL), status_number(w, "signatures", NULL));
		end_line(t);
	}
}

static void show_refusals(struct top *t, const json_t *s)
{
	size_t i;
	const json_t *r;
	if (json_array_size(json_object_get(s, "refusals")) > 0)
		heading(t, "Refused      reply      id               from                     reason");
	json_array_foreach(json_object_get(s, "refusals"), i, r) {
		char clock[16], reply[24];
		time_t at = (time_t)(status_number(r, "unix_ms", NULL) / 1000);
		struct tm local;
		if (!begin_line(t) || (!t->is_terminal && i == 10))
			return;
		localtime_r(&at, &local);
		strftime(clock, sizeof(clock), "%H:%M:%S", &local);
		snprintf(reply, sizeof(reply), "%" PRId64 " %s", status_number(r, "code", NULL), status_text(r, "enhanced"));
		printf("%-12s ", clock);
		column(reply, 10);
		column(status_text(r, "id"), 16);
		column(status_text(r, "from"), 24);
		column(status_text(r, "text"), t->columns > 80 ? t->columns - 68 : 12);
		end_line(t);
	}
}

static void show(struct top *t, const json_t *s)
{
	struct winsize size;
	t->rows = 40;
	t->columns = 120;
	if (t->is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) {
		t->rows = size.ws_row;
		t->columns = size.ws_col;
	}
	t->line = 0;
	if (t->is_terminal && !t->is_once)
		fputs("\033[H", stdout);
	show_head(t, s);
	show_decisions(t, s);
	show_results(t, s);
	show_listeners(t, s);
	show_workflows(t, s);
	show_refusals(t, s);
	if (t->is_terminal && !t->is_once)
		fputs("\033[J", stdout);
	fflush(stdout);
}

/* ---- the terminal --------------------------------------------------------------------------------------- */

/* Until the time is over, or a key says that it is enough. */
static void wait_for_key(const struct top *t)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char key = 0;
	if (poll(&in, isatty(STDIN_FILENO) ? 1 : 0, t->every_s * 1000) > 0 && read(STDIN_FILENO, &key, 1) == 1 &&
	    (key == 'q' || key == 'Q'))
		is_ending = 1;
}

static int run(const struct options *o, void *context)
{
	struct top *t = context;
	int code = EX_OK;
	do {
		struct buf text;
		buf_init(&text, 0);
		json_t *status = status_ask("top", o, &text);
		buf_fini(&text);
		if (status == NULL) {
			code = EX_UNAVAILABLE;
			break;
		}
		show(t, status);
		json_decref(status);
		if (!t->is_once)
			wait_for_key(t);
	} while (!t->is_once && !is_ending);
	return code;
}

/* Keys come at once and are not shown; afterwards the terminal is as it was. */
static int run_on_terminal(const char *config_path, struct top *t)
{
	struct termios before;
	struct sigaction action = { .sa_handler = on_signal };
	bool has_keys = !t->is_once && tcgetattr(STDIN_FILENO, &before) == 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (has_keys) {
		struct termios raw = before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	if (t->is_terminal && !t->is_once)
		fputs("\033[?1049h\033[?25l", stdout);
	int code = status_with_options(config_path, run, t);
	if (t->is_terminal && !t->is_once)
		fputs("\033[?25h\033[?1049l", stdout);
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return code;
}

int cmd_top(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "once", no_argument, NULL, 'o' }, { "every", required_argument, NULL, 'e' }, { NULL, 0, NULL, 0 },
	};
	const char *path = GATEPOST_CONFIG;
	struct top t = { .every_s = 2, .is_terminal = isatty(STDOUT_FILENO) };
	uint64_t every;
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
		if (option == '?')
			return cmd_option_error(argv);
		if (option == 'c')
			path = optarg;
		else if (option == 'o')
			t.is_once = true;
		else if (str_to_u64(str_of(optarg), &every) && every >= 1 && every <= EVERY_MAX_S)
			t.every_s = (int)every;
		else
			return cmd_usage_error(argv[0], "--every takes seconds, 1 to %d", EVERY_MAX_S);
	}
	if (optind < argc)
		return cmd_usage_error(argv[0], "\"%s\" is too much", argv[optind]);
	return run_on_terminal(path, &t);
}
