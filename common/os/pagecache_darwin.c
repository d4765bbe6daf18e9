#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/os/pagecache.h"

int vs_pagecache_has(int fd, int64_t off, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t before = (size_t)off % page;
	size_t pages = (before + len + page - 1) / page;
	char *in = malloc(pages);
	void *at = mmap(
	    NULL, before + len, PROT_READ, MAP_SHARED, fd, off - (off_t)before);
	int r = -1;

	assert(off >= 0 && len > 0);
	/* a mapping that is never touched cannot fault */
	if (in != NULL && at != MAP_FAILED &&
	    mincore(at, before + len, in) == 0)
		r = 1;
	for (size_t i = 0; r == 1 && i < pages; i++)
		r = (in[i] & MINCORE_INCORE) != 0;
	if (at != MAP_FAILED)
		munmap(at, before + len);
	free(in);
	return r;
}
