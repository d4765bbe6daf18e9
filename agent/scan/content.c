#include "agent/scan/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/os/mapping.h"
#include "common/os/pagecache.h"

/*
 * Bytes of one read: still in the innermost caches when they are hashed, and
 * too few for malloc to fetch them from the system each time.
 */
#define PIECE ((size_t)64 * 1024)
#define SAMPLE ((int64_t)64 * 1024) /* bytes of a window looked up at first */

/* Where the reading stands. */
struct content {
	int fd;
	int64_t size;
	struct vs_sha256 *sha;
	struct vs_sha256 *before; /* the last mapping; NULL: none is made */
	char *piece;
	size_t cap;
	const atomic_bool *cancel;
};

static size_t windows(const struct content *c)
{
	return (size_t)((c->size + CONTENT_WINDOW - 1) / CONTENT_WINDOW);
}

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * Which windows are in the page cache, by a look at the middle of each; NULL
 * when there is no knowing.  Looked up before the first is read, since the
 * kernel reads far ahead of us.
 */
static bool *cached_windows(const struct content *c)
{
	bool *cached = calloc(windows(c), sizeof(*cached));

	for (size_t i = 0; cached != NULL && i < windows(c); i++) {
		int64_t from = (int64_t)i * CONTENT_WINDOW;
		int64_t left = lesser(c->size - from, CONTENT_WINDOW);
		int64_t off = from + left / 2;
		int has = vs_pagecache_has(
		    c->fd, off, (size_t)lesser(c->size - off, SAMPLE));

		cached[i] = has == 1;
		if (has < 0) {
			free(cached);
			cached = NULL;
		}
	}
	return cached;
}

/* Reads up to end; the offset reached, or a negative code. */
static int64_t read_to(
    const struct content *c, int64_t off, int64_t end, struct vs_err *err)
{
	ssize_t n = 1;

	while (n > 0 && off < end) {
		if (atomic_load_explicit(c->cancel, memory_order_relaxed))
			return vs_err_set(err, VS_ECANCELED, "hash: stopped");
		n = pread(c->fd, c->piece,
		    end - off < (int64_t)c->cap ? (size_t)(end - off) : c->cap,
		    off);
		if (n < 0)
			return vs_err_errno(err, errno, "read");
		vs_sha256_add(c->sha, c->piece, (size_t)n);
		off += n;
	}
	return off;
}

static void mapped_add(void *arg, const void *data, size_t len)
{
	struct content *c = arg;

	vs_sha256_add(c->sha, data, len);
}

/* Hashes what the page cache holds, where it lies; false: it is to be read. */
static bool mapped_hash(struct content *c, int64_t off, int64_t end)
{
	size_t len = (size_t)(end - off);

	if (vs_pagecache_has(c->fd, off, len) != 1)
		return false;
	vs_sha256_copy(c->before, c->sha);
	if (vs_mapping_use(c->fd, off, len, mapped_add, c) == VS_OK)
		return true;
	vs_sha256_copy(c->sha, c->before);
	return false;
}

/* As read_to, but copies nothing that can be hashed where it is. */
static int64_t map_to(
    struct content *c, int64_t off, int64_t end, struct vs_err *err)
{
	if (atomic_load_explicit(c->cancel, memory_order_relaxed))
		return vs_err_set(err, VS_ECANCELED, "hash: stopped");
	return mapped_hash(c, off, end) ? end : read_to(c, off, end, err);
}

/* A large file, window by window, which leaves the cache as it was. */
static int64_t read_large(struct content *c, struct vs_err *err)
{
	bool *cached = cached_windows(c);
	int64_t off = 0;
	int64_t end = 0;

	c->before = vs_mapping_may(c->fd) ? vs_sha256_new() : NULL;
	(void)posix_fadvise(c->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (size_t i = 0; i < windows(c); i++, off = end) {
		bool map = c->before != NULL && cached != NULL && cached[i];
		int64_t next = lesser(c->size, off + CONTENT_WINDOW);

		end = map ? map_to(c, off, next, err)
			  : read_to(c, off, next, err);
		if (end != next)
			break;
		if (cached != NULL && !cached[i])
			(void)posix_fadvise(
			    c->fd, off, end - off, POSIX_FADV_DONTNEED);
	}
	vs_sha256_free(c->before);
	free(cached);
	return end;
}

int64_t content_hash(int fd, int64_t size, uint8_t sha256[VS_SHA256_SIZE],
    const atomic_bool *cancel, struct vs_err *err)
{
	struct content c = {
		.fd = fd,
		.size = size,
		.sha = vs_sha256_new(),
		.cap = (size_t)size < PIECE ? (size_t)size + 1 : PIECE,
		.cancel = cancel,
	};
	int64_t n;

	c.piece = malloc(c.cap);
	if (c.sha == NULL || c.piece == NULL) {
		n = vs_err_set(err, VS_ENOMEM, "hash: out of memory");
	} else {
		vs_sha256_start(c.sha);
		n = size >= CONTENT_LARGE ? read_large(&c, err)
					  : read_to(&c, 0, size, err);
		vs_sha256_end(c.sha, sha256);
	}
	vs_sha256_free(c.sha);
	free(c.piece);
	return n;
}
