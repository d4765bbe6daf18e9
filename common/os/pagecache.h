/* What the system holds in memory of a file's content. */
#ifndef VS_PAGECACHE_H
#define VS_PAGECACHE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Whether all of the len > 0 bytes at off of the open file fd, which lie
 * within it, are held: 1, 0, or negative where there is no knowing.  Reads
 * nothing.  Linux tells nobody of files that he neither owns nor may write:
 * negative or, before 6.5, always 1.
 */
int vs_pagecache_has(int fd, int64_t off, size_t len);

#endif
