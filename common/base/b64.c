#include "common/base/b64.h"

#include <assert.h>

#include "common/base/err.h"

#define B64_BITS 6 /* of a digit */

static const char b64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789-_";

static int b64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

size_t vs_b64_len(size_t len)
{
	return len / 3 * 4 + (len % 3 * 8 + B64_BITS - 1) / B64_BITS;
}

void vs_b64_add(struct vs_buf *b, const void *data, size_t len)
{
	const uint8_t *in = data;
	uint32_t bits = 0;
	int have = 0; /* of them not yet written */

	assert(data != NULL || len == 0);
	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (have += 8; have >= B64_BITS; have -= B64_BITS)
			vs_buf_addch(
			    b, b64_digits[bits >> (have - B64_BITS) & 63]);
	}
	if (have > 0)
		vs_buf_addch(b, b64_digits[bits << (B64_BITS - have) & 63]);
}

/* True for what vs_b64_add could have written. */
static bool b64_good(const char *text, size_t len)
{
	int unused = (int)(len * B64_BITS % 8); /* bits of the last digit */

	if (unused >= B64_BITS)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (b64_value(text[i]) < 0)
			return false;
	}
	return len == 0 ||
	    (b64_value(text[len - 1]) & ((1 << unused) - 1)) == 0;
}

int vs_b64_read(struct vs_buf *b, const char *text, size_t len)
{
	uint32_t bits = 0;
	int have = 0; /* of them not yet written */

	assert(text != NULL || len == 0);
	if (!b64_good(text, len))
		return VS_EINVAL;
	for (size_t i = 0; i < len; i++) {
		bits = bits << B64_BITS | (uint32_t)b64_value(text[i]);
		have += B64_BITS;
		if (have < 8)
			continue;
		have -= 8;
		vs_buf_addch(b, (char)(bits >> have & 0xff));
	}
	return vs_buf_error(b);
}
