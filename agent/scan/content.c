#include "agent/scan/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE ((size_t)256 * 1024) /* bytes of one read */
#define SAMPLE ((size_t)16) /* pages of a window that are looked up */

/* Where the reading stands. */
struct content {
	int fd;
	int64_t size;
	struct vs_sha256 *sha;
	char *piece;
	size_t cap;
	const atomic_bool *cancel;
};

static size_t windows(const struct content *c)
{
	return (size_t)((c->size + CONTENT_WINDOW - 1) / CONTENT_WINDOW);
}

/*
 * Which windows are in the page cache, by a look at the middle of each; NULL
 * when there is no knowing.  Looked up before the first is read, since the
 * kernel reads far ahead of us.  A mapping that is never touched cannot
 * fault.
 */
static bool *cached_windows(const struct content *c)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char in[SAMPLE];
	bool *cached = calloc(windows(c), sizeof(*cached));
	char *at = mmap(NULL, (size_t)c->size, PROT_READ, MAP_SHARED, c->fd, 0);
	bool known = cached != NULL && at != MAP_FAILED;

	for (size_t i = 0; known && i < windows(c); i++) {
		int64_t from = (int64_t)i * CONTENT_WINDOW;
		int64_t left = c->size - from;
		int64_t middle =
		    left < CONTENT_WINDOW ? left / 2 : CONTENT_WINDOW / 2;
		size_t off = (size_t)(from + middle) / page * page;
		size_t len = (size_t)c->size - off;

		len = len < SAMPLE * page ? len : SAMPLE * page;
		known = mincore(at + off, len, (void *)in) == 0;
		cached[i] = (in[0] & 1) != 0 && (in[(len - 1) / page] & 1) != 0;
	}
	if (at != MAP_FAILED)
		munmap(at, (size_t)c->size);
	if (!known) {
		free(cached);
		cached = NULL;
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

/* A large file, window by window, which leaves the cache as it was. */
static int64_t read_large(const struct content *c, struct vs_err *err)
{
	bool *cached = cached_windows(c);
	int64_t off = 0;
	int64_t end = 0;

	(void)posix_fadvise(c->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (size_t i = 0; i < windows(c); i++, off = end) {
		end = off + CONTENT_WINDOW;
		end = read_to(c, off, end < c->size ? end : c->size, err);
		if (end <= off)
			break;
		if (cached != NULL && !cached[i])
			(void)posix_fadvise(
			    c->fd, off, end - off, POSIX_FADV_DONTNEED);
	}
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
		n = size > CONTENT_WINDOW ? read_large(&c, err)
					  : read_to(&c, 0, size, err);
		vs_sha256_end(c.sha, sha256);
	}
	vs_sha256_free(c.sha);
	free(c.piece);
	return n;
}
