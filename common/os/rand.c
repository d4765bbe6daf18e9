#include "common/os/rand.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void rand_os_bytes(struct vs_rand *r, void *out, size_t len)
{
	uint8_t *p = out;

	(void)r;
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		p += n;
		len -= (size_t)n;
	}
}

struct vs_rand *vs_rand_os(void)
{
	static struct vs_rand os = { .bytes = rand_os_bytes };

	return &os;
}

static uint64_t rand_rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* xoshiro256** (Blackman and Vigna). */
static uint64_t rand_next(uint64_t s[4])
{
	uint64_t result = rand_rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rand_rotl(s[3], 45);
	return result;
}

static void rand_seed_bytes(struct vs_rand *r, void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		uint64_t v = rand_next(r->state);

		/* Byte by byte: the same on every byte order. */
		for (int i = 0; i < 8 && len > 0; i++, len--, v >>= 8)
			*p++ = (uint8_t)v;
	}
}

/* splitmix64 (Steele, Lea, Flood): a seed to a state that is never zero. */
void vs_rand_seed(struct vs_rand *r, uint64_t seed)
{
	r->bytes = rand_seed_bytes;
	for (int i = 0; i < 4; i++) {
		uint64_t z;

		seed += 0x9e3779b97f4a7c15ULL;
		z = seed;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		r->state[i] = z ^ (z >> 31);
	}
}

uint64_t vs_rand_u64(struct vs_rand *r)
{
	uint8_t b[8];
	uint64_t v = 0;

	r->bytes(r, b, sizeof(b));
	for (int i = 7; i >= 0; i--)
		v = v << 8 | b[i];
	return v;
}

uint64_t vs_rand_below(struct vs_rand *r, uint64_t n)
{
	uint64_t least;
	uint64_t v;

	assert(n > 0);
	/* 2^64 mod n values are too many: without them all are as likely. */
	least = (0 - n) % n;
	do {
		v = vs_rand_u64(r);
	} while (v < least);
	return v % n;
}

void vs_rand_uuid(struct vs_rand *r, char out[VS_UUID_SIZE])
{
	uint8_t b[16];

	r->bytes(r, b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
	snprintf(out, VS_UUID_SIZE,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
	    b[11], b[12], b[13], b[14], b[15]);
}
