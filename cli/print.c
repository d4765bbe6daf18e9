#include "cli/print.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/quote.h"
#include "common/base/buf.h"

enum { QUOTED_MAX = 64 * 1024 }; /* of one name or message */

static bool colors(bool terminal, enum print_when when)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (when != PRINT_AUTO)
		return when == PRINT_ALWAYS;
	if (no != NULL && no[0] != '\0')
		return false;
	return terminal && (term == NULL || strcmp(term, "dumb") != 0);
}

void print_init(struct print *p, FILE *f, enum print_when when)
{
	assert(f != NULL);
	p->f = f;
	p->terminal = isatty(fileno(f)) == 1;
	p->color = colors(p->terminal, when);
	p->quote = p->terminal;
	p->error = 0;
}

static void failed(struct print *p)
{
	if (p->error == 0)
		p->error = errno != 0 ? errno : EIO;
}

static void put(struct print *p, const char *s)
{
	if (p->error == 0 && fputs(s, p->f) == EOF)
		failed(p);
}

void print_f(struct print *p, const char *fmt, ...)
{
	va_list ap;

	assert(fmt != NULL);
	if (p->error != 0)
		return;
	va_start(ap, fmt);
	if (vfprintf(p->f, fmt, ap) < 0)
		failed(p);
	va_end(ap);
}

void print_ink(struct print *p, enum print_ink ink, const char *text)
{
	static const char *const codes[] = {
		[PRINT_GOOD] = "\033[32m",
		[PRINT_WARN] = "\033[33m",
		[PRINT_BAD] = "\033[31m",
		[PRINT_DIM] = "\033[2m",
		[PRINT_BOLD] = "\033[1m",
	};

	assert(ink >= PRINT_PLAIN && ink <= PRINT_BOLD);
	if (!p->color || ink == PRINT_PLAIN) {
		put(p, text);
		return;
	}
	put(p, codes[ink]);
	put(p, text);
	put(p, "\033[0m");
}

void print_name(struct print *p, const char *name)
{
	struct vs_buf b;

	assert(name != NULL);
	if (!p->quote) {
		put(p, name);
		return;
	}
	vs_buf_init(&b, QUOTED_MAX);
	quote_name(&b, name);
	put(p, vs_buf_str(&b));
	vs_buf_release(&b);
}

void print_text(struct print *p, const char *text)
{
	struct vs_buf b;

	vs_buf_init(&b, QUOTED_MAX);
	quote_text(&b, text);
	put(p, vs_buf_str(&b));
	vs_buf_release(&b);
}

void print_word(
    struct print *p, enum print_ink ink, const char *word, size_t width)
{
	struct vs_buf b;

	assert(word != NULL);
	vs_buf_init(&b, QUOTED_MAX);
	quote_text(&b, word);
	while (b.len < width && vs_buf_error(&b) == VS_OK)
		vs_buf_addch(&b, ' ');
	print_ink(p, ink, vs_buf_str(&b));
	vs_buf_release(&b);
}

static int dump(const char *data, size_t len, void *arg)
{
	struct print *p = arg;

	if (p->error == 0 && fwrite(data, 1, len, p->f) != len)
		failed(p);
	return p->error == 0 ? 0 : -1;
}

void print_json(struct print *p, const json_t *doc)
{
	if (json_dump_callback(doc, dump, p, JSON_COMPACT) != 0 &&
	    p->error == 0)
		p->error = ENOMEM;
	put(p, "\n");
}

int print_flush(struct print *p)
{
	if (p->error == 0 && fflush(p->f) != 0)
		failed(p);
	return p->error;
}

void print_fault(struct print *p, const struct trouble *f)
{
	assert(f->exit != VS_EXIT_OK);
	print_f(p, "vsync: ");
	print_text(p, f->err.msg);
	if (f->path[0] != '\0' && strstr(f->err.msg, f->path) == NULL) {
		struct vs_buf b;
		vs_buf_init(&b, QUOTED_MAX);
		quote_name(&b, f->path);
		print_f(p, ": %s", vs_buf_str(&b));
		vs_buf_release(&b);
	}
	if (f->hint[0] != '\0') {
		print_f(p, ": ");
		print_text(p, f->hint);
	}
	print_f(p, "\n");
	print_flush(p);
}
