#include "common/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

#define BUF_FIRST 64 /* bytes of the first allocation */

void vs_buf_init(struct vs_buf *b, size_t max)
{
	assert(max < SIZE_MAX / 2);
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void vs_buf_release(struct vs_buf *b)
{
	if (b == NULL)
		return;
	free(b->data);
	vs_buf_init(b, b->max);
}

void vs_buf_reset(struct vs_buf *b)
{
	b->len = 0;
	b->error = VS_OK;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/* Makes room for len more bytes and a NUL. */
static bool buf_reserve(struct vs_buf *b, size_t len)
{
	size_t cap;
	char *data;

	if (b->error != VS_OK)
		return false;
	if (len > b->max - b->len) {
		b->error = VS_ELIMIT;
		return false;
	}
	if (b->len + len < b->cap)
		return true;
	cap = b->cap > 0 ? b->cap : BUF_FIRST;
	while (cap <= b->len + len)
		cap *= 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	data = realloc(b->data, cap);
	if (data == NULL) {
		b->error = VS_ENOMEM;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void vs_buf_add(struct vs_buf *b, const void *data, size_t len)
{
	assert(data != NULL || len == 0);
	if (!buf_reserve(b, len))
		return;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void vs_buf_addstr(struct vs_buf *b, const char *s)
{
	vs_buf_add(b, s, strlen(s));
}

void vs_buf_addch(struct vs_buf *b, char c)
{
	vs_buf_add(b, &c, 1);
}

void vs_buf_addi(struct vs_buf *b, int64_t v)
{
	char digits[20]; /* of INT64_MIN with its sign */
	size_t at = sizeof(digits);
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (v < 0)
		digits[--at] = '-';
	vs_buf_add(b, digits + at, sizeof(digits) - at);
}

void vs_buf_addf(struct vs_buf *b, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(len >= 0);
	if (!buf_reserve(b, (size_t)len))
		return;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

int vs_buf_error(const struct vs_buf *b)
{
	return b->error;
}

const char *vs_buf_str(const struct vs_buf *b)
{
	return b->data != NULL ? b->data : "";
}

char *vs_buf_take(struct vs_buf *b, size_t *len)
{
	char *data = NULL;

	vs_buf_add(b, "", 0);
	if (b->error == VS_OK) {
		data = b->data;
		if (len != NULL)
			*len = b->len;
		b->data = NULL;
	} else if (len != NULL) {
		*len = 0;
	}
	vs_buf_release(b);
	return data;
}
