#include "agent/scan/hold.h"

#include <assert.h>

#include "common/base/limits.h"

/* How far the cloud may fall below this baseline without a question. */
static int64_t budget(int64_t baseline)
{
	int64_t share = baseline / 100 * VS_HOLD_PERCENT +
	    baseline % 100 * VS_HOLD_PERCENT / 100;

	return share > VS_HOLD_FLOOR ? share : VS_HOLD_FLOOR;
}

bool hold_decide(const struct hold_view *v)
{
	int64_t left = v->live + v->creates - v->deletes;

	assert(v->creates >= 0 && v->deletes >= 0);
	if (v->deletes == 0)
		return false;
	if (left <= 0 && v->live >= HOLD_ALL_FROM)
		return true;
	return left < v->baseline - budget(v->baseline);
}
