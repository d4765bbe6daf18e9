#include "common/base/jtext.h"

#include <assert.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/path.h"

void vs_jtext_init(struct vs_jtext *t, char *text, size_t len)
{
	assert(text != NULL || len == 0);
	t->p = text;
	t->end = text + len;
	t->first = false;
	t->bad = text == NULL;
}

bool vs_jtext_good(const struct vs_jtext *t)
{
	return !t->bad;
}

/* The next byte that is no blank; '\0' at the end. */
static char jtext_peek(struct vs_jtext *t)
{
	while (t->p < t->end &&
	    (*t->p == ' ' || *t->p == '\n' || *t->p == '\r' || *t->p == '\t'))
		t->p++;
	return t->p < t->end ? *t->p : '\0';
}

/* Passes c, which has to be next. */
static bool jtext_pass(struct vs_jtext *t, char c)
{
	if (t->bad || jtext_peek(t) != c) {
		t->bad = true;
		return false;
	}
	t->p++;
	return true;
}

bool vs_jtext_end(struct vs_jtext *t)
{
	if (jtext_peek(t) != '\0' || t->p != t->end)
		t->bad = true;
	return !t->bad;
}

/* What an escape of two characters stands for; '\0': another kind. */
static char jtext_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return '\0';
	}
}

/*
 * Behind the opening quote: passes the closing one, escapes replaced by what
 * they stand for; *high gets whether anything is not ASCII.  The end of what
 * is left, or NULL.
 */
static char *jtext_unquote(struct vs_jtext *t, bool *high)
{
	char *out = t->p;
	unsigned char seen = 0;

	while (t->p < t->end) {
		char c = *t->p++;

		if (c == '"') {
			*high = seen >= 0x80;
			return out;
		}
		if ((unsigned char)c < 0x20)
			return NULL;
		if (c == '\\') {
			c = t->p < t->end ? jtext_escape(*t->p++) : '\0';
			if (c == '\0')
				return NULL;
		}
		seen |= (unsigned char)c;
		*out++ = c;
	}
	return NULL;
}

const char *vs_jtext_str(struct vs_jtext *t)
{
	bool high = false;
	char *s, *end;

	if (!jtext_pass(t, '"'))
		return "";
	s = t->p;
	end = jtext_unquote(t, &high);
	if (end == NULL || end - s > VS_JSON_STRING ||
	    (high && !vs_path_utf8(s, (size_t)(end - s)))) {
		t->bad = true;
		return "";
	}
	*end = '\0';
	return s;
}

void vs_jtext_object(struct vs_jtext *t)
{
	(void)jtext_pass(t, '{');
	t->first = true;
}

void vs_jtext_array(struct vs_jtext *t)
{
	(void)jtext_pass(t, '[');
	t->first = true;
}

/* True before another thing in a bracket; passes the comma or the bracket. */
static bool jtext_next(struct vs_jtext *t, char close)
{
	bool first = t->first;

	t->first = false;
	if (t->bad)
		return false;
	if (jtext_peek(t) == close) {
		t->p++;
		return false;
	}
	return first || jtext_pass(t, ',');
}

bool vs_jtext_more(struct vs_jtext *t)
{
	return jtext_next(t, ']');
}

const char *vs_jtext_key(struct vs_jtext *t)
{
	const char *key;

	if (!jtext_next(t, '}'))
		return NULL;
	key = vs_jtext_str(t);
	return jtext_pass(t, ':') ? key : NULL;
}

static bool jtext_is_digit(const struct vs_jtext *t)
{
	return t->p < t->end && *t->p >= '0' && *t->p <= '9';
}

/* Digits, at most so many; no zero before another one. */
static int64_t jtext_digits(struct vs_jtext *t, int most)
{
	const char *start = t->p;
	int64_t v = 0;

	while (jtext_is_digit(t) && t->p - start < most)
		v = v * 10 + (*t->p++ - '0');
	if (t->p == start || (*start == '0' && t->p - start > 1) ||
	    jtext_is_digit(t))
		t->bad = true;
	return v;
}

/* A number or a word ends where a value may end. */
static void jtext_word_end(struct vs_jtext *t)
{
	if (t->p == t->end || memchr(",]} \n\r\t", *t->p, 7) == NULL)
		t->bad = true;
}

/* Passes a sign; true for one.  A negative zero is another kind of number. */
static bool jtext_sign(struct vs_jtext *t)
{
	if (t->bad || jtext_peek(t) != '-')
		return false;
	t->p++;
	if (t->p < t->end && *t->p == '0')
		t->bad = true;
	return true;
}

int64_t vs_jtext_int(struct vs_jtext *t)
{
	bool minus = jtext_sign(t);
	int64_t v = t->bad ? 0 : jtext_digits(t, 18);

	jtext_word_end(t);
	if (t->bad)
		return 0;
	return minus ? -v : v;
}

/* One to three digits behind the point, as thousandths. */
static int64_t jtext_fraction(struct vs_jtext *t)
{
	int64_t v = 0;
	int digits = 0;

	for (; jtext_is_digit(t) && digits < 3; digits++)
		v = v * 10 + (*t->p++ - '0');
	if (digits == 0)
		t->bad = true;
	for (; digits < 3; digits++)
		v *= 10;
	return v;
}

int64_t vs_jtext_milli(struct vs_jtext *t)
{
	const int64_t exact = 1000000000000; /* a double knows to the third
						digit behind the point */
	bool minus = jtext_sign(t);
	int64_t v = t->bad ? 0 : jtext_digits(t, 15);
	int64_t rest = 0;

	if (!t->bad && t->p < t->end && *t->p == '.') {
		t->p++;
		rest = jtext_fraction(t);
		if (v >= 4 * exact)
			t->bad = true;
	}
	jtext_word_end(t);
	if (t->bad)
		return 0;
	v = v * 1000 + rest;
	return minus ? -v : v;
}

void vs_jtext_true(struct vs_jtext *t)
{
	if (t->bad || jtext_peek(t) != 't' || t->end - t->p < 4 ||
	    memcmp(t->p, "true", 4) != 0) {
		t->bad = true;
		return;
	}
	t->p += 4;
	jtext_word_end(t);
}

int vs_jtext_find(
    const char *const *names, int count, const char *key, int *hint)
{
	assert(*hint >= 0 && *hint <= count);
	for (int n = 0; n < count; n++) {
		int i = *hint + n < count ? *hint + n : *hint + n - count;

		if (strcmp(names[i], key) != 0)
			continue;
		*hint = i + 1;
		return i;
	}
	return -1;
}
