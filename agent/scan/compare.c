#include "agent/scan/compare.h"

#include <stddef.h>

bool compare_born(const struct disk_stat *a, const struct disk_stat *b)
{
	return a->ino == b->ino &&
	    (a->born_ns == b->born_ns || a->born_ns == 0 || b->born_ns == 0);
}

static bool same_key(const struct disk_stat *a, const struct disk_stat *b)
{
	return a->kind == b->kind && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	    compare_born(a, b) && a->mode == b->mode;
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
		    known->mode == seen->mode && compare_born(seen, known))
			return COMPARE_SAME;
		return COMPARE_DIR;
	}
	return known != NULL && same_key(seen, known) ? COMPARE_SAME
						      : COMPARE_READ;
}

#define FINE_NS 10000000 /* FAT and its kin count birth in these */

static bool is_coarse(const struct disk_stat *st)
{
	return st->mtime_ns % FINE_NS == 0 && st->ctime_ns % FINE_NS == 0 &&
	    st->born_ns % FINE_NS == 0;
}

enum compare_kin compare_kin(
    const struct disk_stat *seen, const struct disk_stat *known)
{
	if (seen->odd || seen->kind != VS_KIND_FILE ||
	    known->kind != VS_KIND_FILE || !compare_born(seen, known) ||
	    seen->size != known->size || seen->mtime_ns != known->mtime_ns ||
	    is_coarse(seen))
		return COMPARE_STRANGER;
	if (seen->ctime_ns == known->ctime_ns)
		return COMPARE_TWIN;
	return seen->born_ns != 0 && known->born_ns != 0 ? COMPARE_MOVED
							 : COMPARE_STRANGER;
}

#define TICK_MS 20 /* 10 ms is the slowest kernel tick; as much again */
#define TICK_FAT_MS 4000
#define NS_PER_S 1000000000

int64_t compare_tick_ms(const struct disk_stat *st)
{
	return st->mtime_ns % NS_PER_S == 0 && st->ctime_ns % NS_PER_S == 0
	    ? TICK_FAT_MS
	    : TICK_MS;
}

bool compare_racy(const struct disk_stat *st, int64_t wall_ms)
{
	int64_t age = wall_ms - st->ctime_ns / 1000000;
	int64_t tick = compare_tick_ms(st);

	/* far in the future: the clock was set back, and has other times to
	   give for long */
	return age <= tick && age >= -tick;
}
