/*
 * Randomness behind a seam: the kernel's in the programs, a seed's in the
 * simulator.
 */
#ifndef VS_RAND_H
#define VS_RAND_H

#include <stddef.h>
#include <stdint.h>

struct vs_rand {
	void (*bytes)(
	    struct vs_rand *r, void *out, size_t len); /* never fails */
	uint64_t state[4]; /* of the seeded one */
};

/* getrandom(2); aborts if the kernel has none. */
struct vs_rand *vs_rand_os(void);

/* Deterministic (splitmix64 into xoshiro256**); not for secrets. */
void vs_rand_seed(struct vs_rand *r, uint64_t seed);

/* 64 bits, each value as likely. */
uint64_t vs_rand_u64(struct vs_rand *r);

/* 0 .. n-1, each as likely; n > 0. */
uint64_t vs_rand_below(struct vs_rand *r, uint64_t n);

#define VS_UUID_SIZE 37
/* A version 4 UUID (RFC 9562), lower case. */
void vs_rand_uuid(struct vs_rand *r, char out[VS_UUID_SIZE]);

#endif
