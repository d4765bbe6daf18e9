/*
 * The tree checksum: the sum modulo 2^256 of SHA-256 over
 * "path NUL kind NUL size NUL hash NUL" of each live row (size decimal, hash
 * lower-case hex or empty, kind "file", "directory" or "symlink").  Adding
 * and removing commute, so it is kept up to date row by row.  It finds
 * accidents; it is no defence against a forger.
 */
#ifndef VS_TREE_H
#define VS_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is the checksum of no row. */
struct vs_tree {
	int64_t count; /* live rows */
	int64_t bytes; /* sum of their sizes */
	uint8_t sum[32]; /* big-endian */
};

struct vs_tree_row {
	const char *path;
	const char *kind;
	int64_t size;
	const char *hash; /* hex or opaque, "" where there is none */
};

/*
 * A row is there now.  Its path is at most VS_PATH_MAX bytes, its hash at most
 * VS_HASH_OPAQUE, its size not negative: the caller has checked them.
 */
void vs_tree_add(struct vs_tree *t, const struct vs_tree_row *row);

/* A row that was added, just as it was added, is there no more. */
void vs_tree_sub(struct vs_tree *t, const struct vs_tree_row *row);

/* True when count, bytes and sum are the same. */
bool vs_tree_equal(const struct vs_tree *a, const struct vs_tree *b);

#endif
