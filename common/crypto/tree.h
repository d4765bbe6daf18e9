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

void vs_tree_add(struct vs_tree *t, const struct vs_tree_row *row);
void vs_tree_sub(struct vs_tree *t, const struct vs_tree_row *row);
bool vs_tree_equal(const struct vs_tree *a, const struct vs_tree *b);

#endif
