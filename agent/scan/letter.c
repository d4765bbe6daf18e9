#include "agent/scan/letter.h"

#include <assert.h>
#include <stdbool.h>

#define RAW 0x110000 /* what bytes that are no UTF-8 are counted from */

/* How many bytes a character has that begins so; 0: none does. */
static size_t letter_size(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first < 0xE0)
		return 2;
	if (first >= 0xE0 && first < 0xF0)
		return 3;
	return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

size_t letter_at(const char *p, size_t len, uint32_t *c)
{
	const uint8_t *s = (const uint8_t *)p;
	size_t n;

	assert(len > 0);
	n = letter_size(s[0]);
	*c = s[0];
	if (n == 1)
		return 1;
	*c = RAW + s[0];
	if (n == 0 || n > len)
		return 1;
	uint32_t sum = s[0] & (0x7Fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 1;
		sum = sum << 6 | (s[i] & 0x3Fu);
	}
	*c = sum;
	return n;
}

/* Blocks in which capitals and small letters take turns; first: a capital. */
static bool letter_turns(uint32_t c, bool *capital_even)
{
	*capital_even = true;
	if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) ||
	    (c >= 0x14A && c <= 0x177) || (c >= 0x1E00 && c <= 0x1E95) ||
	    (c >= 0x1EA0 && c <= 0x1EFF) || (c >= 0x460 && c <= 0x481) ||
	    (c >= 0x48A && c <= 0x4BF) || (c >= 0x4D0 && c <= 0x52F))
		return true;
	*capital_even = false;
	return (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
}

uint32_t letter_fold(uint32_t c)
{
	bool even;

	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
	    (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
		return c + 32;
	if (c >= 0x400 && c <= 0x40F)
		return c + 80;
	if (c == 0x178)
		return 0xFF;
	if (letter_turns(c, &even) && (c % 2 == 0) == even)
		return c + 1;
	return c;
}
