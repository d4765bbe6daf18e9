/*
 * No events at all: from time to time everything is to be scanned.  The
 * interval is VS_POLL_TIMES what the last scan's walk took, within
 * VS_POLL_MIN_MS and VS_POLL_MAX_MS, so that a large folder on a slow
 * server is not walked all day.  Nothing is kept of any file.
 */
#include "agent/watch/poll.h"

#include <assert.h>
#include <stdlib.h>

#include "agent/watch/backend.h"
#include "common/base/limits.h"

struct poll {
	struct watch watch; /* first */
	int64_t next_ms; /* mono: hint again */
};

int64_t poll_interval_ms(int64_t took_ms)
{
	int64_t ms;

	assert(took_ms >= 0);
	if (took_ms >= VS_POLL_MAX_MS / VS_POLL_TIMES)
		return VS_POLL_MAX_MS;
	ms = took_ms * VS_POLL_TIMES;
	return ms > VS_POLL_MIN_MS ? ms : VS_POLL_MIN_MS;
}

static int poll_make(struct watch **out, const char *root, struct vs_err *err)
{
	struct poll *p = calloc(1, sizeof(*p));

	(void)root;
	if (p == NULL)
		return vs_err_set(err, VS_ENOMEM, "watch: out of memory");
	/* whoever begins to watch scans first: its end says when to go on */
	p->next_ms = INT64_MAX;
	*out = &p->watch;
	return VS_OK;
}

static void poll_free(struct watch *w)
{
	free(w);
}

static int64_t poll_due(const struct watch *w)
{
	return ((const struct poll *)w)->next_ms;
}

static void poll_tick(struct watch *w, int64_t now_ms)
{
	const struct watch_hint h = { .what = WATCH_SCAN, .path = "" };
	struct poll *p = (struct poll *)w;

	if (now_ms < p->next_ms)
		return;
	/* should the scan be dropped, by whatever, it is asked for again */
	p->next_ms = now_ms + VS_POLL_MAX_MS;
	w->ear.hint(w->ear.arg, &h);
}

static void poll_scanned(struct watch *w, int64_t took_ms, int64_t now_ms)
{
	((struct poll *)w)->next_ms = now_ms + poll_interval_ms(took_ms);
}

const struct watch_backend watch_poll = {
	.name = "poll",
	.make = poll_make,
	.free = poll_free,
	.due = poll_due,
	.tick = poll_tick,
	.scanned = poll_scanned,
};
