#include "cli/live.h"

#include <assert.h>

enum { EVERY_MS = 250 };

void live_init(struct live *l, struct print *out)
{
	assert(out != NULL);
	*l = (struct live){ .out = out };
}

void live_clear(struct live *l)
{
	if (l->lines > 0)
		print_f(l->out, "\033[%dA\r\033[J", l->lines);
	l->lines = 0;
}

void live_draw(struct live *l, const struct live_lines *what, int64_t now_ms)
{
	int64_t age = now_ms - l->drawn_ms;

	assert(l->lines >= 0);
	/* Lines that were cleared are missed at once. */
	if (l->lines > 0 && age >= 0 && age < EVERY_MS)
		return;
	live_clear(l);
	/* Without wrapping a line is a line, whatever the width. */
	print_f(l->out, "\033[?7l");
	l->lines = what->draw(what->arg, l->out, now_ms);
	print_f(l->out, "\033[?7h");
	print_flush(l->out);
	l->drawn_ms = now_ms;
}
