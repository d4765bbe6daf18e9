/*
 * A listing of a tree, wherever it came from, so that two can be compared.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/crypto/tree.h"

struct table_row {
	char *path;
	const char *kind; /* static: "file", "directory", "symlink" */
	int64_t size;
	char hash[VS_HASH_HEX + 1]; /* "" where there is none */
	int64_t mtime_us; /* -1: not told */
	int mode; /* -1: not told */
};

struct table {
	struct table_row *row;
	size_t n;
	size_t cap;
	bool unsorted;
};

void table_init(struct table *t);
void table_release(struct table *t);

/* Takes a copy of row; what has the path already is replaced (a sorted
 * table stays sorted).  False: it was there exactly so. */
bool table_put(struct table *t, const struct table_row *row);

/* False when there is no such path. */
bool table_drop(struct table *t, const char *path);

/* NULL when there is no such path. */
const struct table_row *table_find(const struct table *t, const char *path);

/* Appends without looking; table_sort before anything else is asked. */
void table_append(struct table *t, const struct table_row *row);
void table_sort(struct table *t);

/* Writes the first difference into out ("" when there is none). */
bool table_equal(const struct table *a, const char *a_name,
    const struct table *b, const char *b_name, char *out, size_t cap);

/* Its tree checksum. */
void table_tree(const struct table *t, struct vs_tree *out);

#endif
