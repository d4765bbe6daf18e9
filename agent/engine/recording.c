#include "agent/engine/recording.h"

#include <stdlib.h>
#include <string.h>

#include "agent/engine/plain.h"
#include "agent/engine/stage.h"
#include "agent/engine/work.h"
#include "agent/scan/quiet.h"

#define GROWING_MAX 1024 /* files with an account; others are new again */

static bool drop_idle(void *arg, const char *key, void *value)
{
	struct engine *e = arg;
	struct core_growing *g = value;

	if (g->account > e->now.mono_ms)
		return true;
	vs_map_del(e->growing, key);
	free(g);
	return true;
}

/* The account of path; NULL when there is no room for one more. */
static struct core_growing *account(struct engine *e, const char *path)
{
	struct core_growing *g = vs_map_get(e->growing, path);

	if (g != NULL)
		return g;
	if (vs_map_count(e->growing) >= GROWING_MAX)
		vs_map_each(e->growing, drop_idle, e);
	if (vs_map_count(e->growing) >= GROWING_MAX)
		return NULL;
	g = calloc(1, sizeof(*g));
	if (g == NULL || vs_map_put(e->growing, path, g, NULL) < 0) {
		free(g);
		return NULL;
	}
	return g;
}

/* The same file, and longer. */
static bool has_grown(
    const struct disk_stat *now, const struct manifest_row *old)
{
	return old != NULL && old->has_hash && old->stat.kind == VS_KIND_FILE &&
	    now->kind == VS_KIND_FILE && now->ino == old->stat.ino &&
	    now->born_ns == old->stat.born_ns && now->size > old->stat.size;
}

int64_t recording_wait(struct engine *e, const char *path,
    const struct disk_stat *seen, const struct manifest_row *known)
{
	const struct core_growing *g;

	if (!has_grown(seen, known))
		return 0;
	g = vs_map_get(e->growing, path);
	return g == NULL ? 0 : quiet_wait(g->account, e->now.mono_ms);
}

void recording_published(struct engine *e, const char *path,
    const struct disk_stat *now, const struct manifest_row *old)
{
	struct core_growing *g;

	if (!has_grown(now, old))
		return;
	g = account(e, path);
	if (g != NULL)
		g->account = quiet_spend(g->account, e->now.mono_ms);
}

void recording_later(struct engine *e, const char *path, unsigned flags,
    int64_t size, int64_t ms)
{
	struct engine_event ev = {
		.news = ENGINE_RECORDING,
		.path = path,
		.size = size,
	};

	work_later(e, path, (flags & ~(unsigned)SETTLE_HELD) | SETTLE_RECORDING,
	    0, ms);
	if ((flags & SETTLE_RECORDING) == 0)
		e->world.tell(e->world.arg, &ev);
}

/* ms since anybody wrote to it, as far as its times tell. */
static int64_t silence(const struct engine *e, const struct disk_stat *st)
{
	int64_t last =
	    st->mtime_ns > st->ctime_ns ? st->mtime_ns : st->ctime_ns;

	return e->now.wall_ms - last / 1000000;
}

bool recording_found(struct engine *e, const struct core_job *j,
    const struct disk_hash *h, int *rc, struct vs_err *err)
{
	bool held = h->writer == DISK_WRITER;
	int64_t silent = silence(e, &h->stat);
	int64_t wait = quiet_ms(h->stat.size, held) - silent;

	if (h->stat.kind != VS_KIND_FILE || h->writer == DISK_NO_WRITER ||
	    (held && (j->flags & SETTLE_HELD) != 0))
		return false;
	/* times from the future say nothing */
	if (wait <= 0 || (silent < 0 && !held)) {
		if (held)
			work_later(
			    e, j->path, j->flags | SETTLE_HELD, j->gen, 0);
		return held;
	}
	/* not at once: what is written in a moment is no news */
	if ((j->flags & SETTLE_RECORDING) != 0 && !plain_is(e))
		*rc = stage_recording(e, j->path, &h->stat, err);
	recording_later(e, j->path, j->flags, h->stat.size,
	    held && wait > VS_QUIET_MS ? VS_QUIET_MS : wait);
	return true;
}
