/*
 * The first pair of braces is replaced by each of its alternatives, and what
 * comes of it waits in a row to be looked at in its turn: no recursion, and
 * the row's ceiling bounds the work.
 */
#include "agent/scan/brace.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan/letter.h"

struct piece {
	char *text;
	size_t len;
};

/* What is still to be looked at, the last one first. */
struct braces {
	struct piece row[BRACE_MAX];
	int waiting;
	int made;
	uint32_t escape;
	struct vs_err *err;
};

/* The end of the set that begins at i, or of text where it is not closed. */
static size_t skip_set(const struct piece *p, size_t i, uint32_t escape)
{
	uint32_t c;

	for (i++; i < p->len && p->text[i] != ']';) {
		i += letter_at(p->text + i, p->len - i, &c);
		if (c == escape && i < p->len)
			i += letter_at(p->text + i, p->len - i, &c);
	}
	return i < p->len ? i + 1 : i;
}

/* Past what stands at i: a character, an escaped one, or a set. */
static size_t skip(const struct piece *p, size_t i, uint32_t escape)
{
	uint32_t c;
	size_t n = letter_at(p->text + i, p->len - i, &c);

	if (c == escape && i + n < p->len)
		return i + n + letter_at(p->text + i + n, p->len - i - n, &c);
	return c == '[' ? skip_set(p, i, escape) : i + n;
}

/* Whether an unescaped c stands at i. */
static bool is(const struct piece *p, size_t i, char c, uint32_t escape)
{
	return p->text[i] == c && (uint32_t)(unsigned char)c != escape;
}

/* How many stars p ends with. */
static size_t stars(const struct piece *p, uint32_t escape)
{
	size_t run = 0, next;

	for (size_t i = 0; i < p->len; i = next) {
		next = skip(p, i, escape);
		run = is(p, i, '*', escape) ? run + 1 : 0;
	}
	return run;
}

/*
 * Appends n bytes at text.  Two stars that meet here do not become a "**":
 * together they are still one.
 */
static void append(
    struct piece *out, const char *text, size_t n, uint32_t escape)
{
	if (n > 0 && text[0] == '*' && (n == 1 || text[1] != '*') &&
	    stars(out, escape) == 1) {
		text++;
		n--;
	}
	memcpy(out->text + out->len, text, n);
	out->len += n;
}

static int put(struct braces *b, const struct piece *p, size_t open,
    size_t close, const struct piece *middle)
{
	size_t tail = p->len - close - 1;
	struct piece *out = &b->row[b->waiting];

	if (b->made >= BRACE_MAX || b->waiting >= BRACE_MAX)
		return vs_err_set(
		    b->err, VS_ELIMIT, "more than %d alternatives", BRACE_MAX);
	out->text = malloc(open + middle->len + tail + 1);
	if (out->text == NULL)
		return vs_err_set(b->err, VS_ENOMEM, "pattern: out of memory");
	out->len = 0;
	append(out, p->text, open, b->escape);
	append(out, middle->text, middle->len, b->escape);
	append(out, p->text + close + 1, tail, b->escape);
	b->waiting++;
	b->made++;
	return 0;
}

/* Where the pair that opens at open closes, or p->len. */
static size_t closing(
    const struct braces *b, const struct piece *p, size_t open)
{
	size_t i = open;
	int depth = 0;

	while (i < p->len) {
		depth += is(p, i, '{', b->escape);
		depth -= is(p, i, '}', b->escape);
		if (depth == 0)
			return i;
		i = skip(p, i, b->escape);
	}
	return p->len;
}

/* Puts every alternative of the pair; the last first, it is taken last. */
static int alternatives(
    struct braces *b, const struct piece *p, size_t open, size_t close)
{
	size_t from = open + 1, i = from;
	int depth = 0, rc = 0;

	while (rc == 0 && i <= close) {
		struct piece middle = { p->text + from, i - from };

		if (i == close || (depth == 0 && is(p, i, ',', b->escape))) {
			rc = put(b, p, open, close, &middle);
			from = i + 1;
		}
		if (i == close)
			break;
		depth += is(p, i, '{', b->escape);
		depth -= is(p, i, '}', b->escape);
		i = skip(p, i, b->escape);
	}
	return rc;
}

/* 1: p has no braces; 0: its alternatives are in the row. */
static int expand(struct braces *b, const struct piece *p)
{
	size_t i = 0, close;

	while (i < p->len && !is(p, i, '{', b->escape))
		i = skip(p, i, b->escape);
	if (i >= p->len)
		return 1;
	close = closing(b, p, i);
	if (close == p->len)
		return vs_err_set(b->err, VS_EINVAL, "a { without its }");
	return alternatives(b, p, i, close);
}

static int run(struct braces *b,
    int (*each)(void *arg, const char *pattern, size_t n, struct vs_err *err),
    void *arg)
{
	int rc = 0;

	while (rc == 0 && b->waiting > 0) {
		struct piece p = b->row[--b->waiting];

		rc = expand(b, &p);
		if (rc == 1)
			rc = each(arg, p.text, p.len, b->err);
		free(p.text);
	}
	while (b->waiting > 0)
		free(b->row[--b->waiting].text);
	return rc < 0 ? rc : 0;
}

int brace_each(const char *text, size_t len, uint32_t escape,
    int (*each)(void *arg, const char *pattern, size_t n, struct vs_err *err),
    void *arg, struct vs_err *err)
{
	struct braces *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL)
		return vs_err_set(err, VS_ENOMEM, "pattern: out of memory");
	b->escape = escape;
	b->err = err;
	b->row[0].text = malloc(len + 1);
	b->row[0].len = len;
	if (b->row[0].text == NULL) {
		rc = vs_err_set(err, VS_ENOMEM, "pattern: out of memory");
	} else {
		memcpy(b->row[0].text, text, len);
		b->waiting = 1;
		rc = run(b, each, arg);
	}
	free(b);
	return rc;
}
