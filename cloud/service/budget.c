#include "cloud/service/budget.h"

#include <assert.h>

#include "common/base/limits.h"

int64_t budget_floor(int64_t baseline)
{
	int64_t share, loss;

	assert(baseline >= 0);
	/* divided first: no overflow, and rounding down is on the safe side */
	share = baseline / 100 * VS_HOLD_PERCENT +
	    baseline % 100 * VS_HOLD_PERCENT / 100;
	loss = share > VS_HOLD_FLOOR ? share : VS_HOLD_FLOOR;
	return baseline > loss ? baseline - loss : 0;
}

bool budget_allows(int64_t baseline, int64_t live)
{
	return live >= budget_floor(baseline);
}
