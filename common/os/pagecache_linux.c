#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/os/pagecache.h"

/* What Debian 12's headers lack, of cachestat(2), which is in Linux 6.5. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

#define STEP ((size_t)256 * 1024) /* bytes of which older kernels show one */

struct cache_range {
	uint64_t off;
	uint64_t len;
};

struct cache_stat {
	uint64_t cached; /* pages */
	uint64_t dirty;
	uint64_t writeback;
	uint64_t evicted;
	uint64_t evicted_recently;
};

/*
 * By mincore, which takes as long for a page as hashing half a KiB: one page
 * of each step and the last.  A mapping that is never touched cannot fault.
 */
static int sampled(int fd, int64_t off, size_t len, size_t page)
{
	char *at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, off);
	size_t last = (len - 1) / page * page;
	unsigned char in = 1;
	int r = 1;

	if (at == MAP_FAILED)
		return -1;
	for (size_t i = 0; r == 1 && i < len; i += STEP)
		r = mincore(at + i, 1, (void *)&in) == 0 ? in & 1 : -1;
	if (r == 1)
		r = mincore(at + last, 1, (void *)&in) == 0 ? in & 1 : -1;
	munmap(at, len);
	return r;
}

int vs_pagecache_has(int fd, int64_t off, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t before = (size_t)off % page;
	struct cache_range range = { .off = (uint64_t)off - before,
		.len = len + before };
	struct cache_stat found;

	assert(off >= 0 && len > 0);
	if (syscall(SYS_cachestat, fd, &range, &found, 0) == 0)
		return found.cached >= (range.len + page - 1) / page;
	if (errno != ENOSYS)
		return -1;
	return sampled(fd, (int64_t)range.off, (size_t)range.len, page);
}
