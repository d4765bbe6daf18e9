/*
 * The names of one folder with their stats, in one block each, so that a
 * million folders cost a million listings but no allocation a name.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/scan/disk.h"
#include "common/crypto/sha256.h"

struct roster_row {
	size_t name; /* where it begins in text */
	struct disk_stat stat;
};

/* Zeroed is empty. */
struct roster {
	struct roster_row *row;
	size_t count;
	size_t cap;
	char *text;
	size_t len;
	size_t room;
	bool digested; /* digest is filled */
	uint8_t digest[VS_SHA256_SIZE];
};

/* Forgets the names and keeps the memory, up to some hundred KiB of it. */
void roster_reset(struct roster *r);

/* Frees all; it is empty then. */
void roster_release(struct roster *r);

/* Copies one more name; 0 or VS_ENOMEM. */
int roster_add(struct roster *r, const char *name, const struct disk_stat *st);

/* Into the order of the names' bytes; 0 or VS_ENOMEM. */
int roster_sort(struct roster *r);

/*
 * Fills the digest of a sorted one, unless it is: of all names with what
 * compare_stat (compare.h) looks at, so that it is the same for two of which
 * every name compares equal to the very same row.  0, VS_ENOMEM, or
 * VS_ELIMIT for a name that is longer than any that can be published.
 */
int roster_digest(struct roster *r);

/* The name of row i; valid until the next roster_add. */
const char *roster_name(const struct roster *r, size_t i);

/* Whether name is there; of a sorted one only. */
bool roster_has(const struct roster *r, const char *name);

#endif
