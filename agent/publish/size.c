#include "agent/publish/size.h"

#include <assert.h>

#include "common/base/limits.h"

static int64_t within(int64_t least, int64_t n, int64_t most)
{
	return n < least ? least : n > most ? most : n;
}

static void set(struct size *s, int64_t changes, int64_t bytes)
{
	s->changes = (int)within(1, changes, VS_BATCH_CHANGES);
	s->bytes = within(SIZE_BYTES_LEAST, bytes, s->ceiling);
}

void size_init(struct size *s, int64_t ceiling)
{
	s->ceiling = ceiling <= 0
	    ? VS_BATCH_BYTES
	    : within(SIZE_BYTES_LEAST, ceiling, VS_BATCH_BYTES);
	s->good = 0;
	set(s, VS_BATCH_CHANGES, s->ceiling);
}

void size_taken(struct size *s, const struct size_sent *b)
{
	assert(b->changes >= 0 && b->bytes >= 0);
	if (b->bytes >= s->ceiling / 4 * 3 && ++s->good >= SIZE_GOOD) {
		s->good = 0;
		s->ceiling =
		    within(0, s->ceiling + s->ceiling / 8, VS_BATCH_BYTES);
	}
	if (b->ms > SIZE_SLOW_MS)
		set(s, b->changes / 2, b->bytes / 2);
	else if (b->ms < SIZE_FAST_MS)
		set(s, s->changes + s->changes / 2 + 1,
		    s->bytes + s->bytes / 2);
}

void size_refused(struct size *s, const struct size_sent *b)
{
	s->good = 0;
	s->ceiling = within(SIZE_BYTES_LEAST, b->bytes / 2, s->ceiling);
	set(s, (b->changes + 1) / 2, s->ceiling);
}

void size_failed(struct size *s, const struct size_sent *b)
{
	set(s, (b->changes + 1) / 2, s->bytes);
}
