/*
 * What a look at the disk says against what is known.  Pure.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "agent/scan/disk.h"

enum compare_verdict {
	COMPARE_SAME, /* nothing to do */
	COMPARE_READ, /* content or link target must be read */
	COMPARE_DIR, /* a directory, new, another, or with another mode */
	COMPARE_GONE, /* nothing publishable there any more */
	COMPARE_SWAP, /* a directory became something else: children first */
	COMPARE_NONE, /* not there, and not known either */
};

/* What a file seen at one path is to a row known of another. */
enum compare_kin {
	COMPARE_STRANGER, /* nothing can be said */
	COMPARE_TWIN, /* the same file, as it was: the same content */
	COMPARE_MOVED, /* the same content if it lost the name it had */
};

/*
 * seen: what the disk has, NULL for nothing; known: what the manifest has,
 * NULL for nothing.  Size, mtime, ctime, inode, birth where both are known,
 * and mode together are the key: any difference makes a read (reliability:
 * F17, F18, F20).
 */
enum compare_verdict compare_stat(
    const struct disk_stat *seen, const struct disk_stat *known);

/*
 * One inode: the same number, and born at the same time unless that is not
 * known of both.  A number that is used again has another birth.
 */
bool compare_born(const struct disk_stat *a, const struct disk_stat *b);

/*
 * For regular files, by inode, birth, size and times.  A rename changes the
 * ctime of the very file, not of what is below a renamed folder; so does an
 * edit whose mtime was put back, but that one keeps its name.  Where births
 * are not known an inode number may be used again, and only an equal ctime
 * tells; where clocks and inode numbers are as coarse as on FAT, nothing.
 */
enum compare_kin compare_kin(
    const struct disk_stat *seen, const struct disk_stat *known);

/*
 * Clocks of file systems tick: a write may leave the times of the write
 * before it.  ms after the last change of st within which that can be, so
 * that a content read then must be read again that much later; FAT's two
 * seconds where its times look so.
 */
int64_t compare_tick_ms(const struct disk_stat *st);

/* True for a content with this stat whose reading began at wall_ms. */
bool compare_racy(const struct disk_stat *st, int64_t wall_ms);

#endif
