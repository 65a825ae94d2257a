#include "cmd_wrap.h"

#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_USUAL = 80, WIDTH_MIN = 50, WIDTH_MAX = 120 };

size_t cmd_width(FILE *out)
{
	struct winsize size;
	if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return WIDTH_USUAL;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

void cmd_print_wrapped(struct str text, size_t indent, size_t width, FILE *out)
{
	size_t column = indent;
	struct str rest = text, word;
	for (bool is_first = true; str_next(&rest, ' ', &word); is_first = false) {
		if (!is_first && column + 1 + word.n > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!is_first) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", STR_ARG(word));
		column += word.n;
	}
	fputc('\n', out);
}
