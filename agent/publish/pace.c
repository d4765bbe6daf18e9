#include "agent/publish/pace.h"

#include "common/base/limits.h"

/* ms still to wait; a clock that was set back counts as long enough. */
static int64_t left(int64_t now, int64_t since, int64_t wait)
{
	int64_t gone = now - since;

	return gone < 0 || gone >= wait ? 0 : wait - gone;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

struct pace pace_decide(const struct pace_view *v)
{
	struct pace p = { .wait_ms = -1 };
	int64_t linger = -1;
	int64_t calm = -1;

	if (v->deletes > 0) {
		calm = left(v->wall_ms, v->deletes_ms, PACE_DELETE_MS);
		if (v->quiet && v->idle_ms >= PACE_IDLE_MS)
			calm = 0;
		else if (v->quiet && PACE_IDLE_MS - v->idle_ms < calm)
			calm = PACE_IDLE_MS - v->idle_ms;
		p.deletes = calm == 0;
	}
	if (v->upserts > 0)
		linger = v->upserts >= VS_BATCH_FLOOR
		    ? 0
		    : left(v->wall_ms, v->upserts_ms, VS_LINGER_MS);
	if (v->upserts > 0 && v->listing &&
	    PACE_LISTING_MS - v->sent_ms > linger)
		linger = PACE_LISTING_MS - v->sent_ms;
	p.go = p.deletes || linger == 0;
	if (!p.go)
		p.wait_ms = sooner(linger, calm);
	return p;
}
