#include "agent/scan/compare.h"

#include <stddef.h>

static bool same_key(const struct disk_stat *a, const struct disk_stat *b)
{
	return a->kind == b->kind && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	    a->ino == b->ino && a->mode == b->mode;
}

enum compare_verdict compare_stat(
    const struct disk_stat *seen, const struct disk_stat *known)
{
	if (seen != NULL && seen->odd)
		seen = NULL;
	if (seen == NULL)
		return known != NULL ? COMPARE_GONE : COMPARE_NONE;
	if (known != NULL && known->kind == VS_KIND_DIR &&
	    seen->kind != VS_KIND_DIR)
		return COMPARE_SWAP;
	if (seen->kind == VS_KIND_DIR) {
		if (known != NULL && known->kind == VS_KIND_DIR &&
		    known->mode == seen->mode)
			return COMPARE_SAME;
		return COMPARE_DIR;
	}
	return known != NULL && same_key(seen, known) ? COMPARE_SAME
						      : COMPARE_READ;
}
