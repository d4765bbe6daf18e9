#include "common/crypto/tree.h"

#include <assert.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/crypto/sha256.h"

/* Longest row: path, kind, decimal size, hash, and a NUL behind each. */
#define TREE_ROW_MAX (VS_PATH_MAX + 16 + 21 + VS_HASH_OPAQUE + 4)

struct tree_text {
	char data[TREE_ROW_MAX];
	size_t len;
};

static void tree_put(struct tree_text *t, const char *s)
{
	size_t n = strlen(s) + 1;

	assert(n <= sizeof(t->data) - t->len);
	memcpy(t->data + t->len, s, n);
	t->len += n;
}

/* A number in decimal; rows are hashed far too often for a format. */
static void tree_put_size(struct tree_text *t, int64_t size)
{
	char digits[20]; /* of INT64_MAX, and a NUL */
	size_t at = sizeof(digits) - 1;

	assert(size >= 0);
	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + size % 10);
		size /= 10;
	} while (size > 0);
	tree_put(t, digits + at);
}

static void tree_hash(
    const struct vs_tree_row *row, uint8_t out[VS_SHA256_SIZE])
{
	struct tree_text text;

	text.len = 0;
	tree_put(&text, row->path);
	tree_put(&text, row->kind);
	tree_put_size(&text, row->size);
	tree_put(&text, row->hash);
	vs_sha256(text.data, text.len, out);
}

void vs_tree_add(struct vs_tree *t, const struct vs_tree_row *row)
{
	uint8_t h[VS_SHA256_SIZE];
	unsigned carry = 0;

	tree_hash(row, h);
	for (int i = VS_SHA256_SIZE - 1; i >= 0; i--) {
		carry += (unsigned)t->sum[i] + h[i];
		t->sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
	t->count++;
	t->bytes += row->size;
}

void vs_tree_sub(struct vs_tree *t, const struct vs_tree_row *row)
{
	uint8_t h[VS_SHA256_SIZE];
	int borrow = 0;

	tree_hash(row, h);
	for (int i = VS_SHA256_SIZE - 1; i >= 0; i--) {
		int v = (int)t->sum[i] - h[i] - borrow;

		borrow = v < 0 ? 1 : 0;
		t->sum[i] = (uint8_t)(v + 256 * borrow);
	}
	t->count--;
	t->bytes -= row->size;
}

bool vs_tree_equal(const struct vs_tree *a, const struct vs_tree *b)
{
	return a->count == b->count && a->bytes == b->bytes &&
	    memcmp(a->sum, b->sum, sizeof(a->sum)) == 0;
}
