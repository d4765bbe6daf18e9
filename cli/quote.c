#include "cli/quote.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { BAD = -1 }; /* not a character: one byte to escape */

static bool tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The code point at s and its length in bytes; BAD and 1 if there is none. */
static int32_t decode(const unsigned char *s, size_t *len)
{
	*len = 1;
	if (s[0] < 0x80)
		return s[0];
	if (s[0] >= 0xc2 && s[0] <= 0xdf && tail(s[1])) {
		*len = 2;
		return (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
	}
	if (s[0] >= 0xe0 && s[0] <= 0xef && tail(s[1]) && tail(s[2])) {
		int32_t c =
		    (s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
		if (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))
			return BAD;
		*len = 3;
		return c;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4 && tail(s[1]) && tail(s[2]) &&
	    tail(s[3])) {
		int32_t c = (s[0] & 0x07) << 18 | (s[1] & 0x3f) << 12 |
		    (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
		if (c < 0x10000 || c > 0x10ffff)
			return BAD;
		*len = 4;
		return c;
	}
	return BAD;
}

/* What drives a terminal, reorders text or cannot be seen. */
static bool hostile(int32_t c)
{
	static const struct {
		int32_t from, to;
	} ranges[] = {
		{ BAD, 0x1f }, /* C0, and bytes that are no character */
		{ 0x7f, 0x9f }, /* DEL, C1 */
		{ 0xad, 0xad }, /* soft hyphen */
		{ 0x61c, 0x61c }, /* Arabic letter mark */
		{ 0x180e, 0x180e }, /* Mongolian vowel separator */
		{ 0x200b, 0x200f }, /* zero width, marks of direction */
		{ 0x2028, 0x202e }, /* separators, embeddings, overrides */
		{ 0x2060, 0x206f }, /* joiners, isolates */
		{ 0xfeff, 0xfeff }, /* byte order mark */
		{ 0xfff9, 0xfffb }, /* interlinear annotation */
		{ 0xe0000, 0xe007f }, /* tags */
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* Appends the len bytes at s, which decode to c, in the form of $'...'. */
static void escape(
    struct vs_buf *b, int32_t c, const unsigned char *s, size_t len)
{
	switch (c) {
	case '\n':
		vs_buf_addstr(b, "\\n");
		return;
	case '\t':
		vs_buf_addstr(b, "\\t");
		return;
	case '\r':
		vs_buf_addstr(b, "\\r");
		return;
	case 0x1b:
		vs_buf_addstr(b, "\\e");
		return;
	default:
		break;
	}
	if (c > 0xffff)
		vs_buf_addf(b, "\\U%08x", (unsigned)c);
	else if (c >= 0x80)
		vs_buf_addf(b, "\\u%04x", (unsigned)c);
	else
		for (size_t i = 0; i < len; i++)
			vs_buf_addf(b, "\\x%02x", s[i]);
}

/* 0: plain; 1: wants quotes; 2: has something hostile. */
static int need(const char *name)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._/+-=@%,:";
	const unsigned char *s = (const unsigned char *)name;
	int worst = 0;
	size_t len;

	/* Nothing, an option, or what zsh would expand. */
	if (s[0] == '\0' || s[0] == '-' || s[0] == '=')
		worst = 1;
	for (; *s != '\0'; s += len) {
		int32_t c = decode(s, &len);
		if (hostile(c))
			return 2;
		if (c < 0x80 && strchr(safe, c) == NULL)
			worst = 1;
	}
	return worst;
}

static void quote_hostile(struct vs_buf *b, const char *name)
{
	const unsigned char *s = (const unsigned char *)name;
	size_t len;

	vs_buf_addstr(b, "$'");
	for (; *s != '\0'; s += len) {
		int32_t c = decode(s, &len);
		if (hostile(c)) {
			escape(b, c, s, len);
			continue;
		}
		if (c == '\'' || c == '\\')
			vs_buf_addch(b, '\\');
		vs_buf_add(b, s, len);
	}
	vs_buf_addch(b, '\'');
}

void quote_name(struct vs_buf *b, const char *name)
{
	assert(name != NULL);
	switch (need(name)) {
	case 0:
		vs_buf_addstr(b, name);
		break;
	case 1:
		vs_buf_addch(b, '\'');
		for (const char *s = name; *s != '\0'; s++) {
			if (*s == '\'')
				vs_buf_addstr(b, "'\\'");
			vs_buf_addch(b, *s);
		}
		vs_buf_addch(b, '\'');
		break;
	default:
		quote_hostile(b, name);
		break;
	}
}

void quote_text(struct vs_buf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len;

	assert(text != NULL);
	for (; *s != '\0'; s += len) {
		int32_t c = decode(s, &len);
		if (hostile(c))
			escape(b, c, s, len);
		else
			vs_buf_add(b, s, len);
	}
}
