#include "common/base/hex.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/limits.h"

static const char hex_digits[] = "0123456789abcdef";

void vs_hex_encode(char *out, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = hex_digits[in[i] >> 4];
		out[2 * i + 1] = hex_digits[in[i] & 15];
	}
	out[2 * len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int vs_hex_decode(uint8_t *out, size_t len, const char *in)
{
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(in[2 * i]);
		int low = high < 0 ? -1 : hex_digit(in[2 * i + 1]);

		if (low < 0)
			return VS_EINVAL;
		out[i] = (uint8_t)(high * 16 + low);
	}
	return in[2 * len] == '\0' ? VS_OK : VS_EINVAL;
}

bool vs_hex_is_hash(const char *s)
{
	return strspn(s, hex_digits) == VS_HASH_HEX && s[VS_HASH_HEX] == '\0';
}
